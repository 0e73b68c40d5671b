"""The directories below one root, opened without following links and kept open for their next use.

Runs on the thread of its owner. `renew` is called before each change of a file: after it, a kept handle is used only
where its path still leads to that very directory, compared by device and inode. Between two calls no directory is
looked for again, so that a directory that is moved at this moment is met by the next change, and not half way.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

OPEN_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Neighbours are used one after the other; a rename needs two of them at a time.
_KEPT = 32


class Directories:
    """The root and the directories below it that were used last; a context manager."""

    def __init__(self, root: str | bytes) -> None:
        """Open the root; raise OSError."""
        self.root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._known: dict[bytes, _Known] = {}
        self._turn = 0
        self._retired: tuple[list[int], list[int]] = [], []

    def __enter__(self) -> Directories:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every handle."""
        kept = [known.handle for known in self._known.values()]
        for handle in (*kept, *self._retired[0], *self._retired[1], self.root):
            os.close(handle)
        self._known.clear()
        self._retired = [], []

    def parent(self, path: bytes, *, is_made: bool = False) -> tuple[int, bytes]:
        """Return the handle of the directory that contains `path`, and the last component.

        The handle is valid until the next call but one. With `is_made`, create missing directories. Raise OSError:
        ENOENT, ENOTDIR or ELOOP where a component is not a directory.
        """
        if self._retired[0] or self._retired[1]:
            # The handle that the last call returned is in use: it is closed later even if its directory was moved.
            for handle in self._retired[1]:
                os.close(handle)
            self._retired = [], self._retired[0]
        above, _, name = path.rpartition(b"/")
        known = self._known.get(above)
        if known is not None and (known.turn == self._turn or self._is_current(known)):
            return known.handle, name
        if not above:
            return self.root, name
        while len(self._known) > _KEPT:
            self._retire(next(iter(self._known)))
        return self._open(above, is_made).handle, name

    def renew(self) -> None:
        """Compare each directory with its path before it is used the next time."""
        self._turn += 1

    def _is_current(self, known: _Known) -> bool:
        """Whether the path of a directory still leads to it, step by step; False where it has to be opened again."""
        if known.turn == self._turn:
            return True
        above = known.above
        if known.handle < 0 or (above is not None and not self._is_current(above)):
            return False
        try:
            at = self.root if above is None else above.handle
            facts = os.stat(known.name, dir_fd=at, follow_symlinks=False)
        except OSError:
            return False  # opening it reports why
        if known.inode != facts.st_ino or known.device != facts.st_dev:
            return False
        known.turn = self._turn
        return True

    def _open(self, path: bytes, is_made: bool) -> _Known:
        known = self._known.get(path)
        if known is not None and self._is_current(known):
            return known
        place, _, name = path.rpartition(b"/")
        above = self._open(place, is_made) if place else None
        if known is not None:
            self._retire(path)
        at = self.root if above is None else above.handle
        if is_made:
            with suppress(FileExistsError):  # also raised for a non-directory: opening it reports that
                os.mkdir(name, dir_fd=at)
        handle = os.open(name, OPEN_DIR, dir_fd=at)
        facts = os.fstat(handle)
        made = self._known[path] = _Known(above, name, handle, facts.st_dev, facts.st_ino, self._turn)
        return made

    def _retire(self, path: bytes) -> None:
        """Forget a directory, so that those below it are opened again; its handle is closed a while later."""
        known = self._known.pop(path)
        self._retired[0].append(known.handle)
        known.handle, known.turn = -1, -1


@dataclass(slots=True)
class _Known:
    above: _Known | None
    name: bytes
    handle: int
    device: int
    inode: int
    turn: int


# A root may be the bare handle of its directory, too, for a use or two.
Root = int | Directories


class Parent(tuple[int, bytes]):
    """The directory of one path below a root and the path's last component; a context manager."""

    __slots__ = ()

    def __enter__(self) -> Parent:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        """Leave the handle open: its `Directories` keeps it."""


class _OpenParent(Parent):
    """One that is open while the context lasts."""

    __slots__ = ()

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        os.close(self[0])


def parent_of(root: Root, path: bytes, *, is_made: bool = False) -> Parent:
    """Open the directory that contains `path`, component by component below `root`; yield it and the last component.

    With `is_made`, create missing directories. Raise OSError: ENOENT, ENOTDIR or ELOOP where a component is not a
    directory.
    """
    if isinstance(root, Directories):
        return Parent(root.parent(path, is_made=is_made))
    return _OpenParent(_opened(root, path, is_made))


def _opened(root: int, path: bytes, is_made: bool) -> tuple[int, bytes]:
    above, _, name = path.rpartition(b"/")
    at = os.dup(root)
    try:
        for step in above.split(b"/") if above else ():
            if is_made:
                with suppress(FileExistsError):
                    os.mkdir(step, dir_fd=at)
            below = os.open(step, OPEN_DIR, dir_fd=at)
            os.close(at)
            at = below
    except BaseException:
        os.close(at)
        raise
    return at, name
