"""The process: start, stop, once, logs, lock, handlers."""
