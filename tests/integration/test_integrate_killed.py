"""Real processes that are killed at random moments while they integrate, an editor that saves as fast as it can, and
a reader that looks all the time: no version is lost, and none is ever torn.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.fakes.pair import Pair, check_no_leftovers

FILES = 24
ROUNDS = int(os.environ.get("GITSYNC_TEST_ROUNDS", "12"))
PROJECT = Path(__file__).parents[2]


def version(who: str, number: int) -> bytes:
    """Return a version that says itself whether it is whole: the last line is the digest of the rest."""
    body = f"{who} {number}\n".encode() * (1 + number % 50)
    return body + hashlib.sha256(body).hexdigest().encode() + b"\n"


def is_whole(data: bytes) -> bool:
    body, _, last = data.removesuffix(b"\n").rpartition(b"\n")
    return hashlib.sha256(body + b"\n").hexdigest().encode() == last


class Editor(threading.Thread):
    """Saves as an editor does, by rename, and remembers what it saved."""

    def __init__(self, root: Path, names: list[str], seed: int) -> None:
        super().__init__(daemon=True)
        self.root, self.names = root, names
        self.random = random.Random(seed)
        self.saved: list[tuple[str, bytes]] = []
        self.is_over = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.is_over.is_set():
            name = self.random.choice(self.names)
            number += 1
            data = version("mine", number)
            aside = self.root.parent / "editor"
            aside.write_bytes(data)
            os.replace(aside, self.root / name)
            self.saved.append((name, data))


class Reader(threading.Thread):
    """Looks at every file all the time; each look has to find a whole version."""

    def __init__(self, root: Path, names: list[str]) -> None:
        super().__init__(daemon=True)
        self.root, self.names = root, names
        self.torn: list[str] = []
        self.looks = 0
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.is_set():
            for name in self.names:
                try:
                    data = (self.root / name).read_bytes()
                except FileNotFoundError:
                    self.torn.append(f"{name}: not there")
                    continue
                self.looks += 1
                if not is_whole(data):
                    self.torn.append(f"{name}: {data[-80:]!r}")


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    made = Pair(tmp_path)
    made.worktree.close()
    return made


def integrate(pair: Pair, upstream: str, kill_after: float | None) -> str:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.integrating", str(pair.ours), str(pair.ours.parent / "notes"), upstream],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        out, errors = child.communicate(timeout=kill_after if kill_after is not None else 100)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.communicate()
        return "killed"
    assert child.returncode == 0, errors
    return out.strip()


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_random_moments(pair: Pair) -> None:
    seed = int(os.environ.get("GITSYNC_TEST_SEED", "0")) or random.SystemRandom().randrange(1 << 30)
    print(f"GITSYNC_TEST_SEED={seed}")
    chance = random.Random(seed)
    names = [f"f{number}" for number in range(FILES)]
    pair.put(pair.ours, {name: version("base", number) for number, name in enumerate(names)})
    pair.commit(pair.ours)
    run_git(pair.theirs, "pull", "-q")
    theirs, ours = names[: FILES // 2], names[FILES // 2 :]
    saved: list[tuple[str, bytes]] = []
    kills = 0
    reader = Reader(pair.ours, names)
    reader.start()
    for number in range(ROUNDS):
        pair.put(pair.theirs, {name: version("theirs", 1000 * number + at) for at, name in enumerate(theirs)})
        upstream = pair.fetch()
        editor = Editor(pair.ours, ours, seed + number)
        for delay in (chance.uniform(0.12, 0.5), chance.uniform(0.12, 0.5)):
            kills += integrate(pair, upstream, delay) == "killed"
        # One version that is on disk while nobody writes: this is the one that must never get lost.
        editor.start()
        kills += integrate(pair, upstream, chance.uniform(0.15, 0.6)) == "killed"
        editor.is_over.set()
        editor.join()
        last = dict(editor.saved)
        saved.extend(last.items())
        kind = integrate(pair, upstream, None)
        assert kind in ("equal", "ahead"), kind
        for name, data in last.items():
            assert (pair.ours / name).read_bytes() == data
        for at, name in enumerate(theirs):
            assert (pair.ours / name).read_bytes() == version("theirs", 1000 * number + at)
    reader.is_over.set()
    reader.join()
    assert reader.torn == []
    assert reader.looks > FILES
    assert kills > ROUNDS // 2
    assert run_git(pair.ours, "status", "--porcelain", "--ignored") == ""
    run_git(pair.ours, "fsck", "--strict")
    check_no_leftovers(pair.ours)
    reachable = set(run_git(pair.ours, "rev-list", "--objects", "--all").split())
    for _, data in saved:
        assert hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest() in reachable


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_edits_of_the_very_files_that_arrive(pair: Pair) -> None:
    """Both sides change the same lines all the time: it conflicts, and still every version that stood is kept."""
    seed = int(os.environ.get("GITSYNC_TEST_SEED", "0")) or random.SystemRandom().randrange(1 << 30)
    print(f"GITSYNC_TEST_SEED={seed}")
    chance = random.Random(seed)
    names = [f"f{number}" for number in range(FILES)]
    pair.put(pair.ours, {name: version("base", number) for number, name in enumerate(names)})
    pair.commit(pair.ours)
    run_git(pair.theirs, "pull", "-q")
    for number in range(ROUNDS // 2):
        pair.put(pair.theirs, {name: version("theirs", 1000 * number + at) for at, name in enumerate(names)})
        upstream = pair.fetch()
        reader = Reader(pair.ours, names)
        reader.start()
        editor = Editor(pair.ours, names, seed + number)
        editor.start()
        integrate(pair, upstream, chance.uniform(0.15, 0.6))
        editor.is_over.set()
        editor.join()
        reader.is_over.set()
        reader.join()
        assert reader.torn == []
        last = dict(editor.saved)
        kind = integrate(pair, upstream, None)
        assert kind in ("equal", "ahead", "conflict"), kind
        reachable = set(run_git(pair.ours, "rev-list", "--objects", "--all").split())
        for name, data in last.items():
            on_disk = (pair.ours / name).read_bytes()
            assert hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest() in reachable, (name, on_disk)
        check_no_leftovers(pair.ours)
        if kind == "conflict":  # a person settles it: the other side takes ours over
            run_git(pair.ours, "merge", "-q", "-s", "ours", "-m", "settled", upstream)
        run_git(pair.theirs, "pull", "-q", str(pair.ours), "HEAD")
    run_git(pair.ours, "fsck", "--strict")
