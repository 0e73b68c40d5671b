"""The name of this machine. Any thread."""

from __future__ import annotations

import socket

from gitsync.config.options import RepoConfig


def host_name() -> str:
    """Return what this machine is called in the manifest: its name without the domain."""
    return socket.gethostname().partition(".")[0] or "localhost"


def machine_name(config: RepoConfig) -> str:
    """Return what this machine is called in commits, "" for nothing."""
    return host_name() if config.machine is None else config.machine
