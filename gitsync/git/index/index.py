"""Reads the user's index afresh each time, and changes only the entries that were committed. Committer thread.

Plain indexes are patched as bytes; split and sparse ones, version 4, and those with other tools' caches go through the
git program. All changes are made under git's own lock.
"""

from __future__ import annotations

import json
import logging
import mmap
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gitsync.errors import OperationError
from gitsync.git.files import TICK_NS, storage_error, write_durably
from gitsync.git.flush import flush
from gitsync.git.index.lock import IndexLock, Replace, is_gone, myself
from gitsync.git.index.raw import (
    HEADER,
    CorruptIndexError,
    IndexEntry,
    Layout,
    NewEntry,
    RawIndex,
    UnsupportedIndexError,
    empty,
    stat_of,
)
from gitsync.git.program import GitProgram, failed
from gitsync.git.rules.sparse import SparseCheckout

logger = logging.getLogger(__name__)

Signature = tuple[int, int, int, int]
# A command of git's and what it reads.
_Step = tuple[tuple[str, ...], bytes | None]

_SECOND_NS = 1_000_000_000
# Walking costs about a microsecond per entry, a look-up fifty.
_WALK_FROM = 50
_MAPPED_FROM = 1 << 16
# The extension that says that directories may be entries, and the option with which git writes them out.
_SPARSE = b"sdir"
_WRITTEN_OUT = ("-c", "index.sparse=false")


class PreparedIndex(NamedTuple):
    """An index that only has to be installed: where it is, and the signature of the one that it was made from."""

    path: str
    signature: Signature | None


