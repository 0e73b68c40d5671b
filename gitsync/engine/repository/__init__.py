"""One repository on the committer thread: its steps, what holds them up, and what a person asks of it."""
