"""Applies git's ignore rules as if the topmost .gitignore of a work tree did not exist. On its owner's thread.

git has no option for that, and a rule of the topmost file that matches a directory keeps git from reading those below.
So each directory at the top is asked about as if it were a work tree of its own; in `info/exclude` and the user's own
file, patterns that begin with "/" are relative to it, then.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from gitsync.git.program import GitProgram
from gitsync.git.rules.answers import Answers
from gitsync.git.rules.chain import Chains

T = TypeVar("T")
_COMMAND = ("check-ignore", "--no-index", "--stdin", "-z", "-v", "-n")


class BelowTop(Generic[T]):
    """The answers for one work tree; `read` makes one of git's four fields, `nothing` is the one of no rule."""

    def __init__(self, program: GitProgram, read: Callable[[list[bytes]], T], nothing: T) -> None:
        self._program = program
        self._read = read
        self._nothing = nothing
        self._parts: dict[bytes, tuple[Chains, Answers[T]]] = {}
        self._outside: tuple[object, bool] = (None, False)

    def of(self, path: bytes) -> T:
        """Return git's answer for one path; raise OperationError when git cannot be asked."""
        top, _, rest = path.partition(b"/")
        is_below = rest and os.path.isdir(os.fsencode(self._program.root) + b"/" + top)
        return self._part(top).of(rest) if is_below else self._part(b"").of(path)

    def refresh(self, outside: object, *, has_outside: bool) -> None:
        """Look again at every rule file; `outside` differs when one outside of the work tree does."""
        self._outside = outside, has_outside
        for chains, _ in self._parts.values():
            chains.refresh(outside, has_outside=has_outside)

    def rest(self) -> None:
        """End the children."""
        for _, answers in self._parts.values():
            answers.rest()

    def _part(self, top: bytes) -> Answers[T]:
        if top not in self._parts:
            # A directory without rules stands for the top itself.
            root = self._root(top)
            chains = Chains(os.fsencode(root), b".gitignore", lambda path: None)
            chains.refresh(self._outside[0], has_outside=self._outside[1])
            program = GitProgram(self._program.git_dir, root)
            self._parts[top] = chains, Answers(program, chains, _start, 4, self._read, self._nothing)
        return self._parts[top][1]

    def _root(self, top: bytes) -> str:
        if not top:
            return os.fsdecode(os.path.join(os.fsencode(self._program.git_dir), b"refs"))
        return os.fsdecode(os.path.join(os.fsencode(self._program.root), top))


def _start(needs_index: bool) -> tuple[Sequence[str], Mapping[str, str]]:
    return _COMMAND, {}
