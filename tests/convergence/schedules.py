"""Several machines and their network in one process, on one clock that moves when nobody has anything to do.

    python -m tests.convergence.schedules SEED      the schedule of one seed, again, with what happens in it
    python -m tests.convergence.schedules 0 1000    those of a thousand seeds
    ... --bug NAME                                  with a bug of `planted`

The owners are step machines, so a seed decides everything: whose step comes next, what people save and when, when an
engine ends, how long a message between the two owners of a machine takes, when the way to the hub is cut, and in which
order the machines hear of a push. git is real, below /dev/shm. Its lies: nobody watches (who changes a file notes it),
and an engine ends by an exception at a probe, so that it lets go of its locks (tests/crashes has the real deaths).
"""

from __future__ import annotations

import argparse
import heapq
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from gitsync.engine.board import Board
from gitsync.engine.exchange.exchanger import Exchanger
from gitsync.engine.exchange.turns import Turns
from gitsync.engine.messages import Adopt, ExchangeNow, RemoteMoved, WatcherDoubted
from gitsync.engine.owner import Ask, Owner
from gitsync.git import open_commit
from tests.conftest import run_git
from tests.convergence import verdict
from tests.convergence.engines import MEMORY
from tests.convergence.person import NAMES, Person, blank
from tests.convergence.planted import plant
from tests.fakes.clock import FakeClock
from tests.fakes.committer import CheckedCommitter
from tests.fakes.deaths import Death
from tests.fakes.engine import configured

NAME = "notes"
# With a quiet period of 2 s, a version that was on disk for so long while its engine ran is owed.
OWED_S = 5.0
# The deeds of a schedule are spread over this time, and its end is given as many rounds of that.
BUSY_S, ROUND_S, ROUNDS = 60.0, 120.0, 10
REST_S = 800.0
# How often the disks are looked at: less often than a version has to stay.
LOOK_S = 1.5
STEPS_AT_ONCE = 3000
OPTIONS: dict[str, object] = {
    "quiet": "2s", "max_wait": "10s", "pull": "6m", "push": "5s", "transport": "libgit2"
}  # fmt: skip
DEEDS = ("save", "save", "save", "change_line", "change_line", "remove", "rename", "change_mode", "link", "swap")
MACHINES = 5


class Box:
    """One machine: a work tree, its person, and an engine while it lives."""

    def __init__(self, schedule: Schedule, number: int) -> None:
        self.schedule = schedule
        self.number = number
        base = schedule.base / f"site{number}"
        self.root, self.hub, self._state = base / "tree", base / "hub", base / "state"
        self.person = Person(self.root, f"person {number}")
        self.owners: tuple[Owner, ...] = ()
        self.left_alone_until = 0.0
        self.seen: dict[str, float] = {}  # blobs on disk, and since when under this engine

    def start(self) -> None:
        """Start the engine, as after a boot."""
        if self.owners:
            return
        clock = self.schedule.clock
        if self.left_alone_until == math.inf:
            self.left_alone_until = clock.now() + OWED_S
        self.board = Board(clock)
        self.committer = CheckedCommitter(clock, self.board, self._route, self._die, probe=self._probe)
        config = configured(self.root, **OPTIONS)
        self.exchanger = Exchanger(
            config,
            timeout_s=30.0,
            clock=clock,
            board=self.board,
            committer=lambda message: self._carry(self.committer, message),
            system_events=lambda message: None,
            is_scheduled=True,
            repo_state_dir=self._state,
            on_death=self._die,
            turns=Turns(),
        )
        self.exchanger.setup()
        self.owners = (self.committer, self.exchanger)
        self.committer.post(Ask(Adopt(config, self._state), Future()))
        self.seen = {}

    def kill(self) -> None:
        """End the engine; what is left alone for it stays so until it had its time."""
        if self.left_alone_until > self.schedule.clock.now():
            self.left_alone_until = math.inf
        self.owners = ()
        self.seen = {}

    def note(self, noted: tuple[list[bytes], list[bytes]]) -> None:
        """Tell the engine what was changed, as a watcher does."""
        if self.owners:
            paths, trees = noted
            self.committer.buffer_for(NAME).note_batch(paths=paths, trees=trees)

    def is_ready(self, owner: Owner) -> bool:
        wake_at = owner.wake_at()
        return not owner.inbox.empty() or (wake_at is not None and wake_at <= self.schedule.clock.now())

    def step(self, owner: Owner) -> None:
        """Let an owner take one step; an engine that ends in it is gone."""
        message = None if owner.inbox.empty() else owner.inbox.get_nowait()
        try:
            owner.step(message, self.schedule.clock.now())
        except Death:
            self.schedule.say(f"machine {self.number} ends")
            self.kill()

    def look(self) -> None:
        """Note what is on disk; what has stayed for long enough is owed."""
        now = self.schedule.clock.now()
        found = {blob for _, blob in verdict.on_disk(self.root).values()}
        self.seen = {blob: self.seen.get(blob, now) for blob in found} if self.owners else {}
        for blob, since in self.seen.items():
            if now - since > OWED_S:
                self.schedule.owed.setdefault(blob, f"machine {self.number}")

    def _route(self, _: str, message: object) -> None:
        if not isinstance(message, WatcherDoubted):
            self._carry(self.exchanger, message)

    def _carry(self, owner: Owner, message: object) -> None:
        """Deliver a message between the owners of this engine; one that has a long way comes later than the next."""
        self.schedule.later(self.schedule.delay(), lambda: owner.post(message))

    def _probe(self, point: str, path: bytes) -> None:
        self.schedule.met(self, point, path)

    def _die(self, died: object) -> None:
        raise AssertionError(died)


