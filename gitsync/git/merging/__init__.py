"""Merging in memory: three trees, texts by line, renames, and conflicts by policy."""
