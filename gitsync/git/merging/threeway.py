"""Two histories into one tree: every merge has an outcome, whatever was done on either side.

Runs on the committer thread; owns nothing, and leaves behind objects that no ref leads to. Only what differs from the
base is looked at, so the cost follows the changes and not the tree. Why it is not libgit2's merge is told in the design
page on merges.

Machines that merge the same two commits, each calling its own ours, come to the same tree, but for which version keeps
its name (`contest`) and for the policies `ours` and `theirs`; and the merge of their merges is the same tree for both.
For that, where there are several bases, they are merged first, by the same rules and without sides: the base of two
machines that settled one conflict independently is that conflict settled, and nothing of it comes up again.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitsync.core.conflict import Policy, Rules, copy_name
from gitsync.git.merging.conflict_resolver import ConflictResolver, Contest, Side
from gitsync.git.merging.renames import Renames
from gitsync.git.merging.text_merge import LineMerger
from gitsync.git.objects.ancestry import merge_bases
from gitsync.git.objects.modes import MODE_GITLINK
from gitsync.git.objects.store import LooseWriter
from gitsync.git.objects.trees import TREE, TreeEntry, diff, edit_tree, lookup
from gitsync.git.repository import Mergeable, tree_of

# Bases of bases: beyond this depth one of them stands for all.
DEPTH_MAX = 8
_INNER = {Policy.OURS: Policy.KEEP_BOTH, Policy.THEIRS: Policy.KEEP_BOTH, Policy.MANUAL: Policy.KEEP_BOTH}

Changes = dict[bytes, tuple[TreeEntry | None, TreeEntry | None]]


@dataclass(frozen=True, slots=True)
class ResolvedConflict:
    """One conflict and what became of it; `copy` is where the version that lost its name is kept."""

    path: bytes
    policy: Policy
    copy: bytes | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """The tree, None while `waiting` paths need a person; `settled` tells of each conflict that there was."""

    tree: str | None
    settled: tuple[ResolvedConflict, ...] = ()
    waiting: tuple[bytes, ...] = ()


def merge(worktree: Mergeable, ours: str, theirs: str, rules: Rules) -> Merged:
    """Merge two commits; histories that share nothing are joined. Raise OperationError when an object is missing."""
    lines = LineMerger(worktree, (ours, theirs))
    origin = _origin(worktree, lines, ours, theirs, rules, 0)
    return _merge(worktree, lines, origin, (_side(worktree, ours), _side(worktree, theirs)), rules)


def merge_from(worktree: Mergeable, base: str, ours: str, theirs: str, rules: Rules) -> Merged:
    """Merge two commits as if both came from the tree `base`. Raise OperationError when an object is missing."""
    sides = _side(worktree, ours), _side(worktree, theirs)
    return _merge(worktree, LineMerger(worktree, (ours, theirs)), _Origin(base, (base,)), sides, rules)


@dataclass(frozen=True, slots=True)
class _Origin:
    """The tree that both sides come from (None: nothing), and those of all common ancestors that it is made of."""

    tree: str | None
    bases: tuple[str, ...] = ()


def _side(worktree: Mergeable, commit: str) -> Side:
    return Side(tree_of(worktree, commit), (commit,))


def _origin(worktree: Mergeable, lines: LineMerger, one: str, other: str, rules: Rules, depth: int) -> _Origin:
    """Return where two commits come from; of several common ancestors it is made as any merge is, but without sides."""
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
    merging = _Merging(worktree, origin.tree, sides, rules)
    merging.settle(ConflictResolver(store, writer, lines, sides, rules, origin.bases, is_inner=is_inner))
    if merging.waiting:
        return Merged(None, waiting=tuple(sorted(merging.waiting)))
    tree = edit_tree(writer, sides[0].tree, merging.changes())
    writer.flush()
    return Merged(tree, tuple(sorted(merging.settled, key=lambda item: (item.path, item.copy or b""))))


class _Merging:
    """The paths of one merge on their way to the outcome."""

    def __init__(self, worktree: Mergeable, base: str | None, sides: tuple[Side, Side], rules: Rules) -> None:
        self._store = worktree.store
        self._base = base
        self._rules = rules
        self._diffs: tuple[Changes, Changes] = (
            diff(worktree.store, base, sides[0].tree),
            diff(worktree.store, base, sides[1].tree),
        )
        self._trees = (sides[0].tree, sides[1].tree)
        self._renames = (
            Renames(worktree.repo, worktree.store, base, sides[0].tree),
            Renames(worktree.repo, worktree.store, base, sides[1].tree),
        )
        self._final: dict[bytes, TreeEntry | None] = {}
        self._beside: list[tuple[bytes, TreeEntry, Policy]] = []
        self.settled: list[ResolvedConflict] = []
        self.waiting: set[bytes] = set()

    def changes(self) -> dict[bytes, TreeEntry | None]:
        """Return what the outcome has that our side has not."""
        ours = self._diffs[0]
        return {path: entry for path, entry in self._final.items() if path not in ours or ours[path][1] != entry}

    def settle(self, judge: ConflictResolver) -> None:
        """Decide every path."""
        for contest in self._contests():
            verdict = judge.settle(contest)
            if verdict.policy is Policy.MANUAL:
                self.waiting.add(contest.path)
                continue
            self._final[contest.path] = verdict.entry
            if verdict.copy is not None:
                self._beside.append((contest.path, verdict.copy, Policy.KEEP_BOTH))
            elif verdict.policy is not None:
                self.settled.append(ResolvedConflict(contest.path, verdict.policy))
        self._make_way_for_directories()
        self._place_copies()

    # -- which paths are which ----------------------------------------------------------------------------------------

    def _contests(self) -> list[Contest]:
        paths = self._diffs[0].keys() | self._diffs[1].keys()
        contests = {path: self._contest(path) for path in paths}
        for follow in (self._follow_rename, self._follow_directory):
            for path in sorted(paths):
                for here in (0, 1):
                    follow(contests, path, here)
        return [contests[path] for path in sorted(contests)]

    def _contest(self, path: bytes) -> Contest:
        base = next(side[path][0] for side in self._diffs if path in side)
        ours, theirs = (side[path][1] if path in side else base for side in self._diffs)
        if base is None and ours is not None and theirs is not None and ours != theirs:
            # Renamed to this name on both sides: then it has a base, under its old name.
            sources = {renames.by_target.get(path) for renames in self._renames}
            if len(sources) == 1 and (source := sources.pop()) is not None:
                base = lookup(self._store, self._base, source)
        return Contest(path, base, (ours, theirs), (path, path))

    def _follow_rename(self, contests: dict[bytes, Contest], path: bytes, here: int) -> None:
        """Take what one side did to a file to where the side `here` renamed it to."""
        contest = contests[path]
        there = 1 - here
        gone, edited = contest.entries[here], contest.entries[there]
        if gone is not None or edited is None or contest.base is None or edited == contest.base:
            return
        target = self._renames[here].by_source.get(path)
        moved = self._diffs[here][target][1] if target is not None else None
        if target is None or moved is None or self._is_there(there, target):
            return
        entries, places = [edited, edited], [path, path]
        entries[here], places[here] = moved, target
        contests[target] = Contest(target, contest.base, (entries[0], entries[1]), (places[0], places[1]))
        contests[path] = Contest(path, contest.base, (None, None), (path, path))

    def _follow_directory(self, contests: dict[bytes, Contest], path: bytes, here: int) -> None:
        """Take a file that the other side added to where the side `here` renamed its directory to."""
        contest = contests[path]
        there = 1 - here
        added = contest.entries[there]
        if contest.base is not None or contest.entries[here] is not None or added is None:
            return
        target = self._renames[here].follow_directory(path)
        if target is None or target in contests or self._is_there(here, target) or self._is_there(there, target):
            return
        entries: list[TreeEntry | None] = [None, None]
        entries[there] = added
        contests[target] = Contest(target, None, (entries[0], entries[1]), (path, path))
        contests[path] = Contest(path, None, (None, None), (path, path))

    def _is_there(self, side: int, path: bytes) -> bool:
        return lookup(self._store, self._trees[side], path) is not None

    # -- names --------------------------------------------------------------------------------------------------------

    def _make_way_for_directories(self) -> None:
        """A directory keeps the name that a file has on the other side; the file goes beside it."""
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
                self.settled.append(ResolvedConflict(directory, policy))
            else:
                self._beside.append((directory, entry, policy))

    def _is_given_up(self, directory: bytes, entry: TreeEntry) -> bool:
        """Whether a person chose the side that has the directory, and the file is the other side's alone."""
        chosen = self._rules.chosen.get(directory)
        if chosen not in (Policy.OURS, Policy.THEIRS):
            return False
        ours, theirs = (lookup(self._store, tree, directory) for tree in self._trees)
        kept, other = (ours, theirs) if chosen is Policy.OURS else (theirs, ours)
        return kept is not None and kept.mode == TREE and other == entry

    def _directories(self) -> set[bytes]:
        """Return the directories above what is there in the end, as far as something was changed below."""
        found: set[bytes] = set()
        for path, entry in self._final.items():
            while entry is not None and (path := path.rpartition(b"/")[0]) and path not in found:
                found.add(path)
        return found

    def _place_copies(self) -> None:
        directories = self._directories()
        for path, entry, policy in sorted(self._beside, key=lambda item: (item[0], item[1].id, item[1].mode)):

            def is_taken(name: bytes, entry: TreeEntry = entry) -> bool:
                there = self._final[name] if name in self._final else lookup(self._store, self._base, name)
                return name in directories or (there is not None and there.id != entry.id)

            name = copy_name(path, entry.id, is_taken)
            self._final.setdefault(name, entry)
            if self._final[name] is None:
                self._final[name] = entry
            self.settled.append(ResolvedConflict(path, policy, name))
