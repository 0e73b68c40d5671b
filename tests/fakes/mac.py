"""gitsync on a machine that passes for a Mac: `python mac.py OPTIONS` is the daemon, `python mac.py ctl …` gitsyncctl.

`sys.platform` is macOS's, so the daemon goes the ways it would go there. In the place of FSEvents is a module of the
same shape that walks through the tree; it reports names in decomposed form, as HFS+ does. It lies about nothing that is
on disk. While a file FSEVENTS_DROP exists, changes are dropped, and what is reported is that something was.
"""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import types
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

# FSEvents.h.
FLAGS = {
    "must_scan_subdirs": 0x1,
    "is_user_dropped": 0x2,
    "is_kernel_dropped": 0x4,
    "is_event_ids_wrapped": 0x8,
    "is_root_changed": 0x20,
    "is_mount": 0x40,
    "is_unmount": 0x80,
    "is_created": 0x100,
    "is_removed": 0x200,
    "is_inode_meta_mod": 0x400,
    "is_renamed": 0x800,
    "is_modified": 0x1000,
    "is_owner_change": 0x4000,
    "is_xattr_mod": 0x8000,
    "is_directory": 0x20000,
}
LOOK_EVERY_S = 0.05
Facts = dict[str, tuple[int, int, int, bool]]


class NativeEvent:
    """An event as watchdog's C module makes it."""

    def __init__(self, path: str, inode: int, flags: int, event_id: int) -> None:
        self.path, self.inode, self.flags, self.event_id = path, inode, flags, event_id

    def __getattr__(self, name: str) -> bool:
        if name not in FLAGS:
            raise AttributeError(name)
        return bool(self.flags & FLAGS[name])


class Stream:
    """A stream of events about one tree."""

    def __init__(self, paths: list[str], latency: float = 0.0) -> None:
        self._root = os.fsdecode(paths[0])
        self._is_over = threading.Event()

    def run(self, callback: Callable[..., None], begun: Callable[[], None]) -> None:
        """Report what changes until `stop` is called."""
        before = self._facts()
        begun()
        while not self._is_over.wait(LOOK_EVERY_S):
            now = self._facts()
            found = [*self._events(before, now)]
            before = now
            if found and (drop := os.environ.get("FSEVENTS_DROP")) and os.path.exists(drop):
                found = [(self._root, os.stat(self._root).st_ino, FLAGS["must_scan_subdirs"])]
            if found:
                paths, inodes, flags = (list(each) for each in zip(*found, strict=True))
                callback(paths, inodes, flags, list(range(len(found))))

    def stop(self) -> None:
        """End the stream."""
        self._is_over.set()

    def _facts(self) -> Facts:
        found: Facts = {}
        for above, directories, names in os.walk(self._root):
            for name in (*directories, *names):
                path = f"{above}/{name}"
                try:
                    facts = os.lstat(path)
                except OSError:
                    continue
                found[path] = (facts.st_ino, facts.st_mtime_ns, facts.st_mode, name in directories)
        return found

    @staticmethod
    def _events(before: Facts, now: Facts) -> list[tuple[str, int, int]]:
        found = []
        for path in before.keys() | now.keys():
            old, new = before.get(path), now.get(path)
            if old == new:
                continue
            if old is None or new is None:
                flags = FLAGS["is_created" if old is None else "is_removed"]
            else:
                flags = FLAGS["is_modified"] if old[:2] != new[:2] else FLAGS["is_inode_meta_mod"]
            facts = new or old
            assert facts is not None
            flags |= FLAGS["is_directory"] if facts[3] else 0
            found.append((unicodedata.normalize("NFD", path), facts[0], flags))
        return found


def pass_for_a_mac() -> list[int]:
    """Change this process; return a list that gets an entry for each full flush."""
    from gitsync.control import peer  # noqa: F401 - the kernel that says who connects is Linux's

    module = types.ModuleType("_watchdog_fsevents")
    module.__dict__.update(NativeEvent=NativeEvent, Stream=Stream)
    sys.modules["_watchdog_fsevents"] = module
    flushed: list[int] = []
    real, command = fcntl.fcntl, 51

    def fcntl_of_a_mac(handle: Any, number: int, argument: Any = 0) -> Any:
        if number != command:
            return real(handle, number, argument)
        flushed.append(handle)
        os.fsync(handle)
        return 0

    fcntl.__dict__.update(F_FULLFSYNC=command, fcntl=fcntl_of_a_mac)
    sys.__dict__["platform"] = "darwin"
    return flushed


if __name__ == "__main__":
    flushed = pass_for_a_mac()
    if sys.argv[1:2] == ["ctl"]:
        from gitsync.cli.main import main as control

        sys.exit(control(sys.argv[2:]))
    from gitsync.daemon.main import main

    status = main(sys.argv[1:])
    Path(os.environ["FLUSHED"]).write_text(str(len(flushed)))
    sys.exit(status)
