"""git's configuration of one repository, as the git program tells it, remembered while its files stay as they are.

Any thread.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gitsync.errors import OperationError
from gitsync.git import program
from gitsync.text import as_word, clean

CONFIG_DEADLINE_S = 20.0
_REMEMBERED = 256
# How often the files may change while they are read before the answer is taken without remembering it.
_TRIES = 3
_NUMBER = re.compile(r"[+-]?\d+[kmg]?")

_Fact = tuple[int, int, int, int, int] | None
Stamp = tuple[tuple[Path, _Fact], ...]


@dataclass(frozen=True)
class GitConfig:
    """All values of each key, in git's order; None is a key without "=".

    Section and name are lower case, the part between them as written. `stamp` differs whenever a file has changed;
    None when that cannot be determined.
    """

    values: Mapping[str, tuple[str | None, ...]]
    stamp: Stamp | None = None

    @cached_property
    def last(self) -> Mapping[str, str]:
        """Return the value of each key that counts, "" for one without a value."""
        return {key: values[-1] or "" for key, values in self.values.items()}

    def get(self, key: str, default: str = "") -> str:
        """Return the value that counts, "" for a key without one, `default` where there is no such key."""
        return self.last.get(key, default)

    def all(self, key: str) -> tuple[str, ...]:
        """Return every value of a key."""
        return tuple(value or "" for value in self.values.get(key, ()))

    def is_true(self, key: str, default: bool = False) -> bool:
        """Return a switch as git reads it; `default` where it is not set, or is not a boolean."""
        if key not in self.values:
            return default
        value = self.values[key][-1]
        if value is None:
            return True
        word = value.strip().lower()
        if word in ("true", "yes", "on"):
            return True
        if word in ("false", "no", "off", ""):
            return False
        return int(word.rstrip("kmg")) != 0 if _NUMBER.fullmatch(word) else default


_memory: dict[Path, GitConfig] = {}


def read(root: Path) -> GitConfig:
    """Return the effective configuration of the repository whose work tree begins at `root`.

    Raise OperationError "git-config" when it cannot be read.
    """
    known = _memory.get(root)
    if known is not None and known.stamp is not None and _stamp(path for path, _ in known.stamp) == known.stamp:
        return known
    found = _read(root)
    if len(_memory) >= _REMEMBERED:
        _memory.clear()
    _memory[root] = found
    return found


def _read(root: Path) -> GitConfig:
    """Read the files, and once more where they name others, so that what is remembered is not older than its stamp."""
    places = _places(root)
    for _ in range(_TRIES):
        before = _stamp(places)
        values, named = _listed(root)
        if named <= places:
            is_whole = _stamp(places) == before
            return GitConfig(values, before if is_whole else None)
        places |= named
    return GitConfig(values)


def _listed(root: Path) -> tuple[Mapping[str, tuple[str | None, ...]], set[Path]]:
    done = program.run("config", "--null", "--list", "--show-origin", root=root, deadline_s=CONFIG_DEADLINE_S)
    if not done.ok:
        raise unreadable(root, done.errors)
    values: dict[str, list[str | None]] = {}
    named: set[Path] = set()
    fields = os.fsdecode(done.stdout).split("\0")
    for origin, entry in zip(fields[0::2], fields[1::2], strict=False):
        key, is_set, value = entry.partition("\n")
        values.setdefault(key, []).append(value if is_set else None)
        file = root / origin.removeprefix("file:") if origin.startswith("file:") else None
        if file is not None:
            named.add(file)
        if key.startswith(("include.", "includeif.")) and key.endswith(".path"):
            # A file that is not there, or not included now, may be at the next look.
            named.add((file.parent if file is not None else root) / os.path.expanduser(value))
            if ".onbranch:" in key:
                named.add(git_dir(root) / "HEAD")
    return {key: tuple(found) for key, found in values.items()}, named


def _places(root: Path) -> set[Path]:
    """Return the files that git reads where they are there."""
    home = Path.home()
    program = shutil.which("git")
    own = git_dir(root)
    return {
        common_dir(own) / "config",
        own / "config.worktree",
        Path(os.environ.get("GIT_CONFIG_GLOBAL") or home / ".gitconfig"),
        Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git/config",
        Path(os.environ.get("GIT_CONFIG_SYSTEM") or "/etc/gitconfig"),
        Path(program or "/usr/bin/git").parents[1] / "etc/gitconfig",
    }


def git_dir(root: Path) -> Path:
    """Return the git directory of a work tree: `.git`, or where the file of that name points to."""
    place = root / ".git"
    try:
        pointed = place.read_bytes() if place.is_file() else b""
    except OSError:
        pointed = b""
    return root / os.fsdecode(pointed.removeprefix(b"gitdir:").strip()) if pointed.startswith(b"gitdir:") else place


def common_dir(own: Path) -> Path:
    """Return the git directory that a linked work tree shares with others; of any other its own."""
    try:
        return own / os.fsdecode((own / "commondir").read_bytes().strip())
    except OSError:
        return own


def _stamp(places: Iterable[Path]) -> Stamp:
    return tuple((place, _fact(place)) for place in sorted(places))


def _fact(place: Path) -> _Fact:
    try:
        found = place.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def unreadable(root: Path, why: str) -> OperationError:
    """Return the error of a configuration that cannot be read."""
    place = clean(str(root))
    if not root.is_dir():
        hint = f"mount or restore it; or, to stop watching it: gitsyncctl unwatch {as_word(place)}"
        return OperationError(f"{place} does not exist", hint, code="root-vanished")
    return OperationError(
        f"{place}: git's configuration cannot be read: {clean(why)}",
        f"git -C {as_word(place)} config --list",
        code="git-config",
    )
