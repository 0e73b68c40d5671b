"""Merges two histories into one tree: every merge has a result, whatever was done on either side.

Runs on the committer thread; owns nothing, and writes only unreferenced objects. Only what differs from the base is
read, so the cost depends on the changes and not on the size of the tree. docs/design/merges.rst says why this is not
libgit2's merge.

Machines that merge the same two commits, each calling its own ours, get the same tree, except for which version keeps
the name (`conflict_resolver`) and for the policies `ours` and `theirs`; and the merge of their merges is the same tree
for both. To that end, several merge bases are merged first, by the same rules and without sides. The base of two
machines that resolved one conflict independently is then that conflict resolved, and it does not come up again.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitsync.core.conflict import Policy, Rules, copy_name
from gitsync.git.merging.conflict_resolver import ConflictResolver, Side, ThreeWay
from gitsync.git.merging.renames import Renames
from gitsync.git.merging.text_merge import LineMerger
from gitsync.git.objects.ancestry import merge_bases
from gitsync.git.objects.loose import LooseWriter
from gitsync.git.objects.modes import MODE_GITLINK
from gitsync.git.objects.trees import TREE, TreeEntry, diff, edit_tree, lookup
from gitsync.git.repository import Mergeable, tree_of

# Merge bases of merge bases: beyond this depth, the first one is used alone.
DEPTH_MAX = 8
_INNER = {Policy.OURS: Policy.KEEP_BOTH, Policy.THEIRS: Policy.KEEP_BOTH, Policy.MANUAL: Policy.KEEP_BOTH}

Changes = dict[bytes, tuple[TreeEntry | None, TreeEntry | None]]


@dataclass(frozen=True, slots=True)
class ResolvedConflict:
    """A conflict that was resolved by `policy`; `copy` is the path of the conflict copy, if there is one."""

    path: bytes
    policy: Policy
    copy: bytes | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged tree, None while a person must resolve the `waiting` paths; `resolved` lists all conflicts."""

    tree: str | None
    resolved: tuple[ResolvedConflict, ...] = ()
    waiting: tuple[bytes, ...] = ()


def merge(worktree: Mergeable, ours: str, theirs: str, rules: Rules) -> Merged:
    """Merge two commits, also with unrelated histories. Raise OperationError when an object is missing."""
    lines = LineMerger(worktree, (ours, theirs))
    origin = _origin(worktree, lines, ours, theirs, rules, 0)
    return _merge(worktree, lines, origin, (_side(worktree, ours), _side(worktree, theirs)), rules)


def merge_from(worktree: Mergeable, base: str, ours: str, theirs: str, rules: Rules) -> Merged:
    """Merge two commits as if `base` were the tree of their merge base. Raise OperationError when an object is
    missing.
    """
    sides = _side(worktree, ours), _side(worktree, theirs)
    return _merge(worktree, LineMerger(worktree, (ours, theirs)), _Origin(base, (base,)), sides, rules)


@dataclass(frozen=True, slots=True)
class _Origin:
    """The tree of the merge base (None: there is none), and the trees of all merge bases that it was merged from."""

    tree: str | None
    bases: tuple[str, ...] = ()


def _side(worktree: Mergeable, commit: str) -> Side:
    return Side(tree_of(worktree, commit), (commit,))


def _origin(worktree: Mergeable, lines: LineMerger, one: str, other: str, rules: Rules, depth: int) -> _Origin:
    """Return the base of two commits; several merge bases are merged like any commits, but without sides."""
    bases = [_side(worktree, commit) for commit in merge_bases(worktree.repo, one, other)]
    if not bases:
        return _Origin(None)
    merged = bases[0]
    inner = Rules(
        _INNER.get(rules.default, rules.default),
        tuple((pattern, _INNER.get(policy, policy)) for pattern, policy in rules.patterns),
    )
    for base in bases[1:] if depth < DEPTH_MAX else ():
        origin = _origin(worktree, lines, bases[0].commits[0], base.commits[0], rules, depth + 1)
        tree = _merge(worktree, lines, origin, (merged, base), inner, is_inner=True).tree
        assert tree is not None
        merged = Side(tree, (*merged.commits, *base.commits))
    return _Origin(merged.tree, tuple(base.tree for base in bases))


