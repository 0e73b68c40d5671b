"""Changes that a person asks for: restore, undo, resolve, export; and merges that wait for them."""
