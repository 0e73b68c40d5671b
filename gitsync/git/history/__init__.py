"""Reads history: log, versions of a file, differences, and which version a person means."""
