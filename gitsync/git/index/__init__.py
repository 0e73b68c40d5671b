"""git's index: its format, its lock, and changes of single entries."""
