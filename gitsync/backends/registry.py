"""Which program does which job, by the name in the configuration."""

from __future__ import annotations

from gitsync.backends import git, rsync, unison
from gitsync.backends.base import Backend

BACKENDS: dict[str, Backend] = {"git": git.run, "rsync": rsync.run, "unison": unison.run}
