"""git's index: its format, its lock, and changing single entries of it."""
