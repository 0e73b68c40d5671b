"""Hints about what changed on disk; the only place that meets watchdog."""
