"""Work trees to measure on: made by fast-import, because a hundred thousand `git add`s would take the whole minute."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import Place

FILES_IN_A_DIRECTORY = 100
DIRECTORIES_IN_ONE = 20


def path_of(number: int) -> str:
    """Return the path of the file with this number: a hundred files to a directory, twenty directories to one."""
    directory = number // FILES_IN_A_DIRECTORY
    return f"part{directory // DIRECTORIES_IN_ONE:03d}/chapter{directory:04d}/note{number:06d}.txt"


def flat_path_of(number: int) -> str:
    """Return the path of the file with this number in one directory of all files."""
    return f"notes/note{number:06d}.txt"


def content_of(number: int, version: int = 0) -> bytes:
    """Return some lines that no other file has."""
    return b"".join(b"line %d of note %d, version %d\n" % (line, number, version) for line in range(4 + number % 20))


def make(place: Place, root: Path, count: int, name: Callable[[int], str] = path_of) -> Path:
    """Make a work tree of `count` files with one commit; `name` says what each is called."""
    root.mkdir(parents=True)
    place.git(root, "init", "-q")
    stream = [b"commit refs/heads/main\ncommitter Bench Mark <bench@example.org> 1700000000 +0000\ndata 5\nfirst\n"]
    files = [(name(number), content_of(number)) for number in range(count)]
    files.append((".gitignore", b"build/\n*.log\n"))
    for path, content in files:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        stream.append(b"M 644 inline %b\ndata %d\n%b\n" % (path.encode(), len(content), content))
    place.git(root, "fast-import", "--quiet", input=b"".join(stream))
    _settle(place, root)
    return root


def stored_bytes(place: Place, root: Path) -> int:
    """Return how many bytes the loose objects of a work tree have on disk."""
    lines = place.git(root, "count-objects", "-v").splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("size:")))


def copy(place: Place, source: Path, target: Path) -> Path:
    """Copy a work tree with its repository, for git to work on beside the daemon's."""
    shutil.copytree(source, target, symlinks=True)
    _settle(place, target)
    return target


def _settle(place: Place, root: Path) -> None:
    # With fresh stat data, and the cached tree that a commit of git's own would leave.
    place.git(root, "read-tree", "HEAD")
    place.git(root, "update-index", "-q", "--refresh")
