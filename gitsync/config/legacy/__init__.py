"""The configuration formats of the programs that gitsync takes over from, read as they are."""