class Schedule:
    """The machines of one seed, the hub between them, and everything that happens, in its order."""

    def __init__(self, seed: int, template: Path, *, is_told: bool = False) -> None:
        self.seed = seed
        self._is_told = is_told
        self.clock = FakeClock()
        self._dice = random.Random(seed)
        random.seed(seed)  # the engines' own jitter
        self.base = Path(tempfile.mkdtemp(dir=template.parent))
        subprocess.run(["cp", "-a", f"{template}/.", self.base], check=True)
        for config in self.base.glob("site*/tree/.git/config"):
            config.write_text(config.read_text().replace(str(template), str(self.base)))
        self.hub = self.base / "hub.git"
        self.owed: dict[str, str] = {}
        self.is_calm = False
        self._looked_at = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._met: tuple[int, Callable[[Box, bytes], None]] | None = None
        self.boxes = [Box(self, number) for number in range(self._dice.randint(3, MACHINES))]

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.base)

    def say(self, what: str) -> None:
        if self._is_told:
            print(f"{self.clock.now() - 1000.0:8.2f} {what}", flush=True)

    # -- the network and the moments -----------------------------------------------------------------------------------

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Let something happen when so much time has passed."""
        self._count += 1
        heapq.heappush(self._events, (self.clock.now() + seconds, self._count, act))

    def delay(self) -> float:
        """Return how long a message takes."""
        return 0.0 if self.is_calm else self._dice.choice((0.0, 0.0, 0.1, 0.7, 3.0))

    def met(self, box: Box, point: str, path: bytes) -> None:
        """Do what is planned for a moment in the middle of an engine's work on a file."""
        if self._met is None or not path:
            return
        left, act = self._met
        self._met = (left - 1, act) if left else None
        if not left:
            act(box, path)

    def run(self, seconds: float) -> None:
        """Let time pass: whoever can take a step takes it, in any order; then the clock moves."""
        ends_at = self.clock.now() + seconds
        steps = 0
        while True:
            while self._events and self._events[0][0] <= self.clock.now():
                heapq.heappop(self._events)[2]()
            ready = [(box, owner) for box in self.boxes for owner in box.owners if box.is_ready(owner)]
            if ready:
                steps += 1
                assert steps < STEPS_AT_ONCE, "a busy loop"
                box, owner = self._dice.choice(ready)
                was = self._tip()
                box.step(owner)
                if self._tip() != was:
                    self._tell_of_push()
                continue
            steps = 0
            wanted = [at for box in self.boxes for owner in box.owners if (at := owner.wake_at()) is not None]
            wake_at = min([*wanted, *(event[0] for event in self._events[:1])], default=ends_at)
            if not self.is_calm and self.clock.now() - self._looked_at > LOOK_S:
                self._looked_at = self.clock.now()
                for box in self.boxes:
                    box.look()
            if wake_at > ends_at:
                self.clock.advance(max(0.0, ends_at - self.clock.now()))
                return
            self.clock.advance(max(0.0, wake_at - self.clock.now()))

    def _tip(self) -> bytes:
        with suppress(FileNotFoundError):
            return (self.hub / "refs/heads/main").read_bytes()
        return b""

    def _tell_of_push(self) -> None:
        """Let each machine hear of a push some time, or never, in any order."""
        self.say(f"the hub is at {self._tip()[:7].decode()}")
        for box in self.boxes:
            if box.owners and self._dice.random() < 0.7:
                self.later(self.delay(), partial(box.exchanger.post, RemoteMoved(NAME)))

    # -- what people and the world do ----------------------------------------------------------------------------------

    def live(self) -> None:
        """Begin everything, and let the time of the deeds pass."""
        for box in self.boxes:
            box.start()
        self.run(10.0)
        for _ in range(self._dice.randint(8, 16)):
            self.later(self._dice.random() * BUSY_S, self._dice.choice((*[self._deed] * 5, self._cut, self._end)))
        for _ in range(4):
            self.later(self._dice.random() * BUSY_S, self._plan_meeting)
        self.run(BUSY_S)

    def _deed(self) -> None:
        box = self._dice.choice(self.boxes)
        if box.left_alone_until > self.clock.now():
            return
        name, number = self._dice.choice(DEEDS), self._dice.randrange(len(NAMES))
        more: dict[str, tuple[Any, ...]] = {
            "save": (self._dice.randint(1, 12), self._dice.random() < 0.5),
            "change_line": (self._dice.randrange(9),),
            "rename": (self._dice.randrange(len(NAMES)),),
            "swap": (self._dice.randint(1, 9),),
        }
        self.say(f"person {box.number}: {name} {NAMES[number]!r}")
        box.note(getattr(box.person, name)(number, *more.get(name, ())))

    def _cut(self) -> None:
        box = self._dice.choice(self.boxes)
        if box.hub.is_symlink():
            self.say(f"machine {box.number} is cut off")
            box.hub.unlink()
            self.later(self._dice.random() * BUSY_S, lambda: self._join(box))

    def _join(self, box: Box) -> None:
        if not box.hub.is_symlink():
            box.hub.symlink_to(self.hub)

    def _end(self) -> None:
        box = self._dice.choice(self.boxes)
        self.say(f"machine {box.number} ends between two steps")
        box.kill()
        self.later(self._dice.random() * 20, box.start)

    def _plan_meeting(self) -> None:
        """Let the next engine that works on a file end there, or somebody save that file at that moment."""

        def end(box: Box, path: bytes) -> None:
            self.later(self._dice.random() * 20, box.start)
            raise Death

        def save(box: Box, path: bytes) -> None:
            there = box.root / os.fsdecode(path)
            self.say(f"person {box.number} saves {path!r} in that moment")
            data = box.person.content(self._dice.randint(1, 9))
            with suppress(OSError):
                there.write_bytes(data)
                # It may be out of sight at once, and is owed all the same, if its person leaves it alone.
                box.left_alone_until = self.clock.now() + OWED_S
                self.owed[verdict.blob_id(data)] = f"saved in the middle of a pull of machine {box.number}"
            box.note(([path], []))

        self._met = self._dice.randrange(8), self._dice.choice((end, save))

    # -- the end -------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """End all troubles, let everybody exchange until nothing moves, and judge."""
        self._met, self.is_calm = None, True
        for box in self.boxes:
            self._join(box)
            box.start()
        unseen = self._unseen_by_others()
        seen: list[str] = []
        for _ in range(ROUNDS):
            for box in self.boxes:
                box.exchanger.post(Ask(ExchangeNow(), Future()))
            self.run(ROUND_S)
            heads = self._heads()
            if seen == heads and len(set(heads)) == 1:
                break
            seen = heads
        else:
            raise AssertionError(f"no silence: {seen} {[box.board.status(NAME) for box in self.boxes]}")
        self.run(REST_S)
        assert self._heads() == seen, "a commit at rest"
        for box in self.boxes:
            status = box.board.status(NAME)
            assert (str(status.state), status.pending) == ("ok", 0), status
        self._judge(unseen)

    def _judge(self, unseen: frozenset[bytes]) -> None:
        """All are at one commit: check each, and what costs a child only where it may differ."""
        tree = verdict.in_history(self.hub, "main")
        for box in self.boxes:
            assert verdict.on_disk(box.root) == tree, f"{box.root}: the work tree is not HEAD's"
            assert run_git(box.root, "status", "--porcelain") == "", box.root
            verdict.check_bare(box.root, [box.root.parent / "state"])
        verdict.check_unmarked(self.boxes[0].root)
        for place in (self.hub, self.boxes[0].root):
            verdict.check_sound(place)
        lost = self.owed.keys() - verdict.reachable([self.hub])
        lost -= verdict.reachable([box.root for box in self.boxes]) if lost else set()
        assert not lost, f"lost: { {blob: self.owed[blob] for blob in lost} }"
        gone = unseen - verdict.marks_on_disk(self.boxes[0].root)
        assert not gone, f"nobody knew of it, and it is not there: {gone}"

    def _unseen_by_others(self) -> frozenset[bytes]:
        """Return what people wrote that nobody else has heard of: nobody can have meant to take it away."""
        heard = verdict.marks_in_history(self.hub)
        return frozenset(
            mark
            for box in self.boxes
            for mark in verdict.marks_on_disk(box.root)
            if mark.startswith(f"{box.person.name} ".encode()) and mark not in heard
        )

    def _heads(self) -> list[str]:
        places = (self.hub, *(box.root / ".git" for box in self.boxes))
        return [(place / "refs/heads/main").read_text() for place in places]


