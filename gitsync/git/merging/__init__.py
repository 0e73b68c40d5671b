"""Merging in memory: trees, lines of text, renames, and conflict policies."""
