"""Reads how many inotify instances and watches this user's programs hold, and the limits. Any thread; changes
nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gitsync.watch.limits import lowest

_QUEUE = "/proc/sys/fs/inotify/max_queued_events"
_INOTIFY = "anon_inode:inotify"


@dataclass(frozen=True, slots=True)
class Budget:
    """Usage and limits; processes whose descriptors cannot be read are not counted."""

    watches: int
    watches_limit: int
    watches_key: str
    instances: int
    instances_limit: int
    instances_key: str
    queue_limit: int


def budget() -> Budget | None:
    """Return the current usage and limits, None where there is no inotify."""
    try:
        queue = int(Path(_QUEUE).read_text())
    except (OSError, ValueError):
        return None
    watches_key, watches_limit = lowest("watches")
    instances_key, instances_limit = lowest("instances")
    instances, watches = _used()
    return Budget(watches, watches_limit, watches_key, instances, instances_limit, instances_key, queue)


def _used() -> tuple[int, int]:
    """Return how many inotify instances and watches the processes of this user hold."""
    uid = os.geteuid()
    instances = watches = 0
    for process in os.scandir("/proc"):
        if not process.name.isdigit():
            continue
        try:
            if process.stat().st_uid != uid:
                continue
            for descriptor in os.listdir(f"{process.path}/fd"):
                if os.readlink(f"{process.path}/fd/{descriptor}") == _INOTIFY:
                    instances += 1
                    with open(f"{process.path}/fdinfo/{descriptor}", "rb") as stream:
                        watches += stream.read().count(b"inotify wd:")
        except OSError:
            continue  # the process has ended, or cannot be inspected
    return instances, watches
