"""What the daemon answers, a theme a module: each maps a method's name to a function from parameters to a document."""
