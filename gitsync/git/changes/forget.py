"""Stops keeping files in a repository: one commit takes them out of it and lists them in the tree's `.gitignore`.

Runs on the committer thread; owns nothing. The files stay on disk, here and, by the commit's trailer, wherever gitsync
takes the commit in (`applying/forgotten.py`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from gitsync.errors import OperationError, UsageError
from gitsync.git.applying.apply import OvertakenError, put
from gitsync.git.applying.forgotten import TRAILER
from gitsync.git.history.versions import SHOWN_NAMES
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_FILE, MODE_TREE
from gitsync.git.objects.store import BLOB
from gitsync.git.objects.trees import TreeEntry, edit_tree, lookup
from gitsync.git.repository import Mergeable, head_tree
from gitsync.git.staging.worktree import Worktree
from gitsync.model import CommitInfo
from gitsync.text import as_word, clean, shown

IGNORE = b".gitignore"
_SPECIAL = frozenset(b"\\*?[")
_CONTROL = b"[[:cntrl:]]"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The commit, the tracked paths that it took out, and the lines that it added to `.gitignore`."""

    commit: CommitInfo | None
    paths: tuple[bytes, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ForgetPlan:
    """What forgetting comes to: the changes of the tree, and the entry that `.gitignore` has now."""

    changes: dict[bytes, TreeEntry | None]
    ignore: TreeEntry | None
    forgotten: Forgotten


def plan(place: Mergeable, paths: tuple[bytes, ...]) -> ForgetPlan:
    """Return what forgetting `paths`, files or directories, would change.

    Raise UsageError "unknown-path" for one that is not tracked.
    """
    _, head, tree = head_tree(place)
    gone: set[bytes] = set()
    lines: list[bytes] = []
    for path in paths:
        entry = None if tree is None or not path else lookup(place.store, tree, path)
        if entry is None or head is None:
            raise _not_tracked(place, path)
        gone |= _below(place, head, path) if entry.mode == MODE_TREE else {path}
        lines.append(_line(path, is_directory=entry.mode == MODE_TREE))
    was = lookup(place.store, tree, IGNORE)
    if was is not None and was.mode not in (MODE_FILE, MODE_EXECUTABLE):
        raise OperationError(f"{clean(place.root)}: .gitignore is not a plain file", "make it one", code="blocked")
    text = b"" if was is None else place.store.read(was.id)[1]
    new = [line for line in lines if line not in text.split(b"\n")]
    text += (b"\n" if text and not text.endswith(b"\n") else b"") + b"".join(line + b"\n" for line in new)
    changes: dict[bytes, TreeEntry | None] = dict.fromkeys(gone)
    if new:
        changes[IGNORE] = TreeEntry(MODE_FILE if was is None else was.mode, place.store.write(BLOB, text))
    return ForgetPlan(changes, was, Forgotten(None, tuple(sorted(gone)), tuple(map(os.fsdecode, new))))


def forget(worktree: Worktree, paths: tuple[bytes, ...], *, author: str = "") -> Forgotten:
    """Take `paths` out of the repository, and leave them on disk.

    Raise UsageError as `plan` does, OvertakenError while a `.gitignore` is not committed, and what `apply.put` raises.
    """
    wanted = plan(worktree, paths)
    if wanted.ignore is None and os.path.lexists(os.path.join(worktree.root, os.fsdecode(IGNORE))):
        raise OvertakenError(f"{clean(worktree.root)}: .gitignore is not committed yet", (IGNORE,))
    gone = wanted.forgotten.paths
    tree = edit_tree(worktree.store, head_tree(worktree)[2], wanted.changes)
    message = f"{_subject(paths)}\n\nThe files stay where they are.\n\n{TRAILER}: {len(gone)}\n"
    done = put(worktree, tree, message=message, reason="forget", author=author, forgotten=frozenset(gone))
    return replace(wanted.forgotten, commit=done.commit)


def _below(place: Mergeable, head: str, path: bytes) -> set[bytes]:
    named = place.program.read(
        "ls-tree", "-r", "-z", "--name-only", "--full-tree", head, "--", b":(top,literal)" + path
    )
    return {name for name in named.split(b"\0") if name}


def _not_tracked(place: Mergeable, path: bytes) -> UsageError:
    where = os.path.join(place.root, os.fsdecode(path)).rstrip("/")
    if not path:
        hint = f"to stop watching it: gitsyncctl unwatch {as_word(where)}"
        return UsageError(f"{clean(where)} is a whole repository", hint)
    return UsageError(
        f"{clean(where)} is not tracked, so nothing has to be forgotten",
        f"to see why: gitsyncctl explain {as_word(where)}",
        code="unknown-path",
    )


def _subject(paths: tuple[bytes, ...]) -> str:
    names = ", ".join(shown(path) for path in paths[:SHOWN_NAMES])
    return f"Forget {names}" + (f" and {len(paths) - SHOWN_NAMES} more" if len(paths) > SHOWN_NAMES else "")


def _line(path: bytes, *, is_directory: bool) -> bytes:
    """Return the pattern that matches exactly this path, from the top of the tree."""
    escaped = b"".join(b"\\%c" % byte if byte in _SPECIAL else b"%c" % byte for byte in path)
    # A pattern ends with its line, and git drops a carriage return there: neither can be escaped (gitignore(5)).
    escaped = escaped.replace(b"\n", _CONTROL).replace(b"\r", _CONTROL)
    if escaped.endswith(b" "):
        escaped = escaped[:-1] + b"\\ "
    return b"/" + escaped + (b"/" if is_directory else b"")
