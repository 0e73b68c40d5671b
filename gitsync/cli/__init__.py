"""The control command, gitsyncctl."""
