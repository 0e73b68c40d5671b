"""Detects pushes to a repository on this machine by inotify watches on the directories of its branches.

Runs on the thread that owns the `Inotify`. Results are hints: the receiver finds out what moved. Linux only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from gitsync.watch import syscalls
from gitsync.watch.syscalls import Inotify

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
    """The watches on any number of git directories, each with the names of those who are interested."""

    def __init__(self, inotify: Inotify) -> None:
        self._inotify = inotify
        self._wanted: dict[Hashable, Path] = {}
        self._watched: dict[int, Path] = {}

    def listen(self, name: Hashable, directory: Path | None) -> bool:
        """Report changes in a git directory under `name` from now on; return whether that is new and possible.

        Of a directory without branches everything below it is watched.
        A directory that is removed is forgotten, and can be watched again when it is back.
        """
        if self._wanted.get(name) == directory:
            return False
        self._wanted.pop(name, None)
        if directory is not None and not is_deaf(directory):
            self._wanted[name] = directory
            self._cover(directory)
        self._tidy()
        return name in self._wanted

    @property
    def names(self) -> set[Any]:
        """Return the names whose directory is watched."""
        return set(self._wanted)

    def take(self) -> set[Any]:
        """Return the names whose directory has changed."""
        moved: set[Path] = set()
        asked = dict(self._wanted)
        while data := self._inotify.read():
            for wd, mask, _, name in syscalls.parse(data):
                directory = self._watched.get(wd)
                if mask & syscalls.IN_Q_OVERFLOW:
                    moved.update(self._watched.values())
                elif directory is None:
                    continue
                elif mask & syscalls.IN_IGNORED:
                    del self._watched[wd]
                elif mask & (syscalls.IN_DELETE_SELF | syscalls.IN_MOVE_SELF | syscalls.IN_UNMOUNT):
                    moved.add(directory)
                    self._give_up(directory)
                elif mask & syscalls.IN_ISDIR:
                    moved.add(directory)
                    self._cover(directory)
                elif not name.endswith(_LOCK):
                    moved.add(directory)
        return {name for name, directory in asked.items() if directory in moved}

    def _cover(self, directory: Path) -> None:
        places = [os.fsencode(directory)]
        heads = directory / "refs/heads"
        for place, names, _ in os.walk(os.fsencode(heads if heads.is_dir() else directory)):
            places.append(place)
            if len(places) + len(names) > MOST:
                self._give_up(directory)
                return
        try:
            for place in places:
                self._watched[self._inotify.add(place, MASK)] = directory
        except OSError:  # no more watches, or no permission: the schedule has to suffice
            self._give_up(directory)

    def _give_up(self, directory: Path) -> None:
        for wd in [wd for wd, watched in self._watched.items() if watched == directory]:
            self._inotify.remove(wd)
            del self._watched[wd]
        self._wanted = {name: wanted for name, wanted in self._wanted.items() if wanted != directory}

    def _tidy(self) -> None:
        for directory in set(self._watched.values()) - set(self._wanted.values()):
            self._give_up(directory)