def _merge(
    worktree: Mergeable,
    lines: LineMerger,
    origin: _Origin,
    sides: tuple[Side, Side],
    rules: Rules,
    *,
    is_inner: bool = False,
) -> Merged:
    store, writer = worktree.store, LooseWriter(worktree.store)
    tree_merge = _TreeMerge(worktree, origin.tree, sides, rules)
    tree_merge.resolve(ConflictResolver(store, writer, lines, sides, rules, origin.bases, is_inner=is_inner))
    if tree_merge.waiting:
        return Merged(None, waiting=tuple(sorted(tree_merge.waiting)))
    tree = edit_tree(writer, sides[0].tree, tree_merge.changes())
    writer.flush()
    return Merged(tree, tuple(sorted(tree_merge.resolved, key=lambda item: (item.path, item.copy or b""))))


class _TreeMerge:
    """The paths of one merge while it is computed."""

    def __init__(self, worktree: Mergeable, base: str | None, sides: tuple[Side, Side], rules: Rules) -> None:
        self._store = worktree.store
        self._base = base
        self._rules = rules
        self._diffs: tuple[Changes, Changes] = (
            diff(worktree.store, base, sides[0].tree),
            diff(worktree.store, base, sides[1].tree),
        )
        self._trees = (sides[0].tree, sides[1].tree)
        # Of a partial clone: renames are found, and files merged, by all versions of what either side changed.
        entries = (entry for changes in self._diffs for pair in changes.values() for entry in pair)
        worktree.store.fetch_promised(entry.id for entry in entries if entry is not None and entry.mode != MODE_GITLINK)
        self._renames = (
            Renames(worktree.repo, worktree.store, base, sides[0].tree),
            Renames(worktree.repo, worktree.store, base, sides[1].tree),
        )
        self._final: dict[bytes, TreeEntry | None] = {}
        self._copies: list[tuple[bytes, TreeEntry, Policy]] = []
        self.resolved: list[ResolvedConflict] = []
        self.waiting: set[bytes] = set()

    def changes(self) -> dict[bytes, TreeEntry | None]:
        """Return the merged entries that differ from our side."""
        ours = self._diffs[0]
        return {path: entry for path, entry in self._final.items() if path not in ours or ours[path][1] != entry}

    def resolve(self, resolver: ConflictResolver) -> None:
        """Resolve every path."""
        for three_way in self._three_ways():
            resolution = resolver.resolve(three_way)
            if resolution.policy is Policy.MANUAL:
                self.waiting.add(three_way.path)
                continue
            self._final[three_way.path] = resolution.entry
            if resolution.copy is not None:
                self._copies.append((three_way.path, resolution.copy, Policy.KEEP_BOTH))
            elif resolution.policy is not None:
                self.resolved.append(ResolvedConflict(three_way.path, resolution.policy))
        self._make_way_for_directories()
        self._place_copies()

    # -- which paths are which ----------------------------------------------------------------------------------------

    def _three_ways(self) -> list[ThreeWay]:
        paths = self._diffs[0].keys() | self._diffs[1].keys()
        three_ways = {path: self._three_way(path) for path in paths}
        for follow in (self._follow_rename, self._follow_directory):
            for path in sorted(paths):
                for here in (0, 1):
                    follow(three_ways, path, here)
        return [three_ways[path] for path in sorted(three_ways)]

    def _three_way(self, path: bytes) -> ThreeWay:
        base = next(side[path][0] for side in self._diffs if path in side)
        ours, theirs = (side[path][1] if path in side else base for side in self._diffs)
        if base is None and ours is not None and theirs is not None and ours != theirs:
            # Renamed to this name on both sides: its base has the old name.
            sources = {renames.by_target.get(path) for renames in self._renames}
            if len(sources) == 1 and (source := sources.pop()) is not None:
                base = lookup(self._store, self._base, source)
        return ThreeWay(path, base, (ours, theirs), (path, path))

    def _follow_rename(self, three_ways: dict[bytes, ThreeWay], path: bytes, here: int) -> None:
        """Apply the other side's edit of a file under the name that side `here` gave it."""
        three_way = three_ways[path]
        there = 1 - here
        gone, edited = three_way.entries[here], three_way.entries[there]
        if gone is not None or edited is None or three_way.base is None or edited == three_way.base:
            return
        target = self._renames[here].by_source.get(path)
        moved = self._diffs[here][target][1] if target is not None else None
        if target is None or moved is None or self._is_there(there, target):
            return
        entries, places = [edited, edited], [path, path]
        entries[here], places[here] = moved, target
        three_ways[target] = ThreeWay(target, three_way.base, (entries[0], entries[1]), (places[0], places[1]))
        three_ways[path] = ThreeWay(path, three_way.base, (None, None), (path, path))

    def _follow_directory(self, three_ways: dict[bytes, ThreeWay], path: bytes, here: int) -> None:
        """Move a file that the other side added to the directory's new name, if side `here` renamed the directory."""
        three_way = three_ways[path]
        there = 1 - here
        added = three_way.entries[there]
        if three_way.base is not None or three_way.entries[here] is not None or added is None:
            return
        target = self._renames[here].follow_directory(path)
        if target is None or target in three_ways or self._is_there(here, target) or self._is_there(there, target):
            return
        entries: list[TreeEntry | None] = [None, None]
        entries[there] = added
        three_ways[target] = ThreeWay(target, None, (entries[0], entries[1]), (path, path))
        three_ways[path] = ThreeWay(path, None, (None, None), (path, path))

    def _is_there(self, side: int, path: bytes) -> bool:
        return lookup(self._store, self._trees[side], path) is not None

    # -- names --------------------------------------------------------------------------------------------------------

    def _make_way_for_directories(self) -> None:
        """Keep the directory where one side has a directory and the other a file of that name; the file is copied."""
        for directory in sorted(self._directories()):
            entry = self._final.get(directory)
            if entry is None:
                continue
            policy = self._rules.policy(directory)
            if policy is Policy.MANUAL:
                self.waiting.add(directory)
                continue
            self._final[directory] = None
            if entry.mode == MODE_GITLINK or self._is_given_up(directory, entry):
                self.resolved.append(ResolvedConflict(directory, policy))
            else:
                self._copies.append((directory, entry, policy))

    def _is_given_up(self, directory: bytes, entry: TreeEntry) -> bool:
        """Whether the user chose the side with the directory, and only the other side has the file."""
        chosen = self._rules.chosen.get(directory)
        if chosen not in (Policy.OURS, Policy.THEIRS):
            return False
        ours, theirs = (lookup(self._store, tree, directory) for tree in self._trees)
        kept, other = (ours, theirs) if chosen is Policy.OURS else (theirs, ours)
        return kept is not None and kept.mode == TREE and other == entry

    def _directories(self) -> set[bytes]:
        """Return the directories above the changed paths that exist in the result."""
        found: set[bytes] = set()
        for path, entry in self._final.items():
            while entry is not None and (path := path.rpartition(b"/")[0]) and path not in found:
                found.add(path)
        return found

    def _place_copies(self) -> None:
        directories = self._directories()
        for path, entry, policy in sorted(self._copies, key=lambda item: (item[0], item[1].id, item[1].mode)):

            def is_taken(name: bytes, entry: TreeEntry = entry) -> bool:
                there = self._final[name] if name in self._final else lookup(self._store, self._base, name)
                return name in directories or (there is not None and there.id != entry.id)

            name = copy_name(path, entry.id, is_taken)
            self._final.setdefault(name, entry)
            if self._final[name] is None:
                self._final[name] = entry
            self.resolved.append(ResolvedConflict(path, policy, name))
