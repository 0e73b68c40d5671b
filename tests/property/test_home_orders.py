"""All orders in which one person can write, replace, delete, link and chmod a home file, and in which gitsync looks:
what the person left last is what stands, and every version that stood still is in history."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.git.objects.store import BLOB, object_id_of
from tests.conftest import run_git
from tests.fakes.homes import HomeBench, mode_of, settled

pytestmark = pytest.mark.slow

NAMES = (".shell/profile", ".shell/zprofile")
SEEDS = range(int(os.environ.get("ORDERS_FIRST", "0")), int(os.environ.get("ORDERS_SEEDS", "1")))
ROUNDS = 6


class Person:
    """Somebody with two tracked files. With `is_watched` each change is noted under the name that it was made under."""

    def __init__(self, bench: HomeBench, seed: int, *, is_watched: bool) -> None:
        self.bench = bench
        self.random = random.Random(seed)
        self.is_watched = is_watched
        self.count = 0
        self.done: list[str] = []
        self.still: set[bytes] = set()

    def text(self) -> str:
        self.count += 1
        return f"version {self.count}\n"

    def act(self, what: str) -> None:
        name = self.random.choice(NAMES)
        path = self.bench.home / name
        self.done.append(f"{what} {name}")
        getattr(self, what)(path)
        if self.is_watched and what != "look":
            self.bench.note(name)
            self.bench.run(self.random.choice([0.0, 0.5, 1.5]))

    def write(self, path: Path) -> None:
        path.write_text(self.text())

    def append(self, path: Path) -> None:
        with path.open("a") as stream:
            stream.write(self.text())

    def replace(self, path: Path) -> None:
        beside = path.with_name("beside")
        beside.write_text(self.text())
        beside.rename(path)

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def chmod(self, path: Path) -> None:
        if path.exists():
            mode = self.random.choice([0o644, 0o755, 0o600])
            path.chmod(mode)
            self.done.append(f"to {mode:o}")

    def link(self, path: Path) -> None:
        other = path.with_name("zprofile" if path.name == "profile" else "profile")
        if other.exists():
            path.unlink(missing_ok=True)
            path.hardlink_to(other)

    def look(self, path: Path) -> None:
        """Let gitsync look at it now; what stands then has stood still."""
        if self.is_watched:
            self.bench.run(3.0)
        else:
            self.bench.stop()
            self.bench.start()
            self.bench.sync()
        self.still |= set(self.standing().values())

    def standing(self) -> dict[str, bytes]:
        return {name: path.read_bytes() for name in NAMES if (path := self.bench.home / name).exists()}

    def modes(self) -> dict[str, int]:
        return {name: mode_of(self.bench.home / name) for name in NAMES if (self.bench.home / name).exists()}


@pytest.fixture
def bench(tmp_path: Path, link: str) -> Iterator[HomeBench]:
    it = HomeBench(tmp_path / "one", link)
    it.begin()
    it.run()
    yield it
    it.stop()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("is_watched", [True, False], ids=["watched", "by-passes"])
@pytest.mark.parametrize("link", ["hard", "copy"])
def test_what_was_left_last_stands(bench: HomeBench, seed: int, is_watched: bool) -> None:
    person = Person(bench, seed, is_watched=is_watched)
    bench.write(".kept", "kept\n")
    for number in range(ROUNDS):
        for name in NAMES:
            bench.write(name, person.text())
        bench.track(".kept", ".shell")
        bench.run()
        person.done = [f"seed {seed}, round {number}"]
        acts = ["write", "append", "replace", "unlink", "chmod", "link", "look"]
        person.random.shuffle(acts)
        for act in acts:
            person.act(act)
        left, modes = person.standing(), person.modes()
        if not is_watched:
            bench.sync()
        bench.run()
        assert person.standing() == left, "; ".join(person.done)
        for name, mode in person.modes().items():
            # A file that was deleted and made anew at once may stay as private as it was.
            assert mode in (modes[name], modes[name] & 0o700), (name, mode, "; ".join(person.done))
        modes = person.modes()
        for name in NAMES:
            found = bench.committed(name)
            assert found == (left[name].decode() if name in left else None), (name, "; ".join(person.done))
            if name in modes:
                is_executable = run_git(bench.mirror, "ls-tree", "HEAD", name).startswith("100755")
                assert is_executable == bool(modes[name] & 0o100), (name, "; ".join(person.done))
        for data in person.still:
            assert bench.is_kept(object_id_of(BLOB, data)), (data, "; ".join(person.done))
        person.still.clear()
        settled(bench)
