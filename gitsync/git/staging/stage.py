"""From noted paths to blobs: compares the disk with HEAD and stores what differs, a slice at a time. Committer thread.

A few small objects may wait in memory and be stored together with the commit.
Nothing here moves a ref or touches the index; a staging that is dropped leaves nothing but unreferenced objects.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from gitsync import clock, text
from gitsync.clock import SystemClock
from gitsync.core.secrets import HEAD_BYTES, secret_in
from gitsync.errors import OperationError
from gitsync.git.index.index import IndexFile
from gitsync.git.index.raw import IndexEntry
from gitsync.git.merging.unsafe_trees import MAX_DEPTH
from gitsync.git.objects.loose import LooseWriter
from gitsync.git.objects.modes import MODE_FILE, MODE_GITLINK, MODE_LINK, MODE_TREE
from gitsync.git.objects.pack import PACK_FROM, PackWriter
from gitsync.git.objects.store import BLOB, ObjectStore, ObjectWriter, object_id_of
from gitsync.git.objects.trees import NearLookup, TreeEntry, is_refused
from gitsync.git.rules.attributes import NOTHING, Attributes
from gitsync.git.rules.ignores import IgnoreRules
from gitsync.git.staging import unfetchable
from gitsync.git.staging.arrivals import Arrivals, digest_of, digest_of_open
from gitsync.git.staging.contents import KnownContents
from gitsync.git.staging.expand import Expansion
from gitsync.git.staging.filters import Filters
from gitsync.git.staging.held_paths import HeldPaths
from gitsync.git.staging.left_behind import LeftBehind, checked_out
from gitsync.git.staging.placed import Placed, identity
from gitsync.git.staging.read import Found, FoundKind, Reader
from gitsync.git.staging.remarks import Remarks
from gitsync.model import FILTER, REFUSED, ChangeKind, Problem, Quarantined

# Larger files are read by git: hashing and packing them would hold the GIL too long.
BIG = 2 << 20
# How many index entries are looked up at a time.
_CHUNK = 5000

EMPTY_BLOB = object_id_of(BLOB, b"")
# So long a batch looks again, in all, at files that were truncated a moment ago, and how often: a program that has
# truncated a file writes it next, but on a busy machine its turn may come tens of milliseconds later (seconds).
EMPTY_LOOKS_S, EMPTY_PAUSE_S = 0.08, 0.002


@dataclass(frozen=True, slots=True)
class StageContext:
    """What staging works with: the repository's parts, and HEAD as it was at the beginning."""

    root: str
    store: ObjectStore
    index: IndexFile
    ignores: IgnoreRules
    filters: Filters
    left_behind: LeftBehind
    held: HeldPaths
    arrivals: Arrivals
    remarks: Remarks
    contents: KnownContents | None
    placed: Placed
    head: str | None
    branch: str | None
    head_tree: str | None
    has_modes: bool = True
    has_links: bool = True
    is_composing: bool = False

    def rest(self) -> None:
        """Let go of the children that answer for git's rules; the next question starts them again."""
        self.ignores.rest()
        self.filters.rest()


@dataclass(slots=True)
class _Tally:
    changes: list[StagedChange] = field(default_factory=list)
    later: set[bytes] = field(default_factory=set)
    unreadable: dict[bytes, str] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    staged_by_user: set[bytes] = field(default_factory=set)
    ignored: set[bytes] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    seen: dict[bytes, IndexEntry | None] = field(default_factory=dict)


