"""Jobs that sync a directory with a server by unison."""
