"""Which file the two names of a path share: its inode number, remembered for each path over a restart.

Runs on the committer thread; owns `shared` in the repository's state directory. A write in place changes home and
mirror at once, because both names are one file. When home then gets another file of that name, or loses it, what the
mirror still has under the remembered inode number is home's previous version, and no change of the mirror's own.

The file is a log, one JSON list a line, the last line of a path counts. It is not synced to disk: without it, home and
mirror are compared by what they were when last alike.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from gitsync.git.files import storage_error, write_durably

logger = logging.getLogger(__name__)
NAME = "shared"
# Lines that say nothing any more, beyond as many as there are paths, before the log is written again.
SLACK = 1000


class SharedFiles:
    """Inode numbers by path: of the file that both names share, or of home's own where the mirror has a copy."""

    def __init__(self, repo_state_dir: Path, *, is_reading: bool = False, slack: int = SLACK) -> None:
        self._path = repo_state_dir / NAME
        self._slack = slack
        self._is_reading = is_reading
        self._known: dict[bytes, tuple[int, bool]] = {}
        self._names: dict[int, set[bytes]] = {}
        self._changed: dict[bytes, tuple[int, bool] | None] = {}
        self._lines = self._read()

    def of(self, path: bytes) -> int | None:
        """Return the inode number that both names of a path shared last, None if none is known."""
        inode, is_linked = self._known.get(path, (0, False))
        return inode if is_linked else None

    def inode_of(self, path: bytes) -> int:
        """Return the inode number of the file that home had at a path, 0 if none is known."""
        return self._known.get(path, (0, False))[0]

    def names_of(self, inode: int) -> frozenset[bytes]:
        """Return the paths whose file in home had this inode number when it was last looked at."""
        return frozenset(self._names.get(inode, ()))

    def note(self, path: bytes, inode: int, *, is_linked: bool) -> None:
        """Remember the file that home has at a path, and whether it is the mirror's, too."""
        if self._known.get(path) != (inode, is_linked):
            self._set(path, (inode, is_linked))
            self._changed[path] = inode, is_linked

    def forget(self, path: bytes) -> None:
        """Remember nothing of a path."""
        if path in self._known:
            self._set(path, None)
            self._changed[path] = None

    def save(self) -> None:
        """Write down what has changed; raise OperationError."""
        if self._is_reading or not self._changed:
            return
        lines = [_line(path, found) for path, found in self._changed.items()]
        if self._lines + len(lines) > 2 * len(self._known) + self._slack:
            lines = [_line(path, found) for path, found in self._known.items()]
            write_durably(self._path, b"".join(lines))
            self._lines = 0
        else:
            self._append(lines)
        self._lines += len(lines)
        self._changed.clear()

    def _append(self, lines: list[bytes]) -> None:
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with open(handle, "ab") as stream:
                # The last line may have been cut off by a crash: the next one does not go on with it.
                stream.write(b"".join([b"\n", *lines]))
        except OSError as error:
            raise storage_error(f"cannot write {self._path}", error) from error

    def _set(self, path: bytes, found: tuple[int, bool] | None) -> None:
        before = self._known.pop(path, None)
        if before is not None:
            names = self._names[before[0]]
            names.discard(path)
            if not names:
                del self._names[before[0]]
        if found is not None:
            self._known[path] = found
            self._names.setdefault(found[0], set()).add(path)

    def _read(self) -> int:
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return 0
        except OSError as error:
            logger.warning("cannot read %s: %s", self._path, error)
            return 0
        for path, inode, is_linked in _readable(lines):
            self._set(path, (inode, is_linked) if inode else None)
        return len(lines)


def _line(path: bytes, found: tuple[int, bool] | None) -> bytes:
    inode, is_linked = found or (0, False)
    return json.dumps([os.fsdecode(path), inode, is_linked]).encode("ascii") + b"\n"


def _readable(lines: Iterable[bytes]) -> Iterable[tuple[bytes, int, bool]]:
    """Yield what each line says; a line that was cut off by a crash says nothing."""
    for line in lines:
        try:
            path, inode, is_linked = json.loads(line)
            yield os.fsencode(path), int(inode), bool(is_linked)
        except (ValueError, TypeError):
            continue
