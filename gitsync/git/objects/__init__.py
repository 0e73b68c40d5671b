"""Objects, trees, commits and refs."""
