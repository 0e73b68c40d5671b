"""The fallback where the kernel does not report changes: walks the tree and compares it with the previous walk.

Runs on its own thread (`run`), which owns the last snapshot and the result of the prune factory. Between walks it waits
for watchdog's stop event, so that `stop` ends the wait at once.

A walk costs a stat for each file, so walks are at least `INTERVAL_S` apart and never take more than a tenth of the
time.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Callable
from queue import SimpleQueue

from watchdog.events import FileSystemEvent
from watchdog.observers.api import EventEmitter, EventQueue, ObservedWatch

from gitsync.clock import Clock, SystemClock
from gitsync.errors import GitsyncError
from gitsync.model import Problem
from gitsync.watch.directories import Prune, git_directory, rest
from gitsync.watch.hints import Hints, unreadable
from gitsync.watch.rulefiles import RuleFiles, no_files

INTERVAL_S = 2.0
SHARE = 10.0
# A file that changed shortly before it was examined may change again without a visible difference, because the clocks
# of file systems are this coarse. It is noted once more.
# systems tick this slowly. It is noted once more.
TICK_NS = 2_000_000_000

_FACTS = struct.Struct("=QqqqI")
Picture = dict[bytes, dict[bytes, bytes]]


class PollingEmitter(EventEmitter):
    """Watches one work tree by polling. The result of the first walk is put into `ready` once: None, or the error."""

    def __init__(
        self,
        event_queue: EventQueue,
        watch: ObservedWatch,
        *,
        timeout: float = 1.0,
        event_filter: list[type[FileSystemEvent]] | None = None,
        prune_factory: Callable[[], Prune],
        ready: SimpleQueue[Exception | None],
        rule_files: RuleFiles = no_files,
        interval_s: float = INTERVAL_S,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(event_queue, watch, timeout=timeout, event_filter=event_filter)
        self._prune_factory = prune_factory
        self._rule_files = rule_files
        self._rules_looked = b""
        self._ready = ready
        self._interval_s = interval_s
        self._clock = clock or SystemClock()
        self._root_text = watch.path
        self._root = os.fsencode(watch.path)
        self._wants_refresh = False
        self.is_over = False
        self.watch_count = 0
        self.problems: tuple[Problem, ...] = ()

    def refresh_ignores(self) -> None:
        """Request fresh ignore rules from the next walk on."""
        self._wants_refresh = True

    def run(self) -> None:
        """Walk and compare until stopped, or until the root vanishes."""
        outcome: Exception | None = OSError("it ended before it was started")
        reason = "the watcher has died"
        is_ready = False
        try:
            self._rules_looked = self._look_at_rules()  # before they are read
            walk = Walk(self._root, self._prune_factory(), self._clock)
            walk.look()
            rest(walk.prune)
            self._publish(walk)
            self._ready.put(None)
            is_ready = True
            self._walk_on(walk)
            reason = ""
        except FileNotFoundError as error:
            reason, outcome = "root vanished", error
        except (GitsyncError, OSError) as error:
            reason, outcome = f"the watcher has died: {error}", error
        finally:
            self.is_over = True
            if not is_ready:
                self._ready.put(outcome)
            elif reason:
                self.queue_event(Hints(self._root_text, reasons=(reason,)))

    def _walk_on(self, walk: Walk) -> None:
        while not self.stopped_event.wait(max(self._interval_s, SHARE * walk.took_s)):
            self._look(walk)
        # Changes made before the stop are still noted.
        self._look(walk)

    def _look(self, walk: Walk) -> None:
        paths, trees = walk.look()
        reasons = []
        rules = self._look_at_rules()
        if (
            self._wants_refresh
            or rules != self._rules_looked
            or any(path == b".gitignore" or path.endswith(b"/.gitignore") for path in paths)
        ):
            self._wants_refresh, self._rules_looked = False, rules
            rest(walk.prune)
            walk.prune = self._prune_factory()
            walk.look()
            reasons.append("ignore rules changed")
        rest(walk.prune)
        self._publish(walk)
        if paths or trees or reasons:
            self.queue_event(Hints(self._root_text, paths, trees, reasons))

    def _look_at_rules(self) -> bytes:
        """Return a value that changes when a file of ignore rules outside the work tree does."""
        facts = []
        for file in self._rule_files():
            try:
                facts.append(pack(os.stat(file)))
            except OSError:
                facts.append(b"-")  # missing or unreadable: that may change
        return b"".join(facts)

    def _publish(self, walk: Walk) -> None:
        if walk.problems or self.problems:
            self.problems = tuple(unreadable(path, why) for path, why in sorted(walk.problems.items()))


class Walk:
    """The snapshot of the last walk, and its duration; `look` raises FileNotFoundError without the root."""

    def __init__(self, root: bytes, prune: Prune, clock: Clock) -> None:
        self.prune = prune
        self.problems: dict[bytes, str] = {}
        self.took_s = 0.0
        self._root = root
        self._clock = clock
        self._picture: Picture = {}
        self._racy: set[bytes] = set()
        self._identity: tuple[int, int] | None = None

    def look(self) -> tuple[set[bytes], set[bytes]]:
        """Return the paths that differ from the last walk, and the directories that were removed."""
        began_at = self._clock.now()
        self._check_root()
        # Files that were modified too recently last time are noted again, changed or not.
        paths, self._racy = self._racy, set()
        picture: Picture = {}
        self.problems = {}
        stack = [b""]
        while stack:
            path = stack.pop()
            before = self._picture.get(path)
            seen, below = self._list(path, before)
            if seen is None:
                continue
            picture[path] = seen
            stack.extend(below)
            prefix = path + b"/" if path else b""
            for name, facts in seen.items():
                if before is None or before.get(name) != facts:
                    paths.add(prefix + name)
            if before is not None:
                paths.update(prefix + name for name in before.keys() - seen.keys())
        trees = {path for path in self._picture if path not in picture}
        self._picture = picture
        self.took_s = self._clock.now() - began_at
        return paths, trees

    def _list(self, path: bytes, before: dict[bytes, bytes] | None) -> tuple[dict[bytes, bytes] | None, list[bytes]]:
        """Return a directory's files with their stat data, and its subdirectories to walk; None when it does not
        exist.
        """
        prefix = path + b"/" if path else b""
        now_ns = int(self._clock.wall() * 1e9)
        seen: dict[bytes, bytes] = {}
        below = []
        try:
            with os.scandir(self._root + b"/" + path if path else self._root) as entries:
                for entry in entries:
                    name = entry.name
                    if name == b".git":
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if not self.prune(prefix + name):
                            below.append(prefix + name)
                        elif facts_of_head := self._look_at_head(prefix + name):
                            seen[name] = facts_of_head
                    else:
                        facts = self._look_at(entry)
                        if facts is None:
                            continue
                        seen[name] = pack(facts)
                        if abs(now_ns - max(facts.st_mtime_ns, facts.st_ctime_ns)) < TICK_NS:
                            self._racy.add(prefix + name)
        except (FileNotFoundError, NotADirectoryError):
            if not path:
                raise
            return None, []
        except OSError as error:
            # An unreadable directory is not empty: assume that its files are unchanged.
            self.problems[path] = error.strerror or str(error)
            return before or {}, [known for known in self._picture if is_in(known, path)]
        return seen, below

    def _look_at_head(self, path: bytes) -> bytes:
        """Return a value that changes with the HEAD of a repository in the tree; b"" when there is none."""
        directory = git_directory(self._root + b"/" + path)
        facts = b""
        for name in (b"HEAD", b"logs/HEAD") if directory is not None else ():
            with contextlib.suppress(OSError):  # missing or unreadable: nothing to compare
                facts += pack(os.lstat(os.path.join(directory or b"", name)))
        return facts

    def _look_at(self, entry: os.DirEntry[bytes]) -> os.stat_result | None:
        try:
            return entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None  # removed since it was listed, which the next walk will detect

    def _check_root(self) -> None:
        facts = os.lstat(self._root)
        identity = (facts.st_dev, facts.st_ino)
        if self._identity not in (None, identity):
            raise FileNotFoundError(f"another directory is at {os.fsdecode(self._root)!r} now")
        self._identity = identity


def is_in(path: bytes, directory: bytes) -> bool:
    """Whether `path` is a direct entry of `directory`."""
    return path != b"" and path.rpartition(b"/")[0] == directory


def pack(facts: os.stat_result) -> bytes:
    """Return the relevant stat data as bytes, which takes a third of the memory of a tuple."""
    return _FACTS.pack(facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_mode)
