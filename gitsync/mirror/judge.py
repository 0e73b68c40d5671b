"""Brings the list of what is not in order in home or the mirror up to date, for `status`. On the committer thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from gitsync.core.coverage import parents
from gitsync.core.dotfiles import Letter, letter
from gitsync.git.objects.modes import MODE_GITLINK
from gitsync.git.objects.trees import TREE, lookup
from gitsync.mirror.metadata import is_mirror_metadata
from gitsync.mirror.mirror_sync import MirrorSync, PathFacts
from gitsync.mirror.quick_look import QuickLook


def judge(keeper: MirrorSync, paths: Iterable[bytes], head_tree: str | None, known: Mapping[bytes, PathFacts]) -> None:
    """Bring the list of what is not in order up to date for these paths, of which some facts may be `known`."""
    keeper.renew()
    quick = QuickLook(keeper, head_tree)
    for path in paths:
        if path not in known and quick.is_in_order(path):
            found = None
        elif keeper.coverage.entry(path) is None:
            found = _untracked(keeper, path, head_tree)
        else:
            facts = known.get(path) or keeper.facts(path, head_tree, is_calm=True)
            is_linked_as_wanted = keeper.is_linked_as_wanted(facts)
            found = letter(
                facts.home.version, facts.mirror.version, facts.head, is_linked_as_wanted=is_linked_as_wanted
            )
            if not facts.head.is_there and _is_unwanted(keeper, facts, found):
                found = None  # it came and went, or is not wanted, in a tracked directory
        if found is None:
            keeper.broken.pop(path, None)
        else:
            keeper.broken[path] = found


def judge_all(keeper: MirrorSync, known: Mapping[bytes, PathFacts], in_order: AbstractSet[bytes] = frozenset()) -> None:
    """Look at everything that is tracked or in the mirror, but for what is `known`, or known to be `in_order`."""
    tree = keeper.head_tree
    keeper.broken.clear()
    judge(keeper, {*keeper.files_of(b"", tree), *keeper.in_head(tree)} - in_order, tree, known)


def _is_unwanted(keeper: MirrorSync, facts: PathFacts, found: Letter | None) -> bool:
    """Whether a path that was never committed is as it should be: it came and went, or is ignored."""
    if found is Letter.NEITHER:
        return not (facts.path in keeper.coverage.files and facts.base.is_there)
    is_by_directory = found is Letter.ONLY_HOME and facts.path not in keeper.coverage.files
    return is_by_directory and keeper.worktree.ignores.is_ignored(facts.path, False)


def _untracked(keeper: MirrorSync, path: bytes, head_tree: str | None) -> Letter | None:
    if keeper.manifest.entries.get(path) is not None or is_mirror_metadata(path) or _is_elsewhere(keeper, path):
        return None
    entry = lookup(keeper.worktree.store, head_tree, path)
    return Letter.UNTRACKED if entry is not None and entry.mode not in (TREE, MODE_GITLINK) else None


def _is_elsewhere(keeper: MirrorSync, path: bytes) -> bool:
    """Whether the path belongs to an entry of other machines'."""
    return any(
        (entry := keeper.manifest.entries.get(above)) is not None and entry.is_directory and not entry.is_gone
        for above in parents(path)
    )
