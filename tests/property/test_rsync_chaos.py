"""Random orders of what can happen to machines that share an rsync server: saves and deletions at any moment, runs that
overlap, deaths. In the end all have the same, and no version is lost that nobody saved over or deleted."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from gitsync.git.applying import atomic_replace
from tests.fakes.job_client import Client, ok, tree
from tests.needs import needs
from tests.seeds import seeds

pytestmark = pytest.mark.slow

FILES = ("f", "dir/g", "dir/deep/h", "i", "dir/j")
STEPS = 12
ROUNDS = 8
# Who is slow sends when the other one has ended.
SPEEDS = ((), ("--bwlimit=12",))


class Machine:
    """A client, and somebody who works on it; its runs are processes of their own."""

    def __init__(self, base: Path, name: str, server: Path) -> None:
        (base / name).mkdir()
        (base / f"{name}-notes").mkdir()
        self.client = Client(base / name, base / f"{name}-notes", str(server))
        self.handle = os.open(self.client.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.pid = 0

    def save(self, path: str, text: str, age_s: float) -> str:
        """Put a new file in the place of the old one, as editors do, and return what that held."""
        mine = ".rsync-partial-mine"
        self.client.write(mine, text, age_s=age_s)
        while True:
            (self.client.root / path).parent.mkdir(parents=True, exist_ok=True)
            try:
                atomic_replace.exchange(self.handle, mine.encode(), path.encode())
            except FileNotFoundError:
                try:
                    atomic_replace.move_new(self.handle, mine.encode(), path.encode())
                except (FileExistsError, FileNotFoundError):
                    continue
                return ""
            return self.take(mine)

    def delete(self, path: str) -> str:
        """Delete a file, and return what it held."""
        try:
            atomic_replace.move_new(self.handle, path.encode(), b".rsync-partial-mine")
        except FileNotFoundError:
            return ""
        return self.take(".rsync-partial-mine")

    def take(self, path: str) -> str:
        place = self.client.root / path
        text = place.read_text()
        place.unlink()
        return text

    def start(self, *options: str) -> None:
        """Begin a run, unless one is going on."""
        if self.is_running():
            return
        self.client.options = options
        self.pid = os.fork()
        if not self.pid:
            status = 70
            try:
                self.client.run()
                status = 0
            finally:
                os._exit(status)

    def is_running(self) -> bool:
        if self.pid and os.waitpid(self.pid, os.WNOHANG) != (0, 0):
            self.pid = 0
        return self.pid != 0

    def end(self, *, is_killed: bool) -> None:
        if self.is_running():
            if is_killed:
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0


@pytest.mark.parametrize("seed", seeds(1))
def test_no_version_is_lost_however_runs_overlap_and_die(tmp_path: Path, seed: int) -> None:
    needs("rsync")
    print(f"to run it again: CHAOS_SEED={seed}")
    chance = random.Random(seed)
    server = tmp_path / "server"
    server.mkdir()
    machines = [Machine(tmp_path, name, server) for name in ("one", "two")]
    alive: set[str] = {"stays"}
    machines[0].client.write("other", "stays")
    for machine in machines:
        ok(machine.client.run())
    count = 0
    for _ in range(STEPS):
        machine, path = chance.choice(machines), chance.choice(FILES)
        act = chance.choices(("save", "delete", "start", "clash", "kill", "wait"), (3, 1, 3, 6, 2, 3))[0]
        if act in ("save", "clash"):
            for each in machines if act == "clash" else (machine,):
                if act == "clash":
                    each.end(is_killed=chance.random() < 0.2)
                count += 1
                text = f"{count} " + "x" * (8_000 + count)  # no two of one size
                alive.add(text)
                alive.discard(each.save(path, text, chance.choice((0, 0, 100, 10_000))))
            for each in machines if act == "clash" else ():
                each.start(*chance.choice(SPEEDS))
        elif act == "delete":
            alive.discard(machine.delete(path))
        elif act == "wait":
            time.sleep(chance.random() * 0.3)
        elif act == "kill":
            machine.end(is_killed=True)
        else:
            machine.start(*chance.choice(SPEEDS))
    for machine in machines:
        machine.end(is_killed=chance.random() < 0.5)
        machine.client.options = ()
    for _ in range(ROUNDS):
        if not [item for machine in machines for item in ok(machine.client.run()).items]:
            break
    found = {name: text for name, text in tree(server).items() if ".rsync-partial" not in name}
    for machine in machines:
        os.close(machine.handle)
        assert {name: text for name, text in machine.client.tree().items() if ".rsync-partial" not in name} == found
    assert alive <= set(found.values()), f"seed {seed} lost {alive - set(found.values())}"
    assert not list(server.glob(".rsync-partial-replaced-*"))