@contextmanager
def template() -> Iterator[Path]:
    """Give a hub and the clones of all machines, to be copied for each schedule."""
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as directory:
        yield _made(Path(directory, "template"))


def _made(place: Path) -> Path:
    first = place / "first"
    first.mkdir(parents=True)
    run_git(first, "init", "-q")
    for number, name in enumerate(NAMES):
        path = first / name
        if path.suffix in (".txt", ".sh") and number % 3 != 2:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(blank(number))
    run_git(first, "add", "-A")
    run_git(first, "commit", "-qm", "first")
    run_git(place, "clone", "-q", "--bare", str(first), "hub.git")
    tip = run_git(place / "hub.git", "rev-parse", "main")
    (place / "hub.git/packed-refs").unlink()
    (place / "hub.git/refs/heads/main").write_text(f"{tip}\n")
    for number in range(MACHINES):
        site = place / f"site{number}"
        (site / "state").mkdir(parents=True)
        (site / "hub").symlink_to("../hub.git")
        run_git(site, "clone", "-q", "hub", "tree")
        run_git(site / "tree", "remote", "set-url", "origin", str(site / "hub"))
    shutil.rmtree(first)
    return place


def try_one(seed: int, template: Path, *, is_told: bool = False) -> int:
    """Run the schedule of a seed; return how many versions it owed. Raise AssertionError, with how to repeat it."""
    schedule = Schedule(seed, template, is_told=is_told)
    try:
        schedule.live()
        schedule.settle()
    except Exception as error:
        again = f"python -m tests.convergence.schedules {seed}"
        raise AssertionError(f"to repeat it: {again}\n{type(error).__name__}: {error}") from error
    finally:
        schedule.close()
    return len(schedule.owed)


def main() -> int:
    """Run the schedules that the command line asks for; return 1 when one failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int)
    parser.add_argument("count", type=int, nargs="?", default=0)
    parser.add_argument("--bug", default="")
    arguments = parser.parse_args()
    # Time moves by the schedule alone: the second after a `git add` would not end.
    open_commit.STAGED_S = 0.0
    plant(arguments.bug)
    failed = owed = 0
    with template() as place:
        for seed in range(arguments.seed, arguments.seed + max(1, arguments.count)):
            try:
                owed += try_one(seed, place, is_told=not arguments.count)
            except AssertionError as error:
                failed += 1
                print(error, flush=True)
                if arguments.bug:
                    break
    print(f"{max(1, arguments.count)} schedules, {owed} versions owed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
