"""One path that both sides of a merge changed: what it becomes. Committer thread; stores merged contents.

When both versions are kept, theirs keeps the name: it is what other machines have already, so that whoever goes on
writing there is not disturbed, and ours goes beside it. Everything else, and every merge of bases, does not depend on
which side is whose: there the version that was committed last counts, and of the same second the one with the larger
id.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitsync.core import manifest
from gitsync.core.conflict import Policy, Rules
from gitsync.git.merging.text_merge import LINES_MAX, LineMerger, MergeKind
from gitsync.git.objects.ancestry import changed_at
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_FILE, MODE_GITLINK
from gitsync.git.objects.store import BLOB, ObjectStore, ObjectWriter
from gitsync.git.objects.trees import TreeEntry, lookup

_FILES = (MODE_FILE, MODE_EXECUTABLE)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a merge: its tree, and the commits whose history says since when something is in it."""

    tree: str
    commits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contest:
    """A path with what it was, what it is on either side, and where either side has it."""

    path: bytes
    base: TreeEntry | None
    entries: tuple[TreeEntry | None, TreeEntry | None]
    places: tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class PathResolution:
    """What a path becomes; `copy` is to be kept beside it, `policy` is what decided (None: no conflict)."""

    entry: TreeEntry | None
    copy: TreeEntry | None = None
    policy: Policy | None = None


class ConflictResolver:
    """Settles the contests of one merge of `sides` (ours, theirs) by `rules`; new blobs go to `writer`.

    `bases` are the trees of all common ancestors. `is_inner` is for a merge of bases, where no side is ours.
    """

    def __init__(
        self,
        store: ObjectStore,
        writer: ObjectWriter,
        lines: LineMerger,
        sides: tuple[Side, Side],
        rules: Rules,
        bases: tuple[str, ...],
        *,
        is_inner: bool,
    ) -> None:
        self._store = store
        self._writer = writer
        self._lines = lines
        self._sides = sides
        self._rules = rules
        self._bases = bases
        self._is_inner = is_inner

    def settle(self, contest: Contest) -> PathResolution:
        """Return what the path becomes; with Policy.MANUAL nothing is decided. Raise OperationError."""
        base, (ours, theirs) = contest.base, contest.entries
        if ours == theirs or theirs == base:
            return PathResolution(ours)
        if ours == base:
            return PathResolution(theirs)
        chosen = self._rules.chosen.get(contest.path)
        if chosen in (Policy.OURS, Policy.THEIRS):
            return PathResolution(
                ours if chosen is Policy.OURS else theirs, policy=chosen
            )  # a person's word, a deletion too
        if ours is None or theirs is None:
            # An edit beats a deletion: who deleted did not know of it.
            is_manual = self._rules.policy(contest.path) is Policy.MANUAL
            return PathResolution(ours or theirs, policy=Policy.MANUAL if is_manual else Policy.KEEP_BOTH)
        if len(self._bases) > 1:
            # One side has only chosen among what both had: what the other wrote since goes before it.
            known = {lookup(self._store, tree, contest.path) for tree in self._bases}
            if (ours in known) != (theirs in known):
                return PathResolution(theirs if ours in known else ours)
        if ours.mode in _FILES and theirs.mode in _FILES:
            return self._settle_files(contest, ours, theirs)
        return self._decide(contest, ours, theirs)

    def _settle_files(self, contest: Contest, ours: TreeEntry, theirs: TreeEntry) -> PathResolution:
        base = contest.base if contest.base is not None and contest.base.mode in _FILES else None
        mode = _mode(base, ours, theirs)
        if ours.id == theirs.id or (base is not None and base.id == theirs.id):
            return PathResolution(TreeEntry(mode, ours.id))
        if base is not None and base.id == ours.id:
            return PathResolution(TreeEntry(mode, theirs.id))
        if contest.path == manifest.NAME:
            sides = [b"" if entry is None else self._store.read(entry.id)[1] for entry in (base, ours, theirs)]
            return PathResolution(TreeEntry(mode, self._writer.write(BLOB, manifest.merge_bytes(*sides))))
        kind = self._lines.kind(contest.path)
        texts = self._texts(base, ours, theirs) if kind is not MergeKind.WHOLE else None
        if texts is not None and base is not None and (merged := self._lines.merge(*texts)) is not None:
            return PathResolution(TreeEntry(mode, self._writer.write(BLOB, merged)))
        policy = self._rules.policy(contest.path)
        if policy is Policy.KEEP_BOTH and kind is MergeKind.UNION:
            policy = Policy.UNION  # said in .gitattributes
        if policy is Policy.UNION and texts is not None:
            before, *both = texts
            one, other = both if self._is_first(contest, ours, theirs) else reversed(both)
            merged = self._lines.merge(before, one, other, is_union=True)
            if merged is not None:
                return PathResolution(TreeEntry(mode, self._writer.write(BLOB, merged)), policy=policy)
        verdict = self._decide(contest, ours, theirs)
        return PathResolution(verdict.entry and TreeEntry(mode, verdict.entry.id), verdict.copy, verdict.policy)

    def _decide(self, contest: Contest, ours: TreeEntry, theirs: TreeEntry) -> PathResolution:
        policy = self._rules.policy(contest.path)
        if policy is Policy.MANUAL:
            return PathResolution(None, policy=policy)
        if policy is Policy.OURS:
            return PathResolution(ours, policy=policy)
        if policy is Policy.THEIRS:
            return PathResolution(theirs, policy=policy)
        if policy is not Policy.NEWEST and not self._is_inner:
            return _keep(theirs, ours)
        older, newer = (ours, theirs) if self._is_first(contest, ours, theirs) else (theirs, ours)
        return PathResolution(newer, policy=policy) if policy is Policy.NEWEST else _keep(newer, older)

    def _is_first(self, contest: Contest, ours: TreeEntry, theirs: TreeEntry) -> bool:
        """Return whether ours is the older one."""
        times = [
            changed_at(self._store, side.commits, place, entry)
            for side, place, entry in zip(self._sides, contest.places, (ours, theirs), strict=True)
        ]
        return (times[0], ours.id, ours.mode) < (times[1], theirs.id, theirs.mode)

    def _texts(self, base: TreeEntry | None, ours: TreeEntry, theirs: TreeEntry) -> tuple[bytes, bytes, bytes] | None:
        """Return the contents (nothing for no base), None when one of them is no text."""
        found = [b"" if entry is None else self._text(entry.id) for entry in (base, ours, theirs)]
        before, here, there = found
        return None if before is None or here is None or there is None else (before, here, there)

    def _text(self, blob: str) -> bytes | None:
        if self._store.size(blob) > LINES_MAX:
            return None
        data = self._store.read(blob)[1]
        return data if self._lines.is_text(data) else None


def _keep(kept: TreeEntry, beside: TreeEntry) -> PathResolution:
    """Return both; a submodule keeps its name, which is in .gitmodules, and a second pointer would lead nowhere."""
    if beside.mode == MODE_GITLINK and kept.mode != MODE_GITLINK:
        kept, beside = beside, kept
    if beside.mode == MODE_GITLINK:
        return PathResolution(kept, policy=Policy.THEIRS)
    return PathResolution(kept, beside, Policy.KEEP_BOTH)


def _mode(base: TreeEntry | None, ours: TreeEntry, theirs: TreeEntry) -> int:
    """Return the mode that was changed to; of two new files that disagree, executable."""
    if ours.mode == theirs.mode:
        return ours.mode
    if base is None:
        return MODE_EXECUTABLE
    return theirs.mode if ours.mode == base.mode else ours.mode
