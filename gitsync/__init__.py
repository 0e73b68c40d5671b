"""gitsync keeps directories versioned and the same on all of a person's machines, with nothing but git."""
