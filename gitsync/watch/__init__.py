"""Detects changes on disk; the only user of watchdog."""
