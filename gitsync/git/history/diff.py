"""Differences between a commit and the work tree or the commit's parent, as files and a patch. Read-only.

Runs on the calling thread; owns nothing.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass

from gitsync.git.history.log import History
from gitsync.git.history.versions import Touched, touched_in

# A longer patch is cut here; `is_cut` records that.
PATCH_MAX = 4 << 20
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", "-M")


@dataclass(frozen=True, slots=True)
class Changes:
    """The files that differ, and the patch; `is_cut` when the patch is truncated."""

    files: tuple[Touched, ...]
    patch: bytes
    is_cut: bool


def since(history: History, commit: str, paths: list[bytes]) -> Changes:
    """Return the differences between `commit` and the work tree at `paths` (none: all), new files included."""
    named: list[str | bytes] = ["--", *paths]
    if history.is_mirrored and paths:
        return _changes(history, [commit, *named], {}, is_there=True)
    new = history.ask("ls-files", "--others", "--exclude-standard", "-z", *named).split(b"\0")[:-1]
    if not new:
        return _changes(history, [commit, *named], {})
    with tempfile.TemporaryDirectory(prefix="gitsync-diff-") as scratch:
        # A copy of the index with the new files added: git shows them, and the user's index is unchanged.
        index = os.path.join(scratch, "index")
        own = {"GIT_INDEX_FILE": index}
        real = os.path.join(history.program.git_dir, "index")
        if os.path.exists(real):
            shutil.copyfile(real, index)
        argv = ("add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul")
        history.ask(*argv, input=b"\0".join(new), env=own)
        return _changes(history, [commit, *named], own)


def of(history: History, commit: str, parent: str | None) -> Changes:
    """Return what `commit` changed relative to its first parent, or to the empty tree."""
    before = parent or history.ask("hash-object", "-t", "tree", "--stdin", input=b"").decode("ascii").strip()
    return _changes(history, [before, commit], {})


def _changes(history: History, what: list[str | bytes], env: dict[str, str], *, is_there: bool = False) -> Changes:
    files = history.ask("diff", "--raw", "-z", "--no-abbrev", "-M", "--no-ext-diff", *what, env=env, is_there=is_there)
    patch = history.ask("diff", *_PLAIN, *what, env=env, is_there=is_there)
    return Changes(tuple(touched_in(files.split(b"\0"), 0)[0]), patch[:PATCH_MAX], len(patch) > PATCH_MAX)
