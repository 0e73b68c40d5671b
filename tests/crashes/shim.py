"""Builds the shim and orders it by the memory that it shares with every process that it was loaded into."""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
KILL, CLOCK = -1, -2
_HEAD = struct.Struct("<8q256s256s512s")
_PIDS, _SLOTS = 4096, 65536
_DIRTY_AT = _HEAD.size + 4 * _PIDS


def is_loadable() -> bool:
    """Return whether this system loads it."""
    return sys.platform == "linux"


class Shim:
    """The shared memory of one machine, and the environment that its processes need."""

    def __init__(self, directory: Path, watched: tuple[Path, Path]) -> None:
        self.library = directory / "shim.so"
        done = subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-o", self.library, SOURCE, "-ldl", "-pthread"],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        path = directory / "shared"
        path.write_bytes(bytes(_DIRTY_AT + 8 * _SLOTS))
        self.trace = directory / "trace"
        self.trace.touch()
        with path.open("r+b") as stream:
            self._memory = mmap.mmap(stream.fileno(), 0)
        first, second = watched
        _HEAD.pack_into(self._memory, 0, *(0,) * 8, os.fsencode(first), os.fsencode(second), b"")
        self.env = {"LD_PRELOAD": str(self.library), "CRASH_SHARED": str(path), "CRASH_TRACE": str(self.trace)}

    def arm(self, at: int = 0, act: int = KILL, *, step: int = 0, is_traced: bool = False) -> None:
        """Count from 1 again, and do `act` at that call (0: at none): KILL, CLOCK by `step` seconds, or an errno."""
        self._memory[_DIRTY_AT:] = bytes(8 * _SLOTS)
        self._memory[_HEAD.size : _DIRTY_AT] = bytes(4 * _PIDS)
        os.truncate(self.trace, 0)
        struct.pack_into("<8q", self._memory, 0, 0, at, act, 0, 0, step, is_traced, 0)

    @property
    def calls(self) -> int:
        """Return how many calls were made since it was armed."""
        return int(struct.unpack_from("<q", self._memory)[0])

    @property
    def where(self) -> str:
        """Return the call that was acted at last."""
        return os.fsdecode(_HEAD.unpack_from(self._memory)[-1].split(b"\0")[0])

    def unsynced(self) -> frozenset[int]:
        """Return the inodes of files whose content no fsync has written yet."""
        slots = struct.unpack_from(f"<{_SLOTS}Q", self._memory, _DIRTY_AT)
        return frozenset(slot >> 1 for slot in slots if slot & 1)
