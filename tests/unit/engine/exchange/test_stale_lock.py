"""The lock of a tracking ref that a killed git has left: removed where that can be proved, else named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitsync.clock import SystemClock
from gitsync.config.options import RepoConfig
from gitsync.engine.exchange.remote_branch import Limits, RemoteBranch, StaleLock
from gitsync.engine.memory import EXCHANGE_FILE, ExchangeMemory
from gitsync.errors import TransientError
from tests.conftest import run_git

# Says who it is, and is gone then.
DEAD = "import json; from gitsync.git.index.lock import myself; print(json.dumps(myself()))"


@pytest.fixture
def place(repo: Path, tmp_path: Path) -> RemoteBranch:
    run_git(tmp_path, "clone", "-q", "--bare", str(repo), "hub.git")
    run_git(repo, "remote", "add", "origin", str(tmp_path / "hub.git"))
    found = RemoteBranch.of(RepoConfig(path=repo, name="notes", remote="origin"), "main")
    assert found is not None
    return found


def leave(place: RemoteBranch, age_s: float) -> Path:
    lock = place.config.path / ".git/refs/remotes/origin/main.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("")
    made_at = SystemClock().wall() - age_s
    os.utime(lock, (made_at, made_at))
    return lock


def limits(notes: Path, since_s: float | None) -> Limits:
    """The limits of a process that comes after one which began so many seconds ago, None for the first of all."""
    if since_s is not None:
        done = subprocess.run([sys.executable, "-c", DEAD], check=True, capture_output=True, timeout=60)
        process = {**json.loads(done.stdout), "since": SystemClock().wall() - since_s}
        (notes / EXCHANGE_FILE).write_text(json.dumps({"process": process}))
    return Limits(20.0, lambda: False, StaleLock(ExchangeMemory(notes / EXCHANGE_FILE), SystemClock()))


def test_a_lock_that_a_killed_process_left_is_removed_and_the_fetch_goes_on(
    place: RemoteBranch, tmp_path: Path
) -> None:
    lock = leave(place, 30.0)
    assert place.fetch(limits(tmp_path, 60.0)).upstream == run_git(place.config.path, "rev-parse", "main")
    assert not lock.exists()


@pytest.mark.parametrize(
    ("age_s", "since_s"),
    [(30.0, None), (30.0, 20.0), (2.0, 60.0), (-5.0, 60.0)],
    ids=["nobody was before", "older than who was", "it may be held yet", "made since"],
)
def test_any_other_lock_stays(place: RemoteBranch, tmp_path: Path, age_s: float, since_s: float | None) -> None:
    lock = leave(place, age_s)
    with pytest.raises(TransientError) as caught:
        place.fetch(limits(tmp_path, since_s))
    assert caught.value.code == "locked"
    assert (f"rm {lock}" in caught.value.hint) is (age_s > 10.0)
    assert lock.exists()


def test_the_note_of_who_left_it_stays_until_a_look_goes_well(place: RemoteBranch, tmp_path: Path) -> None:
    lock = leave(place, 2.0)
    before = limits(tmp_path, 60.0)
    noted = json.loads((tmp_path / EXCHANGE_FILE).read_bytes())
    with pytest.raises(TransientError):
        place.fetch(before)
    assert json.loads((tmp_path / EXCHANGE_FILE).read_bytes()) == noted
    lock.unlink()
    place.fetch(before)
    assert json.loads((tmp_path / EXCHANGE_FILE).read_bytes())["process"]["pid"] == os.getpid()
