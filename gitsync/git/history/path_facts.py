"""Collects what disk, index and history say about one path, for `explain`. Read-only.

Runs on the calling thread; owns nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gitsync.core.conflict import is_conflict_copy
from gitsync.core.secrets import HEAD_BYTES
from gitsync.git.applying.atomic_replace import is_open_for_writing
from gitsync.git.history.log import History
from gitsync.git.history.versions import Record, records
from gitsync.git.objects.modes import MODE_GITLINK, MODE_TREE
from gitsync.git.remote.destination import destination
from gitsync.git.remote.results import RemoteChoice
from gitsync.git.rules.ignores import IgnoreRules


@dataclass(frozen=True, slots=True)
class Disk:
    """What is at a path on disk; `head` is the beginning of a file."""

    kind: str
    size: int = 0
    head: bytes = b""
    is_written: bool = False
    why_unreadable: str = ""


@dataclass(frozen=True, slots=True)
class Tracked:
    """What git knows: whether HEAD has the path, whether the disk is equal, whether the index differs from HEAD."""

    is_tracked: bool
    is_same: bool
    is_staged: bool
    left_out: str
    below: int
    differing_below: int


def disk(place: bytes) -> Disk:
    """Return what is at an absolute path."""
    try:
        facts = os.lstat(place)
        if stat.S_ISLNK(facts.st_mode):
            return Disk("link")
        if stat.S_ISDIR(facts.st_mode):
            return Disk("directory")
        if not stat.S_ISREG(facts.st_mode):
            return Disk("special")
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return Disk("absent")
    except OSError as error:
        return Disk("unreadable", why_unreadable=error.strerror or str(error))
    try:
        return Disk("file", facts.st_size, os.pread(handle, HEAD_BYTES, 0), is_open_for_writing(handle))
    except OSError as error:
        return Disk("unreadable", why_unreadable=error.strerror or str(error))
    finally:
        os.close(handle)


def tracked(history: History, path: bytes, kind: str) -> Tracked:
    """Return what git knows of `path`, which is `kind` on disk."""
    head = history.head()
    entry = history.entry(head, path) if head is not None else None
    if entry is not None and entry.mode == MODE_GITLINK:
        entry = None
    if (entry is not None and entry.mode == MODE_TREE) or (entry is None and kind == "directory"):
        below = len(history.entries_below(entry.id, path)) if entry is not None else 0
        if history.is_mirrored:
            return Tracked(False, False, False, "", below, len(history.dirty(path)))
        told = history.ask("status", "--porcelain=v1", "-z", "--no-renames", "--", path or b".")
        return Tracked(False, False, False, "", below, sum(bool(line) for line in told.split(b"\0")))
    listed = history.ask("ls-files", "-s", "-v", "-z", "--", path).split(b"\0")[0]
    facts, _, _ = listed.partition(b"\t")
    tag, *rest = facts.split(b" ") if facts else (b"",)
    in_index = (int(rest[0], 8), rest[1].decode("ascii")) if rest else None
    left_out = "skip-worktree" if tag in (b"S", b"s") else "assume-unchanged" if tag.islower() else ""
    is_staged = in_index != (entry and (entry.mode, entry.id))
    here = history.present(path) if kind in ("file", "link") else None
    is_same = entry is not None and here is not None and history.is_same(here, entry)
    return Tracked(entry is not None, is_same, is_staged, left_out, 0, 0)


def nested(rules: IgnoreRules, path: bytes) -> bytes:
    """Return the nested repository that `path` is in, or is, below the work tree; b"" for none."""
    parts = path.split(b"/")
    above = (b"/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return next((directory for directory in above if rules.is_nested(directory)), b"")


def last(history: History, path: bytes) -> Record | None:
    """Return the last commit that changed `path`, None for none."""
    found = records(history, path, limit=1)
    return found[0] if found else None


def is_pushed(history: History, remotes: Iterable[str | None], commit: str) -> tuple[str, bool] | None:
    """Return a remote and whether it is known to have `commit`, one that has it first; None without a remote.

    `remotes` are the options of that name.
    """
    branch = history.try_ask("symbolic-ref", "--short", "--quiet", "HEAD")
    found = [destination(Path(history.root), each, os.fsdecode(branch).strip()) if branch else None for each in remotes]
    choices = [choice for choice in found if isinstance(choice, RemoteChoice)]
    for choice in choices:
        if history.try_ask("merge-base", "--is-ancestor", commit, choice.tracking) is not None:
            return choice.remote, True
    return (choices[0].remote, False) if choices else None


def original(path: bytes) -> bytes:
    """Return the path that `path` is a conflict copy of, b"" when its name is not one of a copy."""
    copied = is_conflict_copy(path)
    return b"" if copied is None else copied[0]
