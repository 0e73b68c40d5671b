"""What is committed, or is not, for a reason that people may not expect. Runs on the committer thread.

Repositories inside this one, tracked files that an ignore rule names, tracked files that `exclude` leaves out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from gitsync.git.rules.ignores import is_work_tree
from gitsync.git.staging.held_paths import HeldPaths
from gitsync.text import as_word, clean, shown

_SHOWN = 3


class Remarks:
    """What is known of one work tree; a scan learns it, and staging adds to it."""

    def __init__(self, root: str, held: HeldPaths) -> None:
        self._root = root
        self._held = held
        self._nested: set[bytes] = set()
        self._ignored: tuple[bytes, ...] = ()
        self._excluded: dict[bytes, str] = {}

    def see(self, nested: Iterable[bytes], ignored: Iterable[bytes]) -> None:
        """Take what a scan found: repositories in the tree, tracked files that an ignore rule names."""
        self._nested = set(nested)
        self._ignored = tuple(ignored)
        self._excluded.clear()

    def see_nested(self, path: bytes) -> None:
        """Take note of a repository in the tree."""
        self._nested.add(path)

    def see_excluded(self, path: bytes, pattern: str) -> None:
        """Take note of a tracked file whose change is not committed because of a pattern of the configuration."""
        self._excluded[path] = pattern

    @property
    def lines(self) -> tuple[str, ...]:
        """Return a sentence for each, with what can be done."""
        nested = map(self._of_nested, sorted(self._nested_now()))
        return (*self._of_held(), *nested, *self._of_ignored(), *self._of_excluded())

    def _nested_now(self) -> list[bytes]:
        return [path for path in self._nested if is_work_tree(os.path.join(os.fsencode(self._root), path))]

    def _of_nested(self, path: bytes) -> str:
        place = clean(os.path.join(self._root, os.fsdecode(path)))
        return (
            f"{shown(path)} is a repository of its own and is not committed here: make it a submodule "
            f"(git submodule add), ignore it (.gitignore), or watch it: gitsyncctl watch {as_word(place)}"
        )

    def _of_held(self) -> Iterable[str]:
        held, top = self._held.inside, clean(self._root)
        for nested in sorted(set(held.values())):
            names = _names(tuple(path for path, at in held.items() if at == nested))
            yield (
                f"{names}: not written on this machine, because {shown(nested)} is a git repository of its own by now; "
                f"to get what was pulled, move that repository elsewhere, then: gitsyncctl sync {as_word(top)}"
            )
        for path in [path for path in self._held.paths if path not in held][:_SHOWN]:
            name = os.fsdecode(path)
            yield (
                f"{shown(path)} is not what was pulled, and its changes are not committed; to get what was pulled: "
                f"rm {as_word(clean(os.path.join(self._root, name)))}, then: gitsyncctl sync {as_word(top)}; to commit "
                f"what is there: git -C {as_word(top)} update-index --no-skip-worktree {as_word(clean(name))}"
            )

    def _of_ignored(self) -> Iterable[str]:
        if self._ignored:
            names, first = _names(self._ignored), as_word(clean(os.fsdecode(self._ignored[0])))
            yield (
                f"an ignore rule names {names}, but tracked files are committed all the same; to stop that: "
                f"git -C {as_word(clean(self._root))} rm --cached {first}, or `exclude` on this machine alone"
            )

    def _of_excluded(self) -> Iterable[str]:
        for path, pattern in sorted(self._excluded.items())[:_SHOWN]:
            yield f"{shown(path)} is tracked, but not committed on this machine: exclude = {pattern!r}"
        if len(self._excluded) > _SHOWN:
            yield f"and {len(self._excluded) - _SHOWN} more tracked files are excluded on this machine"


def _names(paths: tuple[bytes, ...]) -> str:
    names = ", ".join(map(shown, paths[:_SHOWN]))
    return f"{names} and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else names
