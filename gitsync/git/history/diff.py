"""Differences between a commit and the work tree or the commit's parent, as files and a patch. Read-only.

Runs on the calling thread; owns nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitsync.git.history.log import History
from gitsync.git.history.versions import Touched, touched_in

if TYPE_CHECKING:
    from gitsync.git.staging.held_back import Acceptance

# A longer patch is cut here; `is_cut` records that.
PATCH_MAX = 4 << 20
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", "-M")


@dataclass(frozen=True, slots=True)
class Changes:
    """The files that differ, and the patch; `is_cut` when the patch is truncated."""

    files: tuple[Touched, ...]
    patch: bytes
    is_cut: bool


def since(history: History, commit: str, paths: list[bytes], acceptance: Acceptance) -> Changes:
    """Return the differences between `commit` and the work tree at `paths` (none: all), as they would be committed."""
    if history.is_mirrored and paths:
        with history.index_copy() as own:
            return _changes(history, [commit, "--", *paths], own, is_there=True)
    new = [path for path in _untracked(history, paths, acceptance.include) if acceptance.takes_new(path)]
    # A submodule counts by its commit, as for the committer.
    named: list[str | bytes] = ["--ignore-submodules=dirty", commit, "--", *paths]
    with history.index_copy() as own:
        if new:
            # The new files are added to the copy, so that git shows them. It stores an empty file for them: not in the
            # repository, which this only reads.
            own["GIT_OBJECT_DIRECTORY"] = f"{own['GIT_INDEX_FILE']}.objects"
            os.mkdir(own["GIT_OBJECT_DIRECTORY"])
            own["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = _object_directory(history)
            argv = ("add", "--force", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul")
            history.ask(*argv, input=b"\0".join(new), env=own)
        if acceptance.rules.has_excluding:
            listed = history.ask("diff", "--name-only", "-z", *named, env=own).split(b"\0")[:-1]
            taken = [path for path in listed if acceptance.takes_change(path)]
            if not taken:
                return Changes((), b"", is_cut=False)
            named = ["--ignore-submodules=dirty", commit, "--", *taken]
        return _changes(history, named, own)


def _object_directory(history: History) -> str:
    named = os.fsdecode(history.ask("rev-parse", "--git-path", "objects")).removesuffix("\n")
    return os.path.join(history.root, named)


def _untracked(history: History, paths: list[bytes], include: Sequence[str]) -> list[bytes]:
    """Return the new files that git does not ignore, or that `include` takes back; a repository ends in a slash."""
    argv = ("ls-files", "--others", "--exclude-standard", "-z")
    found = history.ask(*argv, "--", *paths).split(b"\0")[:-1]
    if include:
        from pathspec import GitIgnoreSpec  # late: most configurations have no pattern of their own

        wanted = GitIgnoreSpec.from_lines(include)
        ignored = history.ask(*argv, "--ignored", "--", *paths).split(b"\0")[:-1]
        found += [path for path in ignored if wanted.match_file(os.fsdecode(path))]
    return found


def of(history: History, commit: str, parent: str | None) -> Changes:
    """Return what `commit` changed relative to its first parent, or to the empty tree."""
    return _changes(history, [parent or empty_tree(history), commit], {})


def empty_tree(history: History) -> str:
    """Return the id of the tree without files."""
    return history.ask("hash-object", "-t", "tree", "--stdin", input=b"").decode("ascii").strip()


def _changes(history: History, what: list[str | bytes], env: dict[str, str], *, is_there: bool = False) -> Changes:
    files = history.ask("diff", "--raw", "-z", "--no-abbrev", "-M", "--no-ext-diff", *what, env=env, is_there=is_there)
    patch = history.ask("diff", *_PLAIN, *what, env=env, is_there=is_there)
    return Changes(tuple(touched_in(files.split(b"\0"), 0)[0]), patch[:PATCH_MAX], len(patch) > PATCH_MAX)