class Staging:
    """One batch on its way to a commit; `advance` until it is done, then take `result`. May be dropped at any time."""

    def __init__(self, context: StageContext, noted: Iterable[bytes], rules: StageRules) -> None:
        self._context = context
        self._rules = rules
        self._above, self._is_above_refused = b"", False
        self._head = NearLookup(context.store, context.head_tree)
        self._reader = Reader(context.root, is_composing=context.is_composing)
        # To git, a directory with an entry in the index does not count as a separate repository any more.
        self._foreign = tuple(top + b"/" for top in set(context.held.inside.values()))
        self._tally = _Tally()
        self._writer: LooseWriter | PackWriter = LooseWriter(context.store)
        self._clock = SystemClock()
        self._looks_left_s = EMPTY_LOOKS_S if rules.is_forced else 0.0
        self._work = self._steps(frozenset(noted))
        self._is_done = self._has_failed = False

    def advance(self, budget_s: float) -> bool:
        """Work for about `budget_s` seconds; return whether everything is compared and stored.

        Raise OperationError when objects cannot be stored (disk-full, read-only, …) or HEAD cannot be read.
        """
        if self._has_failed:
            raise RuntimeError("the staging has failed before")
        ends_at = self._clock.now() + budget_s
        self._has_failed = True
        # Opened for each slice: a staging may be dropped, and directories may move, between two.
        with self._reader:
            self._is_done = all(self._clock.now() < ends_at for _ in self._work)
        self._has_failed = False
        return self._is_done

    def result(self) -> Staged:
        """Return what the batch came to, once `advance` has returned True."""
        if not self._is_done:
            raise RuntimeError("the staging is not done")
        tally, context = self._tally, self._context
        return Staged(
            context.head,
            context.branch,
            # What goes comes first: taken one by one, too, a file makes room for a directory of its name.
            tuple(sorted(tally.changes, key=lambda change: (change.entry is not None, change.path))),
            frozenset(tally.later),
            tuple(tally.unreadable.items()),
            tuple(tally.quarantined),
            frozenset(tally.staged_by_user),
            frozenset(tally.ignored),
            tuple(tally.problems),
            tally.seen,
            writer=self._writer,
        )

    def _steps(self, noted: frozenset[bytes]) -> Iterator[None]:
        context = self._context
        came = context.placed.take(context.head_tree, context.index.signature)
        unchanged: set[bytes] = set()
        for path in sorted(came.keys() & noted):
            if identity(self._reader.look(path).stat) == came[path]:
                unchanged.add(path)
            yield
        expansion = Expansion(
            self._reader, context.store, context.head_tree, context.ignores, self._tally.unreadable.__setitem__
        )
        candidates = expansion.candidates(noted - unchanged)
        count = 0
        while chunk := list(islice(candidates, _CHUNK)):
            entries = context.index.entries(chunk)
            context.ignores.learn(path for path in chunk if entries[path] is None)
            context.filters.learn(chunk)
            count += len(chunk)
            if count >= PACK_FROM and isinstance(self._writer, LooseWriter):
                self._writer.flush()
                self._writer = PackWriter(context.store)
            for path in chunk:
                self._stage(path, entries[path])
                yield
        context.rest()

    def _stage(self, path: bytes, in_index: IndexEntry | None) -> None:
        tally = self._tally
        above, _, name = path.rpartition(b"/")
        if above != self._above:
            self._above, self._is_above_refused = above, is_refused(above)
        # A name of a sound directory is looked at alone: neighbours come one after the other.
        if (above and self._is_above_refused) or is_refused(name if above else path):
            if b".git" not in path.lower().split(b"/"):
                self._complain(path, "bad-name", f"git refuses the name {os.fsdecode(path)!r}: not committed")
            return
        if path.count(b"/") > MAX_DEPTH:
            top = os.fsdecode(path.partition(b"/")[0])
            self._complain(path, "bad-name", f"what is below {MAX_DEPTH} directories in {top!r} is not committed")
            return
        head = self._head.of(path)
        if head is not None and head.mode == MODE_TREE:
            head = None
        if in_index is not None and (in_index.is_assumed or in_index.is_skipped):
            return  # git is configured not to look at it, or it is not checked out
        if not _is_same(in_index, head) and path not in self._rules.take_staged:
            tally.staged_by_user.add(path)
            return
        if in_index is None and head is not None and self._context.ignores.is_ignored(path, False):
            # Taken out by `git rm --cached` and ignored: it is tracked no longer, and stays on disk.
            tally.changes.append(StagedChange(path, ChangeKind.REMOVED, None, head))
            tally.seen[path] = None
            return
        try:
            found = self._found(path, head, in_index)
            while self._looks_left_s > 0 and found is not None and self._was_truncated(found):
                began_at = self._clock.now()
                clock.sleep(EMPTY_PAUSE_S)
                found = self._found(path, head, in_index)
                self._looks_left_s -= self._clock.now() - began_at
        except OperationError as error:
            if error.code == "slow-program":
                tally.unreadable[path] = error.message
                return
            if error.code in ("filter", "git"):
                self._complain(path, error.code, error.message, error.hint)
                if error.code == "filter":  # it waits for a person, and is examined again in case they have acted
                    self._quarantine(path, FILTER + error.message.removeprefix(f"{os.fsdecode(path)!r} "))
                return
            raise
        if found is None or found.kind is FoundKind.SPECIAL:
            if found is not None and head is not None:
                tally.unreadable[path] = "it is no longer a regular file"
        elif found.kind is FoundKind.UNREADABLE:
            tally.unreadable[path] = found.reason
        elif found.kind is FoundKind.LATER or (self._rules.is_forced and self._is_truncated(path, found)):
            tally.later.add(path)
        else:
            entry = None if found.blob is None else TreeEntry(self._mode(found, head), found.blob)
            self._compare(path, head, entry, found, in_index)

    def _is_truncated(self, path: bytes, found: Found) -> bool:
        """Whether this may be the moment between a program's truncation of a file and its first write."""
        return path not in self._rules.take_empty and self._was_truncated(found)

    def _was_truncated(self, found: Found) -> bool:
        if found.stat is None or found.kind is not FoundKind.FILE:
            return False
        # A forced read may have met the empty moment, and the stat after it the next content.
        if found.stat.st_size and found.blob != EMPTY_BLOB:
            return False
        return self._clock.wall() - found.stat.st_mtime < self._rules.quiet_s

    def _compare(
        self, path: bytes, head: TreeEntry | None, entry: TreeEntry | None, found: Found, seen: IndexEntry | None
    ) -> None:
        if entry == head:
            return
        excluded_by = self._context.ignores.excluding(path, False) if head is not None else ""
        if excluded_by and path not in self._context.ignores.exempt:
            self._context.remarks.see_excluded(path, excluded_by)
            return
        if entry is not None and found.data is not None and (head is None or head.id != entry.id):
            refused = unfetchable.refusal(path, found.data, is_link=found.kind is FoundKind.LINK)
            if refused:
                self._quarantine(path, REFUSED + refused)
                return
            self._writer.take(entry.id, BLOB, found.data)
        kind = ChangeKind.REMOVED if entry is None else ChangeKind.ADDED if head is None else ChangeKind.CHANGED
        stat = None if found.is_racy or entry is None else found.stat
        self._tally.changes.append(StagedChange(path, kind, entry, head, stat))
        self._tally.seen[path] = seen

    def _found(self, path: bytes, head: TreeEntry | None, in_index: IndexEntry | None) -> Found | None:
        """Return what is there with its blob's id (None: nothing to commit), or None for what is passed over."""
        look = self._reader.look(path)
        if look.kind is FoundKind.DIRECTORY:
            return self._found_directory(path, head)
        is_new = head is None and in_index is None
        if is_new and (path.startswith(self._foreign) or self._context.ignores.is_ignored(path, False)):
            self._tally.ignored.add(path)
            return None
        if look.kind not in (FoundKind.FILE, FoundKind.LINK):
            return look if head is not None or look.kind is not FoundKind.ABSENT else None
        is_examined = is_new and path not in self._rules.exempt
        limit = self._rules.max_file_size
        assert look.stat is not None
        if is_examined and limit is not None and look.stat.st_size > limit:
            self._quarantine(path, f"too large: {text.size(look.stat.st_size)}, the limit is {text.size(limit)}")
            return None
        examine = partial(self._is_secret, path) if is_examined and self._rules.secrets != "off" else None
        told = self._context.filters.attributes(path) if look.kind is FoundKind.FILE else NOTHING
        known = in_index if head is not None and in_index is not None and in_index.id == head.id else None
        if known is not None and self._context.index.is_unmodified(known, look.stat):
            # As git, which looks into a file again when it is touched: other attributes are not an edit.
            return Found(look.kind, look.mode, None, known.id, look.stat)
        old = None if in_index is None else in_index.id
        return self._read(path, look, told, old, examine)

    def _read(
        self, path: bytes, look: Found, told: Attributes, old: str | None, examine: Callable[[bytes], bool] | None
    ) -> Found | None:
        filters = self._context.filters
        # A file written by a pull may be converted to something else on the way back, and is not an edit.
        arrived = self._context.arrivals.of(path, old)
        through = None
        is_secret = False
        if look.kind is FoundKind.FILE and look.stat is not None and look.stat.st_size > BIG:

            def through(handle: int) -> str:
                nonlocal is_secret
                if arrived is not None and old is not None and arrived == digest_of_open(handle):
                    return old
                is_secret = examine is not None and examine(os.pread(handle, HEAD_BYTES, 0))
                return "" if is_secret else filters.store_open(path, told, handle, old)

        found = self._reader.read(path, is_forced=self._rules.is_forced, through=through, seen=look)
        if found.kind is FoundKind.DIRECTORY:
            return Found(FoundKind.LATER)  # it became one just now
        if found.kind not in (FoundKind.FILE, FoundKind.LINK):
            return found
        if found.data is None:
            return None if is_secret else found
        if examine is not None and examine(found.data[:HEAD_BYTES]):
            return None
        data: bytes | None = found.data
        if arrived is not None and old is not None and arrived == digest_of(found.data):
            blob = old
        elif found.kind is FoundKind.FILE and filters.needs_git(told):
            blob = filters.store_data(path, told, found.data, old)
            data = None
        else:
            stored = filters.stored(told, found.data, old) if found.kind is FoundKind.FILE else found.data
            data, blob = stored, object_id_of(BLOB, stored)
            if stored is found.data and self._context.contents is not None and not found.is_racy and found.stat:
                self._context.contents.remember_blob(found.stat, blob)
        return Found(found.kind, found.mode, data, blob, found.stat, is_racy=found.is_racy)

    def _found_directory(self, path: bytes, head: TreeEntry | None) -> Found | None:
        """A submodule's commit; a file of HEAD's that a directory has replaced is gone."""
        if head is None:
            if self._context.ignores.is_nested(path) and not self._context.ignores.is_ignored(path, True):
                self._context.remarks.see_nested(path)
            return None
        if head.mode != MODE_GITLINK:
            return Found(FoundKind.ABSENT)
        tip = checked_out(os.path.join(self._context.root, os.fsdecode(path)))
        if tip is not None and self._context.left_behind.holds(path, tip) and tip != head.id:
            return None
        return None if tip is None else Found(FoundKind.DIRECTORY, MODE_GITLINK, None, tip)

    def _mode(self, found: Found, head: TreeEntry | None) -> int:
        if found.kind is not FoundKind.FILE:
            return found.mode
        if not self._context.has_links and head is not None and head.mode == MODE_LINK:
            return MODE_LINK
        if not self._context.has_modes:
            return head.mode if head is not None and head.mode not in (MODE_LINK, MODE_GITLINK) else MODE_FILE
        return found.mode

    def _is_secret(self, path: bytes, head: bytes) -> bool:
        kind = secret_in(path, head)
        if kind is None:
            return False
        if self._rules.secrets == "warn":
            self._complain(
                path, "secret", f"{os.fsdecode(path)!r} looks like a secret ({kind}) and is committed", left=False
            )
            return False
        self._quarantine(path, f"secret: {kind}")
        return True

    def _quarantine(self, path: bytes, why: str) -> None:
        self._tally.quarantined.append(Quarantined(os.fsdecode(path), why))

    def _complain(self, path: bytes, code: str, message: str, hint: str = "", *, left: bool = True) -> None:
        self._tally.problems.append(Problem(code, message, hint))
        if left and code != "bad-name":
            self._tally.unreadable[path] = message


