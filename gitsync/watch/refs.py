"""Detects pushes to a repository on this machine by inotify watches on the directories of its branches.

Runs on the thread that owns the `RefWatches`. Results are hints: the receiver finds out what moved. Linux only.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

from gitsync.watch import syscalls
from gitsync.watch.limits import lowest, roomy, shortage
from gitsync.watch.shared import Listener, SharedInotify
from gitsync.watch.syscalls import Event

logger = logging.getLogger(__name__)

# A branch moves by a rename in its directory; packing and deletion are seen, too. git's lock files are not.
MASK = (
    syscalls.IN_MOVED_TO
    | syscalls.IN_DELETE
    | syscalls.IN_CREATE
    | syscalls.IN_DELETE_SELF
    | syscalls.IN_MOVE_SELF
    | syscalls.IN_ONLYDIR
)
# Directories below refs/heads; a repository with more is fetched on the schedule, like one on another machine.
MOST = 500
_LOCK = b".lock"
# File systems on which inotify does not see what other machines do. FUSE mounts are "fuse", "fuseblk", "fuse.NAME".
_SHARED = re.compile(
    "9p|afs|ceph|cifs|coda|davfs|fuse.*|glusterfs|gfs2|lustre|nfs4?|ocfs2|smb3|smbfs|vboxsf|virtiofs|vmhgfs"
)


def is_deaf(directory: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Whether a directory is on a network or FUSE file system, where pushes by others raise no event here."""
    place = os.path.realpath(directory)
    best, kind = "", ""
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return False
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4]) if len(fields) > 4 else ""
        is_below = point == "/" or place == point or place.startswith(point + "/")
        # Of several mounts on one directory the last one counts.
        if point and is_below and len(point) >= len(best):
            best, kind = point, after.split(" ")[0]
    return _SHARED.fullmatch(kind) is not None


class RefWatches:
    """The watches on any number of git directories, each with the names of those who are interested.

    `ring` is called on any thread when there is something to `take`.
    """

    def __init__(self, inotify: SharedInotify, ring: Callable[[], None]) -> None:
        self._inotify = inotify
        self._ring = ring
        self._listener: Listener | None = None
        self._wanted: dict[Hashable, Path] = {}
        # Several paths may lead to one directory.
        self._watched: dict[int, set[Path]] = {}
        self._refused: dict[Hashable, str] = {}

    def listen(self, name: Hashable, directory: Path | None) -> bool:
        """Report changes in a git directory under `name` from now on; return whether that is new and possible.

        Of a directory without branches everything below it is watched.
        A directory that is removed is forgotten, and can be watched again when it is back.
        """
        if self._wanted.get(name) == directory:
            return False
        self._wanted.pop(name, None)
        self._refused.pop(name, None)
        if directory is not None and not is_deaf(directory):
            self._wanted[name] = directory
            if why := self._cover(directory):
                self._refused[name] = why
        self._tidy()
        return name in self._wanted

    @property
    def names(self) -> set[Any]:
        """Return the names whose directory is watched."""
        return set(self._wanted)

    @property
    def refused(self) -> dict[Any, str]:
        """Return the names whose directory the kernel's limits do not allow to watch, with what would change that."""
        return dict(self._refused)

    def take(self) -> set[Any]:
        """Return the names whose directory has changed."""
        moved: set[Path] = set()
        asked = dict(self._wanted)
        for wd, mask, _, name in self._events():
            directories = self._watched.get(wd, set())
            if mask & syscalls.IN_Q_OVERFLOW:
                moved.update(asked.values())
            elif mask & syscalls.IN_IGNORED:
                self._watched.pop(wd, None)
            elif mask & (syscalls.IN_DELETE_SELF | syscalls.IN_MOVE_SELF | syscalls.IN_UNMOUNT):
                moved |= directories
                for directory in list(directories):
                    self._give_up(directory)
            elif mask & syscalls.IN_ISDIR:
                moved |= directories
                for directory in list(directories):
                    self._cover(directory)
            elif not name.endswith(_LOCK):
                moved |= directories
        return {name for name, directory in asked.items() if directory in moved}

    def close(self) -> None:
        """Give up all watches."""
        self._wanted, self._watched = {}, {}
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _events(self) -> list[Event]:
        if self._listener is None:
            return []
        try:
            self._listener.pull()
            return self._listener.take()
        except OSError as error:
            logger.debug("the watches on remotes are lost: %s", error)
            self.close()
            return []

    def _cover(self, directory: Path) -> str:
        """Watch a git directory, or give it up; return why the kernel's limits do not allow it, else ""."""
        places = [os.fsencode(directory)]
        heads = directory / "refs/heads"
        for place, names, _ in os.walk(os.fsencode(heads if heads.is_dir() else directory)):
            places.append(place)
            if len(places) + len(names) > MOST:
                self._give_up(directory)
                return ""
        try:
            if self._listener is None:
                self._listener = self._inotify.listen(self._ring)
        except OSError as error:
            self._give_up(directory)
            return shortage(error.errno or 0).hint
        try:
            for place in places:
                self._watched.setdefault(self._listener.add(place, MASK), set()).add(directory)
        except OSError as error:
            self._give_up(directory)
            return _watches_used_up() if error.errno == errno.ENOSPC else ""
        return ""

    def _give_up(self, directory: Path) -> None:
        for wd in [wd for wd, watched in self._watched.items() if directory in watched]:
            self._watched[wd].discard(directory)
            if not self._watched[wd]:
                del self._watched[wd]
                if self._listener is not None:
                    self._listener.remove(wd)
        self._wanted = {name: wanted for name, wanted in self._wanted.items() if wanted != directory}

    def _tidy(self) -> None:
        for directory in set().union(*self._watched.values()) - set(self._wanted.values()):
            self._give_up(directory)


def _watches_used_up() -> str:
    key, limit = lowest("watches")
    return f"{key} allows {limit} watches for all programs together; to change that: sudo sysctl {key}={roomy(limit)}"
