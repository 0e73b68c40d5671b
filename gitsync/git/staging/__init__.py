"""From the work tree to a tree: which files differ, how they are read, what is held back."""
