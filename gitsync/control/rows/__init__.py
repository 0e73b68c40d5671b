"""The rows of the table of commands, a theme a module; pure data, cheap to load."""
