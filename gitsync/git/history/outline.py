"""An index of a whole history, small enough for memory: which commits changed which paths, and when.

Filled by one thread at a time from `git log --reverse`; any number of threads may read at the same time, because
everything is only appended, and a reader goes by the number of commits that it found at its beginning. Commits are
numbered from the oldest. A path's history is followed over its renamings, a directory's too: it was renamed where most
of the files that were renamed into it came from one other directory.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge as merged
from itertools import pairwise

from gitsync.git.history.commit_table import CommitTable, Part

LOG = ("log", "--reverse", "--format=%x01%H%x00%ct %P", "--raw", "-z", "--no-abbrev", "-M",
       "--diff-merges=first-parent", "--no-ext-diff", "--no-color")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Missing:
    """A name below a directory that is not there any more: commit number `last` removed it, or moved it to `now`."""

    name: bytes
    last: int
    is_directory: bool
    now: bytes | None = None


@dataclass(slots=True)
class Outline:
    """The index of one history, up to the commit `head`."""

    head: str = ""
    _table: CommitTable = field(default_factory=CommitTable)
    # The commits whose first parent is not the one before, in order, and that parent: -1 for none.
    _jumps: array[int] = field(default_factory=lambda: array("I"))
    _parents: array[int] = field(default_factory=lambda: array("i"))
    # The commits that changed a path, oldest first.
    _commits: dict[bytes, array[int]] = field(default_factory=dict)
    # By a commit's number: where paths came from that it renamed, and the paths that it removed.
    _renamed: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    _removed: dict[int, set[bytes]] = field(default_factory=dict)
    _paths: list[bytes] = field(default_factory=list)
    _rest: bytes = b""

    # -- filling ------------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Take a piece of the output of LOG."""
        pieces = (self._rest + data).split(b"\0")
        at = 0
        # The last piece is never whole: it is the text after the last separator.
        while (left := len(pieces) - 1 - at) > 0 and (used := self._take(pieces, at, left)):
            at += used
        self._rest = b"\0".join(pieces[at:])

    def finish(self, head: str) -> None:
        """End a run of LOG: everything is there up to `head`."""
        self._rest = b""
        if len(self._paths) != len(self._commits):
            self._paths = sorted(self._commits)
        self.head = head

    def parts(self) -> dict[str, bytes]:
        """Return everything, for a file."""
        renamed = ((number, path, was) for number, each in self._renamed.items() for path, was in each.items())
        removed = ((number, path) for number, each in self._removed.items() for path in each)
        return {
            **self._table.parts(),
            "jumps": self._jumps.tobytes(),
            "parents": self._parents.tobytes(),
            "paths": b"".join(path + b"\0" for path in self._paths),
            "counts": array("I", (len(self._commits[path]) for path in self._paths)).tobytes(),
            "numbers": b"".join(self._commits[path].tobytes() for path in self._paths),
            "renamed": b"".join(b"%d\0%b\0%b\0" % each for each in renamed),
            "removed": b"".join(b"%d\0%b\0" % each for each in removed),
        }

    @classmethod
    def of(cls, head: str, parts: Mapping[str, Part]) -> Outline:
        """Return the index whose parts are in a file; raise ValueError where they do not belong together."""
        paths, renamed, removed = (parts[name].read().split(b"\0")[:-1] for name in ("paths", "renamed", "removed"))
        counts, numbers = array("I", parts["counts"].read()), parts["numbers"].read()
        found = cls(head, CommitTable.of(parts))
        found._jumps.frombytes(parts["jumps"].read())
        found._parents.frombytes(parts["parents"].read())
        found._paths += paths
        end = 0
        for path, count in zip(paths, counts, strict=True):
            each = found._commits[path] = array("I")
            start, end = end, end + count * each.itemsize
            each.frombytes(numbers[start:end])
        for number, path, was in zip(renamed[::3], renamed[1::3], renamed[2::3], strict=True):
            found._renamed.setdefault(int(number), {})[path] = was
        for number, path in zip(removed[::2], removed[1::2], strict=True):
            found._removed.setdefault(int(number), set()).add(path)
        return found

    def _take(self, pieces: list[bytes], at: int, left: int) -> int:
        line = pieces[at].lstrip(b"\n")
        if line.startswith(b"\x01"):
            if left < 2:
                return 0
            instant, _, parents = pieces[at + 1].partition(b" ")
            self._begin(bytes.fromhex(line[1:].decode("ascii")), int(instant), parents.partition(b" ")[0])
            return 2
        if not line.startswith(b":"):
            return 1
        letter = line.rpartition(b" ")[2][:1]
        count = 3 if letter in (b"R", b"C") else 2
        if left < count:
            return 0
        self._note(letter, pieces[at + 1], pieces[at + count - 1])
        return count

    def _begin(self, commit: bytes, at: int, parent: bytes) -> None:
        self._note_parent(bytes.fromhex(parent.decode("ascii")))
        self._table.add(commit, at)

    def _note_parent(self, parent: bytes) -> None:
        count = len(self)
        if count and not (parent and self._table.id(count - 1) == parent):
            self._jumps.append(count)
            self._parents.append(self._table.number(parent) if parent else -1)

    def _note(self, letter: bytes, was: bytes, path: bytes) -> None:
        number = len(self) - 1
        self._commits.setdefault(path, array("I")).append(number)
        if letter == b"R":
            self._renamed.setdefault(number, {})[path] = was
            self._commits.setdefault(was, array("I")).append(number)
        if letter in (b"R", b"D"):
            self._removed.setdefault(number, set()).add(was)

    # -- commits ------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Return the number of commits."""
        return len(self._table)

    def id(self, number: int) -> str:
        """Return the name of a commit."""
        return self._table.id(number).hex()

    def at(self, number: int) -> int:
        """Return the time of a commit, in seconds since the epoch."""
        return self._table.at(number)

    def number(self, commit: str) -> int | None:
        """Return the number of a commit, None where it is not in this history."""
        found = self._table.number(bytes.fromhex(commit))
        return None if found < 0 else found

    def commit_at(self, instant: float) -> str | None:
        """Return the newest commit by an instant along first parents: what one machine had, not a mixture of several.

        None where there was none yet.
        """
        newest, by = len(self) - 1, self.until(instant) - 1
        while newest >= 0:
            place = bisect_right(self._jumps, newest) - 1
            first = self._jumps[place] if place >= 0 else 0
            if min(newest, by) >= first:
                return self.id(min(newest, by))
            newest = self._parents[place] if place >= 0 else -1
        return None

    def latest(self, number: int) -> int:
        """Return the latest time of the commits up to this one: unlike their times, it never goes back."""
        return self._table.latest(number)

    def until(self, instant: float) -> int:
        """Return how many commits there were at an instant."""
        return self._table.before(int(instant) + 1)

    # -- paths --------------------------------------------------------------------------------------------------------

    def knows(self, path: bytes) -> bool:
        """Return whether a file, or something below a directory, was ever called so."""
        return not path or path in self._commits or bool(self._below(path))

    def is_file(self, path: bytes) -> bool:
        """Return whether only a file was ever called so, and never a directory."""
        return path in self._commits and not self._below(path)

    def history(self, path: bytes, before: int | None = None) -> Iterator[int]:
        """Yield the commits before number `before` that changed a file or a directory, the newest first."""
        end = len(self) if before is None else min(before, len(self))
        if not path:
            yield from range(end - 1, -1, -1)
            return
        for name, first, last in self._names(path):
            yield from self._newest_first(name, first, min(last, end))

    def name_at(self, path: bytes, number: int) -> bytes:
        """Return what a path was called after a commit."""
        return next((name for name, first, _ in self._names(path) if first <= number), path)

    def last(self, path: bytes, until: int) -> int | None:
        """Return the newest of the first `until` commits that changed a path or something below it."""
        found = max((self._before(name, until) for name in self._at(path)), default=-1)
        return found if found >= 0 else None

    def missing(self, directory: bytes, present: Iterable[bytes], until: int) -> list[Missing]:
        """Return the names that were once in a directory, and after the first `until` commits are not `present`."""
        known = set(present)
        prefix = directory + b"/" if directory else b""
        found: dict[bytes, Missing] = {}
        for path in self._below(directory):
            name, _, deeper = path[len(prefix) :].partition(b"/")
            if name in known or (last := self._before(path, until)) < 0:
                continue
            before = found.get(name)
            if before is None or before.last < last:
                is_directory = bool(deeper) or (before is not None and before.is_directory)
                now = self._directory_now(prefix + name, last) if is_directory else self._moved(path, last)
                found[name] = Missing(name, last, is_directory, now)
        return sorted(found.values(), key=lambda item: item.name)

    def deleted(self, directory: bytes, since: int, until: int) -> list[tuple[bytes, int]]:
        """Return the files below a directory that the commits from `since` to before `until` deleted for good."""
        newest = ((path, self._before(path, until)) for path in self._at(directory))
        return [
            (path, last)
            for path, last in newest
            if last >= since and path in self._removed.get(last, ()) and self._moved(path, last) is None
        ]

    def density(self, path: bytes, edges: list[float]) -> list[int]:
        """Return how many changes there were between each two of the instants `edges`: commits, below a path files."""
        numbers = [self._table.before(edge) for edge in edges]
        if not path:
            return [after - before for before, after in pairwise(numbers)]
        counts = [0] * (len(edges) - 1)
        for name, first, end in self._names(path):
            bounds = [min(max(number, first), end) for number in numbers]
            for each in self._at(name):
                for place, count in _parts(self._commits[each], bounds):
                    counts[place] += count
        return counts

    def _names(self, path: bytes) -> Iterator[tuple[bytes, int, int]]:
        """Yield what a path was called, the newest name first, with its first commit and the one after its last."""
        name, end = path, len(self)
        for number in reversed(list(self._renamed)):
            was = self._renamed[number].get(name)
            if was is None and name not in self._commits:
                was = self._directory_before(name, number)
            if was is not None and was != name and number < end:
                yield name, number, end
                name, end = was, number
        yield name, 0, end

    def _directory_before(self, name: bytes, number: int) -> bytes | None:
        found: Counter[bytes] = Counter()
        for path, was in self._renamed[number].items():
            below = path.removeprefix(name + b"/")
            if below != path and was.endswith(b"/" + below):
                found[was.removesuffix(b"/" + below)] += 1
        return found.most_common(1)[0][0] if found else None

    def _directory_now(self, name: bytes, number: int) -> bytes | None:
        """Return where a commit moved most of the files of a directory to that is no longer there."""
        found: Counter[bytes] = Counter()
        for path, was in self._renamed.get(number, {}).items():
            below = was.removeprefix(name + b"/")
            if below != was and path.endswith(b"/" + below):
                found[path.removesuffix(b"/" + below)] += 1
        return found.most_common(1)[0][0] if found else None

    def _moved(self, path: bytes, number: int) -> bytes | None:
        return next((now for now, was in self._renamed.get(number, {}).items() if was == path), None)

    def _newest_first(self, name: bytes, first: int, end: int) -> Iterator[int]:
        """Yield the commits from `first` to before `end` that changed a file or something below a directory."""
        each = [self._commits[path] for path in self._at(name)]
        parts = (reversed(numbers[bisect_left(numbers, first) : bisect_left(numbers, end)]) for numbers in each)
        last = -1
        for number in merged(*parts, reverse=True):
            if number != last:
                yield number
            last = number

    def _before(self, path: bytes, until: int) -> int:
        numbers = self._commits.get(path)
        place = 0 if numbers is None else bisect_left(numbers, until)
        return numbers[place - 1] if numbers is not None and place else -1

    def _at(self, path: bytes) -> list[bytes]:
        return [*([path] if path in self._commits else []), *self._below(path)]

    def _below(self, directory: bytes) -> list[bytes]:
        if not directory:
            return self._paths
        first = bisect_left(self._paths, directory + b"/")
        return self._paths[first : bisect_left(self._paths, directory + b"0", first)]


def _parts(changed: array[int], bounds: list[int]) -> Iterator[tuple[int, int]]:
    """Yield how many of the numbers, which are in order, lie between each two bounds; the shorter list is walked."""
    if len(changed) > len(bounds):
        places = [bisect_left(changed, bound) for bound in bounds]
        yield from enumerate(after - before for before, after in pairwise(places))
        return
    for number in changed:
        if bounds[0] <= number < bounds[-1]:
            yield bisect_right(bounds, number) - 1, 1
