"""Random orders of what can happen to two homes and their mirrors: saves of every style, edits by hand and git in the
mirror, pulls, lost events, deaths at any point, restarts. In the end home and mirror agree on both machines, no version
that lay still is lost, and permissions are right."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from gitsync.git.objects.store import BLOB, object_id_of
from gitsync.git.probe import no_probe
from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.deaths import Death
from tests.fakes.homes import HomeBench, mode_of
from tests.seeds import seeds

pytestmark = pytest.mark.slow

FILES = (".vimrc", ".ssh/config", ".bashrc", ".config/app/a", ".config/app/deep/b")
KEPT = ".kept"  # never touched, so that the brake of an emptied home stays out of this
TRACKED = (".vimrc", ".ssh/config", ".bashrc", ".config/app", KEPT)


class Chaos:
    """Two machines, and somebody at each of them."""

    def __init__(self, base: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.hub = base / "hub.git"
        self.count = 0
        run_git(base, "init", "-q", "--bare", str(self.hub))
        link = self.random.choice(["auto", "copy"])
        self.machines = [HomeBench(base / name, link) for name in ("one", "two")]
        first, second = self.machines
        first.begin()
        for name in (*FILES, KEPT):
            first.write(name, self.text())
        (first.home / ".ssh").chmod(0o700)
        (first.home / ".ssh/config").chmod(0o600)
        first.track(*TRACKED)
        first.exchange(self.hub)
        second.begin(self.hub)
        second.write(".vimrc", self.text())  # its own version, never seen by anybody
        second.run()
        second.exchange(self.hub)

    def text(self) -> str:
        """Return a content that nobody has written before, in lines that may merge."""
        self.count += 1
        lines = [f"line {number}\n" for number in range(6)]
        lines[self.random.randrange(6)] = f"edit {self.count} " + "x" * self.random.randrange(40) + "\n"
        return "".join(lines)

    def step(self) -> None:
        """Let one thing happen to one of the machines."""
        machine = self.random.choice(self.machines)
        acts = (
            (self.save, 8),
            (self.delete, 1),
            (self.chmod, 1),
            (self.edit_mirror, 2),
            (self.use_git, 1),
            (self.pass_time, 6),
            (self.settle, 2),
            (lambda it: it.exchange(self.hub), 4),
            (self.restart, 1),
        )
        act = self.random.choices([act for act, _ in acts], [weight for _, weight in acts])[0]
        self.guarded(machine, lambda: act(machine))

    def guarded(self, machine: HomeBench, act: object) -> None:
        """Do it; where a death is due, begin again as a new process does."""
        assert callable(act)
        deadly = self.random.random() < 0.4
        left = self.random.randrange(25)

        def probe(point: str, path: bytes) -> None:
            nonlocal left
            left -= 1
            if deadly and left < 0:
                raise Death

        machine.probe = probe
        try:
            act()
        except Death:
            machine.probe = no_probe
            machine.stop()
            machine.start()
        machine.probe = no_probe

    def save(self, machine: HomeBench) -> None:
        name = self.random.choice((*FILES, ".config/app/new"))
        path, text = machine.home / name, self.text()
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = mode_of(path) if path.exists() else 0o644
        style = self.random.randrange(3)
        if style == 0 or not path.exists():
            path.write_text(text)
        elif style == 1:
            beside = path.with_name("beside")
            beside.write_text(text)
            beside.chmod(mode)
            beside.rename(path)
        else:
            path.unlink()
            path.write_text(text)
            path.chmod(mode)
        self.tell(machine, name)

    def tell(self, machine: HomeBench, name: str) -> None:
        if self.random.random() < 0.8:
            machine.note(name)

    def delete(self, machine: HomeBench) -> None:
        name = self.random.choice(FILES)
        (machine.home / name).unlink(missing_ok=True)
        self.tell(machine, name)

    def chmod(self, machine: HomeBench) -> None:
        name = self.random.choice(FILES)
        if (machine.home / name).exists():
            (machine.home / name).chmod(self.random.choice([0o600, 0o640, 0o644, 0o755, 0o700]))
            self.tell(machine, name)

    def edit_mirror(self, machine: HomeBench) -> None:
        name = self.random.choice(FILES)
        path = machine.mirror / name
        if not path.exists():
            return
        if self.random.random() < 0.3:
            path.unlink()
        else:
            beside = path.with_name("beside")
            beside.write_text(self.text())
            beside.rename(path)
        if self.random.random() < 0.8:
            machine.note_mirror(name)

    def use_git(self, machine: HomeBench) -> None:
        name = self.random.choice(FILES)
        old = run_git(machine.mirror, "rev-list", "--all", "--", name).splitlines()
        if old:
            subprocess.run(
                ["git", "-C", str(machine.mirror), "restore", f"--source={self.random.choice(old)}", "--", name],
                check=False,
                capture_output=True,
            )
            machine.note_mirror(name)

    def pass_time(self, machine: HomeBench) -> None:
        machine.run(self.random.choice([0.0, 1.0, 3.0, 12.0]))

    def settle(self, machine: HomeBench) -> None:
        """Let everything be done; what lay still is in history then."""
        still = contents(machine)
        machine.sync()
        if machine.state is RepoState.HALTED:
            return
        for name, data in still.items():
            assert machine.is_kept(object_id_of(BLOB, data)), (name, data, machine.board.status("home"))

    def restart(self, machine: HomeBench) -> None:
        machine.stop()
        machine.start()

    def end(self) -> None:
        """Let both machines meet until nothing moves, and compare."""
        for _ in range(4):
            for machine in self.machines:
                machine.sync()
                if machine.state is RepoState.HALTED:
                    machine.resume()
                machine.exchange(self.hub)
        one, two = self.machines
        for machine in self.machines:
            status = machine.board.status("home")
            assert (machine.state, machine.broken) == (RepoState.OK, {}), (status, machine.broken, machine.manifest())
            assert run_git(machine.mirror, "status", "--porcelain") == ""
            machine.check_no_leftovers()
            for name, data in contents(machine).items():
                assert (machine.mirror / name).read_bytes() == data, name
        assert run_git(one.mirror, "rev-parse", "HEAD^{tree}") == run_git(two.mirror, "rev-parse", "HEAD^{tree}")
        assert contents(one) == contents(two)
        assert modes(one) == modes(two)


def contents(machine: HomeBench) -> dict[str, bytes]:
    """Return what the tracked files of home hold, kept copies included."""
    found = {}
    for place, _, files in os.walk(machine.home):
        for file in files:
            path = Path(place, file)
            name = str(path.relative_to(machine.home))
            if path.is_file() and (machine.mirror / name).exists():
                found[name] = path.read_bytes()
    return found


def modes(machine: HomeBench) -> dict[str, int]:
    return {name: mode_of(machine.home / name) for name in contents(machine)}


@pytest.mark.parametrize("seed", seeds(3))
def test_two_homes_agree_whatever_happens(tmp_path: Path, seed: int) -> None:
    print(f"to run it again: CHAOS_SEED={seed}")
    chaos = Chaos(tmp_path, seed)
    for _ in range(40):
        chaos.step()
    chaos.end()
