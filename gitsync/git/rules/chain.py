"""Which rule files have a say in a directory: its own and those above it. Runs on its owner's thread.

git's answer for a path is valid as long as the chain of its directory is the same. A chain has a number: it is another
one as soon as a file of it has changed, come or gone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from typing import NamedTuple

from gitsync.clock import SystemClock
from gitsync.git.files import TICK_NS, Signature
from gitsync.git.rules.patterns import Patterns

# How many numbers are kept; beyond that everything is asked again once.
_KEPT_MAX = 100_000

IsTracked = Callable[[bytes], str | None]
# What the lines of a rule file can depend on, None for any part of a path.
Parse = Callable[[bytes], Patterns | None]


def by_path(data: bytes) -> Patterns | None:
    """Have every path asked for by itself."""
    return None


class Chain(NamedTuple):
    """The rule files on the way to a directory.

    `has_rules`: a rule file has a say. `needs_index`: one of them is in the index alone. `is_beyond_link`: a symbolic
    link is on the way, so that nothing there is of this tree. `patterns` are those of all files; None when an answer
    may depend on any part of a path.
    """

    number: int
    has_rules: bool
    needs_index: bool
    is_beyond_link: bool
    patterns: Patterns | None = None


class Chains:
    """The chains of rule files called `name` in one work tree; `refresh` before each batch.

    `tracked` returns the blob that HEAD has at a path, for files that are read from the index where the disk has none.
    """

    def __init__(self, root: bytes, name: bytes, tracked: IsTracked, parse: Parse = by_path) -> None:
        self._root = root
        self._name = name
        self._tracked = tracked
        self._parse = parse
        self._parsed: dict[int, Patterns | None] = {}
        self._patterns_outside: Patterns | None = None
        self._known: dict[bytes, Chain] = {}
        self._numbers: dict[object, int] = {}
        self._next = 0
        self._outside: object = None
        self._has_outside = False

    def refresh(self, outside: object, *, has_outside: bool, patterns: Patterns | None = None) -> None:
        """Look again at every file; `outside` differs when a rule file elsewhere, or the configuration, does.

        `patterns` are those of the files elsewhere.
        """
        self._known.clear()
        self._patterns_outside = patterns
        self._outside, self._has_outside = outside, has_outside

    def at(self, directory: bytes) -> Chain:
        """Return the chain of a directory of the work tree, b"" for its root."""
        waiting = []
        while (known := self._known.get(directory)) is None:
            waiting.append(directory)
            if not directory:
                known = Chain(-1, self._has_outside, False, False, self._patterns_outside)
                break
            directory = directory.rpartition(b"/")[0]
        # From above: there may be more directories than calls that fit into each other.
        while waiting:
            below = waiting.pop()
            known = self._known[below] = self._extended(known, below)
        return known

    def _extended(self, above: Chain, directory: bytes) -> Chain:
        if above.is_beyond_link or (directory and _is_link(os.path.join(self._root, directory))):
            return above._replace(is_beyond_link=True)
        file = directory + b"/" + self._name if directory else self._name
        here = _state_of(os.path.join(self._root, file))
        blob = self._tracked(file) if here is None else None
        if here is None and blob is None and directory:
            return above
        is_racy = here is not None and here[3] >= int(SystemClock().wall() * 1e9) - TICK_NS
        key = (above.number, here, blob, None if directory else self._outside, directory)
        has_file = here is not None or blob is not None
        number = self._number(key, is_racy=is_racy)
        return Chain(
            number,
            above.has_rules or has_file,
            above.needs_index or blob is not None,
            False,
            self._patterns(number, above.patterns, file, is_there=here is not None, is_tracked=blob is not None),
        )

    def _patterns(
        self, number: int, above: Patterns | None, file: bytes, *, is_there: bool, is_tracked: bool
    ) -> Patterns | None:
        if above is None or is_tracked:
            return None
        if not is_there:
            return above
        if number not in self._parsed:
            if len(self._parsed) >= _KEPT_MAX:
                self._parsed.clear()
            own = self._read(file)
            self._parsed[number] = None if own is None else above.joined(own)
        return self._parsed[number]

    def _read(self, file: bytes) -> Patterns | None:
        try:
            with open(os.path.join(self._root, file), "rb") as stream:
                return self._parse(stream.read())
        except OSError:
            return None  # it cannot be read, or was replaced just now: git is asked about each path

    def _number(self, key: object, *, is_racy: bool) -> int:
        """Return the number of a chain; one whose file may change again without looking different is never known."""
        number = None if is_racy else self._numbers.get(key)
        if number is None:
            self._next += 1
            number = self._next
        if not is_racy:
            if len(self._numbers) >= _KEPT_MAX:
                self._numbers.clear()
            self._numbers[key] = number
        return number


def patterns_of(places: Iterable[str | bytes], parse: Parse) -> Patterns | None:
    """Return the patterns of those files that are there, None when git has to be asked about each path."""
    joined = Patterns()
    for place in places:
        try:
            with open(place, "rb") as stream:
                own = parse(stream.read())
        except FileNotFoundError:
            continue
        except OSError:
            return None
        if own is None:
            return None
        joined = joined.joined(own)
    return joined


def _is_link(place: bytes) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(place).st_mode)
    except OSError:
        return False  # it is not there, or what is above it is none of a directory


def _state_of(place: bytes) -> Signature | None:
    """Return what tells two states of a rule file apart; None for none: git reads nothing from a link or directory."""
    try:
        facts = os.lstat(place)
    except OSError:
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
