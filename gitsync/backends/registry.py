"""Which program does which job, by the name in the configuration.

Each is loaded with its first job: most people have none, and a daemon that idles should be small.
"""

from __future__ import annotations

from gitsync.backends.base import Backend, Order, Report


def _git(order: Order) -> Report:
    from gitsync.backends.git import job

    return job.run(order)


def _rsync(order: Order) -> Report:
    from gitsync.backends.rsync import job

    return job.run(order)


def _unison(order: Order) -> Report:
    from gitsync.backends.unison import job

    return job.run(order)


BACKENDS: dict[str, Backend] = {"git": _git, "rsync": _rsync, "unison": _unison}