def _is_same(in_index: IndexEntry | None, head: TreeEntry | None) -> bool:
    if in_index is None or head is None:
        return in_index is None and head is None
    return (in_index.mode, in_index.id) == (head.mode, head.id) and not in_index.is_intent and in_index.stage == 0


@dataclass(frozen=True, slots=True)
class StageRules:
    """The changes that may be committed.

    `max_file_size` in bytes and `secrets` ("quarantine", "warn", "off") are for new files; `exempt` are those that a
    person accepted. `is_forced` takes files that somebody is writing as they are, but not those that are empty and were
    changed less than `quiet_s` seconds ago, unless they are in `take_empty`. `take_staged` are paths that the user
    staged long enough ago.
    """

    max_file_size: int | None = None
    secrets: str = "quarantine"
    is_forced: bool = False
    quiet_s: float = 0.0
    take_empty: frozenset[bytes] = frozenset()
    take_staged: frozenset[bytes] = frozenset()
    exempt: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class StagedChange:
    """One path that differs from HEAD: `entry` is what it becomes (None: it goes), `old` what HEAD has.

    `stat` is the file's as it was read, None when it proves nothing.
    """

    path: bytes
    kind: ChangeKind
    entry: TreeEntry | None
    old: TreeEntry | None
    stat: os.stat_result | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """What a batch came to, on top of commit `head` of `branch`.

    `later` changed while they were read or are open for writing; `unreadable` has the system's words;
    `staged_by_user` differ between HEAD and index; `ignored` are untracked and ignored files. `seen` are the index
    entries that were met, `batch` tells one batch from another. In `writer` may be contents that the commit
    stores together with itself.
    """

    head: str | None
    branch: str | None
    changes: tuple[StagedChange, ...] = ()
    later: frozenset[bytes] = frozenset()
    unreadable: tuple[tuple[bytes, str], ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    staged_by_user: frozenset[bytes] = frozenset()
    ignored: frozenset[bytes] = frozenset()
    problems: tuple[Problem, ...] = ()
    seen: Mapping[bytes, IndexEntry | None] = field(default_factory=dict, repr=False, compare=False)
    batch: object = field(default_factory=object, repr=False, compare=False)
    writer: ObjectWriter | None = field(default=None, repr=False, compare=False)

    def without(self, held: frozenset[bytes]) -> Staged:
        """Return the batch without the changes of these paths, which are looked at later."""
        if not held:
            return self
        changes = tuple(change for change in self.changes if change.path not in held)
        return replace(self, changes=changes, later=self.later | held)

    @property
    def removed(self) -> frozenset[bytes]:
        """Return the files that go and whose content stays nowhere in what this batch adds or changes."""
        kept = {change.entry.id for change in self.changes if change.entry is not None}
        return frozenset(
            change.path
            for change in self.changes
            if change.entry is None and change.old is not None and change.old.id not in kept
        )