class IndexFile:
    """The index of one work tree."""

    def __init__(self, program: GitProgram, repo_state_dir: Path, *, removes_dead_locks: bool = True) -> None:
        self.path = os.path.join(program.git_dir, "index")
        self.lock = IndexLock(program.git_dir, repo_state_dir, removes_dead_locks=removes_dead_locks)
        self._program = program
        self._notes = repo_state_dir
        self._intent = repo_state_dir / "index-intent.json"
        self._sound: Signature | None = None
        self._unconflicted: Signature | None = None
        self._layout: tuple[Signature, Layout] | None = None

    def close(self) -> None:
        """Remove the lock's ownership record."""
        self.lock.close()

    @property
    def signature(self) -> Signature | None:
        """The stat data that changes whenever the index is written; None without an index."""
        try:
            facts = os.stat(self.path)
        except FileNotFoundError:
            return None
        return _signature(facts)

    def is_unmodified(self, entry: IndexEntry, facts: os.stat_result) -> bool:
        """Whether git takes a file with these stat data for the one that the entry was made from, without a look into
        it: nothing has changed since, and the index was not written within the second of the last change.
        """
        signature = self.signature
        if signature is None or entry.stat != stat_of(facts):
            return False
        return facts.st_mtime_ns // _SECOND_NS < signature[2] // _SECOND_NS

    @property
    def is_missing(self) -> bool:
        """Whether there is no index file."""
        return self.signature is None

    @property
    def is_known(self) -> bool:
        """Whether the index is unchanged since it was read last."""
        return self._layout is not None and self._layout[0] == self.signature

    def count(self) -> int:
        """Return the number of entries from the header; 0 without an index or with a damaged one."""
        try:
            with open(self.path, "rb") as stream:
                head = stream.read(HEADER.size)
        except OSError:
            return 0
        return int(HEADER.unpack(head)[2]) if len(head) == HEADER.size and head.startswith(b"DIRC") else 0

    def has_conflicts(self) -> bool:
        """Whether an entry is unmerged, as after a conflicted stash."""
        signature = self.signature
        if signature is None or signature == self._unconflicted:
            return False
        try:
            found = self._load().has_conflicts()
        except UnsupportedIndexError:
            found = bool(self._program.read("ls-files", "--unmerged", "-z"))
        except CorruptIndexError:
            return False
        if not found:
            self._unconflicted = signature
        return found

    def entries(self, paths: Iterable[bytes]) -> dict[bytes, IndexEntry | None]:
        """Return the entry of each path, None where there is none; raise CorruptIndexError."""
        wanted = dict.fromkeys(paths)
        found: dict[bytes, IndexEntry | None] = dict(wanted)
        try:
            index = self._load()
            if len(wanted) > index.count / _WALK_FROM and len(wanted) > _WALK_FROM:
                found.update(index.among(wanted))
            else:
                found = {path: index.entry(path) for path in wanted}
        except UnsupportedIndexError:
            found.update((path, entry) for path, entry in self._listed() if path in wanted)
        return found

    def _listed(self) -> Iterable[tuple[bytes, IndexEntry]]:
        done = self._program.run("ls-files", "--stage", "-v", "-z")
        if not done.ok:
            raise CorruptIndexError(done.errors)
        for line in done.stdout.split(b"\0")[:-1]:
            facts, _, path = line.partition(b"\t")
            tag, mode, entry_id, stage = facts.split(b" ")
            yield (
                path,
                IndexEntry(int(mode, 8), entry_id.decode(), int(stage), tag.islower(), tag in (b"S", b"s")),
            )

    def prepare_again(self, changes: Mapping[bytes, NewEntry | None]) -> PreparedIndex | None:
        """Do it again after `intend`, because another process has written the index since."""
        prepared = self.prepare(changes)
        if prepared is not None:
            flush([prepared.path])
        return prepared

    def prepare(self, changes: Mapping[bytes, NewEntry | None]) -> PreparedIndex | None:
        """Write the index that `update` would make beside the real one, without the lock.

        None where there is no valid index. Raise OperationError when it cannot be written.
        """
        signature = self.signature
        try:
            index = self._load()
            if signature != self._sound:
                index.check()
            return PreparedIndex(self.lock.prepare(index.patched(changes)), signature)
        except UnsupportedIndexError:
            self._update_by_git(changes, self._put_beside)
            return PreparedIndex(self.lock.prepared, signature)
        except CorruptIndexError:
            return None

    @property
    def foreign_at(self) -> float | None:
        """When another process wrote the index (seconds since the epoch); None where this one did so last."""
        signature = self.signature
        return None if signature is None or signature == self._sound else signature[2] / 1e9

    def _put_beside(self, data: Sequence[bytes | memoryview]) -> None:
        self.lock.prepare(data)

    def update(
        self, changes: Mapping[bytes, NewEntry | None], replace: Replace, prepared: PreparedIndex | None = None
    ) -> None:
        """Set or remove single entries; the caller holds the lock, `replace` installs the new index.

        `prepared` is installed instead where nobody has written the index since. Raise CorruptIndexError when there is
        no valid index, OperationError when it cannot be written.
        """
        if prepared is not None and prepared.signature == self.signature:
            was_unconflicted = prepared.signature == self._unconflicted
            self.lock.install(prepared.path)
            self._sound = self.signature
            self._unconflicted = self._sound if was_unconflicted else None
            return
        try:
            index = self._load()
            if self.signature != self._sound:
                index.check()
            if self.signature is not None:
                index.distrust(self.signature[2] - TICK_NS)
            data = index.patched(changes)
        except UnsupportedIndexError:
            self._update_by_git(changes, replace)
            return
        was_unconflicted = self.signature == self._unconflicted
        replace(data)
        self._sound = self.signature
        self._unconflicted = self._sound if was_unconflicted else None

    def _update_by_git(self, changes: Mapping[bytes, NewEntry | None], replace: Replace) -> None:
        lines = [
            b"0 %b\t%b\0" % (b"0" * 40, path) if new is None else b"%o %b\t%b\0" % (new.mode, new.id.encode(), path)
            for path, new in sorted(changes.items(), key=lambda change: (change[1] is not None, change[0]))
        ]
        steps: list[_Step] = [(("update-index", "--add", "--replace", "-z", "--index-info"), b"".join(lines))]
        start = self._bytes()
        for option, paths in (
            ("--assume-unchanged", [path for path, new in changes.items() if new is not None and new.is_assumed]),
            ("--skip-worktree", [path for path, new in changes.items() if new is not None and new.is_skipped]),
        ):
            if paths:
                steps.append(_marking(option, paths))
        if _SPARSE in start:
            # A path below a directory that is one entry would be written beside that entry, and one of them would be
            # lost with the next commit. So such directories are written out first, and put together again at the end.
            steps = [((*_WRITTEN_OUT, *argv), input) for argv, input in steps]
            steps.append((("update-index", "--force-write-index"), None))
        self._through_git(steps, start, replace)

    def rebuild(self, tree_id: str | None, replace: Replace) -> None:
        """Rebuild the index from a tree; a damaged one is kept in the state directory. The caller holds the lock."""
        with suppress(FileNotFoundError):
            write_durably(self._notes / "index.broken", self._bytes())
        if tree_id is None:
            replace([empty()])
            return
        self._through_git([(("read-tree", tree_id), None)], None, replace)
        sparse = SparseCheckout(self._program.root)
        if sparse.is_on:
            outside = [path for path, _ in self._listed() if sparse.is_outside(path)]
            self._through_git([_marking("--skip-worktree", outside)], self._bytes(), replace)
        # With the stat data of the files, git need not read each of them the next time.
        self._through_git([(("update-index", "-q", "--refresh"), None)], self._bytes(), replace, is_checked=False)

    def _through_git(
        self, steps: Sequence[_Step], start: bytes | None, replace: Replace, is_checked: bool = True
    ) -> None:
        """Run git on a temporary index beside the real one, which is locked, and install the result."""
        aside = self.lock.aside
        try:
            if start is not None:
                with open(aside, "wb") as stream:
                    stream.write(start)
            for argv, input in steps:
                done = self._program.run(*argv, input=input, env={"GIT_INDEX_FILE": aside}, deadline_s=300)
                if is_checked and not done.ok:
                    raise failed(f"cannot update the index {self.path}", done)
            with open(aside, "rb") as stream:
                replace([stream.read()])
        except OSError as error:
            raise storage_error(f"cannot update the index {self.path}", error) from error
        finally:
            for leftover in (aside, aside + ".lock"):
                with suppress(FileNotFoundError):
                    os.unlink(leftover)

    def intend(
        self,
        old: str | None,
        new: str,
        ref_lock: str,
        unsynced: Iterable[str] = (),
        prepared: PreparedIndex | None = None,
    ) -> None:
        """Record, durably, that the branch is about to move under `ref_lock` and the index is to be updated after
        it. The paths in `unsynced`, of the objects that it moves to, are made durable first.

        So is a prepared index: some file systems write a file before they rename it, and the lock would be held for
        so long.
        """
        note = {"index": self.path, "old": old, "new": new, "ref_lock": ref_lock, "owner": myself()}
        also = () if prepared is None else (prepared.path,)
        write_durably(self._intent, json.dumps(note).encode(), (*unsynced, *also))

    def sweep_ref_lock(self) -> None:
        """Remove the lock of a branch that a killed gitsync process left while it moved the branch.

        A lock is gitsync's if it contains the recorded commit. An empty one is if it was created after the record of a
        process that has ended: git writes the content at once.
        """
        try:
            noted = json.loads(self._intent.read_bytes())
            path, new = str(noted["ref_lock"]), str(noted["new"])
            if not is_gone(noted["owner"]):
                return
            with open(path, "rb") as stream:
                content, made_at = stream.read(100).strip(), os.fstat(stream.fileno()).st_mtime_ns
            if content == new.encode() or (not content and made_at >= self._intent.stat().st_mtime_ns):
                logger.warning("removing %s: a killed gitsync process left it", path)
                os.unlink(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            # Usually there is no such lock; one that cannot be classified is reported by the next commit.
            logger.debug("no branch lock of gitsync's beside %s: %s", self._intent, error)

    def intended(self) -> tuple[str | None, str] | None:
        """Return the recorded move, as (old, new), whose index update may be missing."""
        try:
            noted = json.loads(self._intent.read_bytes())
            if noted["index"] != self.path:
                return None
            return noted["old"], str(noted["new"])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OperationError(
                f"cannot read {self._intent}: {error.strerror}", f"ls -l {self._intent}", code="notes"
            ) from error
        except (ValueError, KeyError, TypeError):
            # A damaged disk. At worst the index shows what the last commit changed as staged back: it is not committed
            # from there, but as it is on disk.
            logger.warning("%s is damaged, and was set aside", self._intent)
            self._intent.replace(f"{self._intent}.damaged")
            return None

    def settle(self) -> None:
        """Remove the record of a move: the index was updated."""
        with suppress(FileNotFoundError):
            self._intent.unlink()

    def _bytes(self) -> bytes:
        with open(self.path, "rb") as stream:
            return stream.read()

    def _load(self) -> RawIndex:
        try:
            with open(self.path, "rb") as stream:
                facts = os.fstat(stream.fileno())
                is_large = facts.st_size > _MAPPED_FROM
                data = mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) if is_large else stream.read()
        except FileNotFoundError:
            return RawIndex(empty())
        signature = _signature(facts)
        index = RawIndex(data, self._layout[1] if self._layout and self._layout[0] == signature else None)
        self._layout = (signature, index.layout)
        return index


def _marking(option: str, paths: Iterable[bytes]) -> _Step:
    return ("update-index", option, "-z", "--stdin"), b"".join(path + b"\0" for path in paths)


def _signature(facts: os.stat_result) -> Signature:
    return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
