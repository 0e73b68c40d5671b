"""Readers for the configuration formats of gitsync's predecessors."""
