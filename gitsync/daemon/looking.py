"""The environment of handlers that only read: the configuration, without the engine, which is slow to load."""

from __future__ import annotations

from gitsync.config.load import load
from gitsync.daemon.handlers.context import Selection


def looking(config_option: str | None) -> Selection:
    """Return the repositories and jobs of the configuration; raise ConfigError for a faulty one."""
    config = load(config_option)
    return Selection(lambda: config)
