"""Decides the result for one path that both sides of a merge changed. Committer thread; stores merged contents.

When both versions are kept, theirs keeps the name: other machines have it already, so that a user who continues to
edit there is not disturbed. Our version becomes the conflict copy. All other decisions, and every merge of merge bases,
are symmetric: the version that was committed last wins, and of the same second the one with the greater id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gitsync.core import manifest
from gitsync.core.conflict import Policy, Rules
from gitsync.git.merging.text_merge import LINES_MAX, LineMerger, MergeKind
from gitsync.git.objects.ancestry import changed_at
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_FILE, MODE_GITLINK
from gitsync.git.objects.store import BLOB, ObjectStore, ObjectWriter
from gitsync.git.objects.trees import TreeEntry, lookup

_FILES = (MODE_FILE, MODE_EXECUTABLE)
# What some editors begin every text with, one without a word too.
_BOM = re.compile(rb"\A(\xef\xbb\xbf|\xff\xfe|\xfe\xff)")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a merge: its tree, and the commits from whose history the age of a version is read."""

    tree: str
    commits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """The three versions of one path (base, ours, theirs), and the path that each side has it at."""

    path: bytes
    base: TreeEntry | None
    entries: tuple[TreeEntry | None, TreeEntry | None]
    side_paths: tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class PathResolution:
    """The result for a path: its entry, the version to keep as `copy`, and the `policy` (None: there was no
    conflict).
    """

    entry: TreeEntry | None
    copy: TreeEntry | None = None
    policy: Policy | None = None


