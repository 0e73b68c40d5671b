"""Decides and never does: pure functions of their arguments; time, randomness and facts come in as such."""
