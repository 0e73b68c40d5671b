"""The steps of the guided setup, one a file: each says what it would do, asks, and calls the command that does it."""
