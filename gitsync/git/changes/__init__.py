"""Changes that a person requests: restore, undo, resolve, export; and merges that wait for a person."""
