"""Somebody who works in a work tree without looking: saves, removes, renames, swaps files and directories.

Every content is unique and has a length of its own, so that a version that was lost or torn can be told by its bytes.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from tests.conftest import run_git

# Few, so that people meet; names that differ in case alone, in Unicode form alone, and that no text can hold.
NAMES = (
    "a.txt",
    "list.txt",
    "d/x.txt",
    "d/e/y.txt",
    "A.txt",
    "d",
    "d/e",
    "caf\u00e9.txt",
    "cafe\u0301.txt",
    "run.sh",
    "data.bin",
    "odd\udcff\nname",
    "new/z.txt",
)
LINES = 9


def blank(number: int) -> bytes:
    """Return the text that everybody starts from, line by line."""
    return b"".join(b"%d: as it was in the beginning of file %d\n" % (line, number) for line in range(LINES))


class Person:
    """One user of one work tree; each deed returns the paths and the trees that the kernel would name."""

    def __init__(self, root: Path, name: str, names: tuple[str, ...] = NAMES) -> None:
        self.root = root
        self.name = name
        self.names = names
        self._count = 0

    def content(self, size: int, *, is_binary: bool = False) -> bytes:
        """Return bytes that nobody has ever written, about `size` lines."""
        self._count += 1
        mark = f"{self.name} version {self._count}"
        zero = b"\0" if is_binary else b""
        return b"".join(f"{mark} line {line}\n".encode() + zero for line in range(size + 1))

    def save(self, number: int, size: int, is_renamed: bool) -> tuple[list[bytes], list[bytes]]:
        """Write a file anew, in place or by way of a temporary."""
        path = self.path(number)
        with suppress(OSError):  # a file where a directory would be, or the other way round: he is told so, and stops
            path.parent.mkdir(parents=True, exist_ok=True)
            data = self.content(size, is_binary=path.suffix == ".bin")
            if is_renamed and not path.is_dir():
                aside = path.with_name(f".{self.name}'s temporary")
                aside.write_bytes(data)
                aside.replace(path)
            else:
                path.write_bytes(data)
        return self._note(path)

    def change_line(self, number: int, line: int) -> tuple[list[bytes], list[bytes]]:
        """Change one line of a text, or add one below it."""
        path = self.path(number)
        if path.is_file() and not path.is_symlink():
            lines = path.read_bytes().splitlines(keepends=True)
            line %= len(lines) + 1
            lines[line : line + 1] = [self.content(0)]
            path.write_bytes(b"".join(lines))
        return self._note(path)

    def remove(self, number: int) -> tuple[list[bytes], list[bytes]]:
        """Remove a file, or a directory with all that is below it."""
        path = self.path(number)
        with suppress(FileNotFoundError, NotADirectoryError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        return self._note(path)

    def rename(self, number: int, other: int) -> tuple[list[bytes], list[bytes]]:
        """Give a file or a directory another name, over whatever has it."""
        path, target = self.path(number), self.path(other)
        with suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(path, target)
        return [*self._note(path)[0], *self._note(target)[0]], [*self._note(path)[1], *self._note(target)[1]]

    def change_mode(self, number: int) -> tuple[list[bytes], list[bytes]]:
        """Make a file executable, or take that back."""
        path = self.path(number)
        if path.is_file() and not path.is_symlink():
            path.chmod(path.stat().st_mode ^ 0o111)
        return self._note(path)

    def link(self, number: int) -> tuple[list[bytes], list[bytes]]:
        """Put a symbolic link in the place of a file."""
        path = self.path(number)
        with suppress(OSError):
            path.unlink(missing_ok=True)
            path.symlink_to(f"nowhere/{self.name}/{self.content(0).decode().strip()}")
        return self._note(path)

    def swap(self, number: int, size: int) -> tuple[list[bytes], list[bytes]]:
        """Put a directory in the place of a file, or a file in the place of a directory."""
        path = self.path(number)
        was_directory = path.is_dir() and not path.is_symlink()
        self.remove(number)
        with suppress(OSError):
            if was_directory:
                path.write_bytes(self.content(size))
            else:
                path.mkdir(parents=True)
                (path / "inside.txt").write_bytes(self.content(size))
        return self._note(path)

    def commit(self) -> tuple[list[bytes], list[bytes]]:
        """Commit by hand what git knows of; a lock in the way, or nothing to commit, is no matter to him."""
        run_git(self.root, "commit", "-qam", f"{self.name} by hand", check=False)
        return [], []

    def path(self, number: int) -> Path:
        return self.root / self.names[number % len(self.names)]

    def _note(self, path: Path) -> tuple[list[bytes], list[bytes]]:
        name = os.fsencode(path.relative_to(self.root))
        return [name], [name]
