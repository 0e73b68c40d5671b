"""Real daemons, watched by the real kernel, with people at work and SIGKILL at any moment: nothing here is stepped.

Time is the machine's, so a seed gives the same deeds in the same order and not the same run. What was on disk, with
its daemon up, for `STABLE_S` is owed.
"""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.conftest import run_git
from tests.convergence import verdict
from tests.convergence.person import NAMES, Person
from tests.daemon.harness import Machine, machine, wait_for

# With a quiet period of 100 ms, on a machine that others load as well.
STABLE_S = 4.0
PATIENCE_S = 120.0
DEEDS = ("save", "save", "save", "change_line", "change_line", "remove", "rename", "change_mode", "link", "swap")


class Desk:
    """One machine of the crowd, its person, and what has been on its disk since when."""

    def __init__(self, box: Machine, root: Path, name: str) -> None:
        self.box = box
        self.root = root
        self.person = Person(root, name)
        self.seen_since: dict[str, float] = {}
        self.is_paused = False

    def look(self, owed: dict[str, str]) -> None:
        """Note what is on disk; a version that has stayed for long enough is owed."""
        now = time.monotonic()
        try:
            found = {blob: path for path, (_, blob) in verdict.on_disk(self.root).items() if b".gitsync" not in path}
        except OSError:
            return  # something vanished under our eyes: the next look sees what there is
        is_up = self.box.process is not None and not self.is_paused
        self.seen_since = {blob: self.seen_since.get(blob, now) for blob in found} if is_up else {}
        for blob, since in self.seen_since.items():
            if now - since > STABLE_S:
                owed.setdefault(blob, f"{found[blob]!r} of {self.person.name}")

    def toggle(self, dice: random.Random) -> None:
        """Kill, start, pause or resume."""
        if self.box.process is None:
            self.box.start()
        elif self.is_paused or dice.random() < 0.3:
            self.is_paused = not self.is_paused
            self.box.ctl("pause" if self.is_paused else "resume")
        else:
            self.box.stop(signal.SIGKILL)
        self.seen_since = {}

    def ask(self, dice: random.Random) -> None:
        """Take something back or settle a conflict, with the daemon or without; what is refused is said, and no bug."""
        command = ["undo", "notes", *(["--keep"] if dice.random() < 0.5 else [])]
        if dice.random() < 0.6:
            listed = json.loads(self.box.ctl("conflicts", "notes", "--json").stdout).get("conflicts")
            if listed:
                way = dice.choice(("--ours", "--theirs", "--both", "--done"))
                command = ["resolve", dice.choice(listed)["path"], "--repo", "notes", way]
        done = self.box.ctl(*command)
        assert done.returncode in (0, 1, 2, 4), (command, done)
        self.seen_since = {}

    def deed(self, dice: random.Random) -> None:
        """Do something without looking."""
        name, number = dice.choice(DEEDS), dice.randrange(len(NAMES))
        more = {
            "save": (dice.randint(1, 12), dice.random() < 0.5),
            "change_line": (dice.randrange(9),),
            "rename": (dice.randrange(len(NAMES)),),
            "swap": (dice.randint(1, 9),),
        }
        getattr(self.person, name)(number, *more.get(name, ()))


@contextmanager
def crowd(directory: Path, count: int) -> Iterator[tuple[Path, list[Desk]]]:
    """Give a hub and so many machines that watch a clone of it."""
    with ExitStack() as stack:
        boxes = [stack.enter_context(machine(directory / f"m{number}")) for number in range(count)]
        hub = directory / "hub.git"
        run_git(directory, "init", "-q", "--bare", str(hub))
        desks: list[Desk] = []
        for number, box in enumerate(boxes):
            root = box.home / "notes"
            run_git(box.home, "clone", "-q", str(hub), "notes")
            if not number:
                (root / "list.txt").write_text("".join(f"line {line}\n" for line in range(9)))
                run_git(root, "add", ".")
                run_git(root, "commit", "-qm", "first")
                run_git(root, "push", "-q", "origin", "main")
            box.configure(root)
            box.start()
            desks.append(Desk(box, root, f"person {number}"))
        yield hub, desks


def live(hub: Path, desks: list[Desk], seconds: float, seed: int) -> None:
    """Let people work and machines die for a while; then everybody has to become equal, with nothing lost."""
    dice = random.Random(seed)
    owed: dict[str, str] = {}
    ends_at = time.monotonic() + seconds
    aside = hub.with_name("aside.git")
    while time.monotonic() < ends_at:
        desk = dice.choice(desks)
        turn = dice.random()
        if turn < 0.08:
            desk.toggle(dice)
        elif turn < 0.11 and not aside.exists():
            hub.rename(aside)
        elif aside.exists() and turn < 0.3:
            aside.rename(hub)
        elif turn > 0.96:
            desk.ask(dice)
        else:
            desk.deed(dice)
        pause_ends_at = time.monotonic() + dice.choice((0.0, 0.01, 0.1, 0.4))
        for other in desks:
            other.look(owed)
        time.sleep(max(0.0, pause_ends_at - time.monotonic()))
    if aside.exists():
        aside.rename(hub)
    for desk in desks:
        if desk.box.process is None:
            desk.box.start()
        desk.box.ctl("resume")
    try:
        wait_for("all to be equal and at rest", lambda: is_settled(hub, desks), PATIENCE_S)
    except AssertionError as error:
        told = [desk.box.repo_status() for desk in desks]
        raise AssertionError(f"seed {seed}: {error}\n{told}") from None
    for desk in desks:
        verdict.check_whole(desk.root, [path.parent for path in desk.box.home.rglob("integration.json")])
    verdict.check_equal([desk.root for desk in desks], hub)
    kept = verdict.reachable([hub, *(desk.root for desk in desks)])
    lost = {blob: where for blob, where in owed.items() if blob not in kept}
    assert not lost, f"seed {seed}: lost: {lost}"


def is_settled(hub: Path, desks: list[Desk]) -> bool:
    """Whether everybody is where the hub is, with nothing left to do."""
    if len({run_git(place, "rev-parse", "main") for place in (hub, *(desk.root for desk in desks))}) != 1:
        return False
    statuses = [desk.box.repo_status() for desk in desks]
    return all(status["state"] == "ok" and not status["pending"] for status in statuses)