class ConflictResolver:
    """Resolves the paths of one merge of `sides` (ours, theirs) by `rules`; new blobs go to `writer`.

    `bases` are the trees of all merge bases. `is_inner` is for a merge of merge bases, which has no side that is ours.
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

    def resolve(self, three_way: ThreeWay) -> PathResolution:
        """Return the result for a path; Policy.MANUAL means undecided. Raise OperationError."""
        base, (ours, theirs) = three_way.base, three_way.entries
        if ours == theirs or theirs == base:
            return PathResolution(ours)
        if ours == base:
            return PathResolution(theirs)
        chosen = self._rules.chosen.get(three_way.path)
        if chosen in (Policy.OURS, Policy.THEIRS):
            return PathResolution(
                ours if chosen is Policy.OURS else theirs, policy=chosen
            )  # the user's choice holds for a deletion, too
        if ours is None or theirs is None:
            # An edit wins over a deletion, which was made without knowing of the edit.
            is_manual = self._rules.policy(three_way.path) is Policy.MANUAL
            return PathResolution(ours or theirs, policy=Policy.MANUAL if is_manual else Policy.KEEP_BOTH)
        if len(self._bases) > 1:
            # With several bases: a side that only picked one of their versions gives way to a new version.
            known = {lookup(self._store, tree, three_way.path) for tree in self._bases}
            if (ours in known) != (theirs in known):
                return PathResolution(theirs if ours in known else ours)
        if ours.mode in _FILES and theirs.mode in _FILES:
            return self._resolve_files(three_way, ours, theirs)
        return self._decide(three_way, ours, theirs)

    def _resolve_files(self, three_way: ThreeWay, ours: TreeEntry, theirs: TreeEntry) -> PathResolution:
        base = three_way.base if three_way.base is not None and three_way.base.mode in _FILES else None
        mode = _mode(base, ours, theirs)
        if ours.id == theirs.id or (base is not None and base.id == theirs.id):
            return PathResolution(TreeEntry(mode, ours.id))
        if base is not None and base.id == ours.id:
            return PathResolution(TreeEntry(mode, theirs.id))
        if three_way.path == manifest.NAME:
            sides = [b"" if entry is None else self._store.read(entry.id)[1] for entry in (base, ours, theirs)]
            return PathResolution(TreeEntry(mode, self._writer.write(BLOB, manifest.merge_bytes(*sides))))
        kind = self._lines.kind(three_way.path)
        texts = self._texts(base, ours, theirs) if kind is not MergeKind.WHOLE else None
        if texts is not None and base is not None and (merged := self._lines.merge(*texts)) is not None:
            return PathResolution(TreeEntry(mode, self._writer.write(BLOB, merged)))
        if texts is not None and base is None and (filled := _filled(ours, theirs, texts)) is not None:
            return PathResolution(TreeEntry(mode, filled.id))
        policy = self._rules.policy(three_way.path)
        if policy is Policy.KEEP_BOTH and kind is MergeKind.UNION:
            policy = Policy.UNION  # set in .gitattributes
        if policy is Policy.UNION and texts is not None:
            before, *both = texts
            one, other = both if self._is_first(three_way, ours, theirs) else reversed(both)
            merged = self._lines.merge(before, one, other, is_union=True)
            if merged is not None:
                return PathResolution(TreeEntry(mode, self._writer.write(BLOB, merged)), policy=policy)
        resolution = self._decide(three_way, ours, theirs)
        return PathResolution(
            resolution.entry and TreeEntry(mode, resolution.entry.id), resolution.copy, resolution.policy
        )

    def _decide(self, three_way: ThreeWay, ours: TreeEntry, theirs: TreeEntry) -> PathResolution:
        policy = self._rules.policy(three_way.path)
        if policy is Policy.MANUAL:
            return PathResolution(None, policy=policy)
        if policy is Policy.OURS:
            return PathResolution(ours, policy=policy)
        if policy is Policy.THEIRS:
            return PathResolution(theirs, policy=policy)
        if policy is not Policy.NEWEST and not self._is_inner:
            return _keep(theirs, ours)
        older, newer = (ours, theirs) if self._is_first(three_way, ours, theirs) else (theirs, ours)
        return PathResolution(newer, policy=policy) if policy is Policy.NEWEST else _keep(newer, older)

    def _is_first(self, three_way: ThreeWay, ours: TreeEntry, theirs: TreeEntry) -> bool:
        """Return whether our version is the older one."""
        times = [
            changed_at(self._store, side.commits, place, entry)
            for side, place, entry in zip(self._sides, three_way.side_paths, (ours, theirs), strict=True)
        ]
        return (times[0], ours.id, ours.mode) < (times[1], theirs.id, theirs.mode)

    def _texts(self, base: TreeEntry | None, ours: TreeEntry, theirs: TreeEntry) -> tuple[bytes, bytes, bytes] | None:
        """Return the three contents (empty for no base), or None when one of them is not text."""
        found = [b"" if entry is None else self._text(entry.id) for entry in (base, ours, theirs)]
        before, here, there = found
        return None if before is None or here is None or there is None else (before, here, there)

    def _text(self, blob: str) -> bytes | None:
        if self._store.size(blob) > LINES_MAX:
            return None
        data = self._store.read(blob)[1]
        return data if self._lines.is_text(data) else None


def _keep(kept: TreeEntry, beside: TreeEntry) -> PathResolution:
    """Keep both versions; a submodule keeps its path, which .gitmodules names, and is never copied."""
    if beside.mode == MODE_GITLINK and kept.mode != MODE_GITLINK:
        kept, beside = beside, kept
    if beside.mode == MODE_GITLINK:
        return PathResolution(kept, policy=Policy.THEIRS)
    return PathResolution(kept, beside, Policy.KEEP_BOTH)


def _filled(ours: TreeEntry, theirs: TreeEntry, texts: tuple[bytes, bytes, bytes]) -> TreeEntry | None:
    """Return the version to keep of a file that both sides created, where one of them contains no text (a template, or
    `touch`): there is nothing to lose. None where both contain some.
    """
    _, here, there = (_BOM.sub(b"", text).strip() for text in texts)
    if here and there:
        return None
    return max((ours, theirs), key=lambda entry: (bool(here if entry is ours else there), entry.id))


def _mode(base: TreeEntry | None, ours: TreeEntry, theirs: TreeEntry) -> int:
    """Return the mode that one side changed to; executable where two new files disagree."""
    if ours.mode == theirs.mode:
        return ours.mode
    if base is None:
        return MODE_EXECUTABLE
    return theirs.mode if ours.mode == base.mode else ours.mode
