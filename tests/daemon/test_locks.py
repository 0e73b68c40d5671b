"""No git command of the user's fails on a lock of a daemon that commits and pulls all the time in the same work tree.

git waits for the lock of a ref, but not for the one of the index, and a `git commit` fails where HEAD moves under it.
"""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine

COMMITS = int(os.environ.get("LOCK_COMMITS", "1000"))
STASHES = int(os.environ.get("LOCK_STASHES", "200"))
STORM_S = 0.12


class Storm:
    """Saves in the work tree and commits from another machine, until it is left."""

    def __init__(self, root: Path, other: Path) -> None:
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._every, args=(act,)) for act in (self._save, self._send)]
        self._root, self._other = root, other

    def __enter__(self) -> Storm:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _every(self, act: Callable[[int], None]) -> None:
        number = 0
        while not self._is_over.wait(STORM_S):
            number += 1
            act(number)

    def _save(self, number: int) -> None:
        (self._root / f"storm{number % 20}.txt").write_text(f"{number}\n")

    def _send(self, number: int) -> None:
        if number % 10 == 0:
            (self._other / f"other{number % 50}.txt").write_text(f"{number}\n")
            run_git(self._other, "add", ".")
            run_git(self._other, "commit", "-qm", f"other {number}")
            run_git(self._other, "pull", "-q", "--rebase")
            run_git(self._other, "push", "-q", check=False)


def attempt(root: Path, failures: list[str], *argv: str) -> bool:
    done = subprocess.run(["git", *argv], check=False, cwd=root, capture_output=True, text=True, timeout=60)
    if done.returncode:
        failures.append(f"{argv[0]}: {done.stdout}{done.stderr}")
    return done.returncode == 0


def on_a_lock(failures: list[str]) -> list[str]:
    return [text for text in failures if "lock" in text]


def commit_by_hand(root: Path, failures: list[str], number: int) -> None:
    """Commit one tracked file, all of them, or a file that was added before: after that the daemon waits a second."""
    name = f"own{number % 30}.txt"
    (root / name).write_text(f"{number}\n")
    ways: tuple[tuple[str, ...], ...] = (("--", name), ("--", name), ("-a",), ("--", name), ("-a",), ())
    way = ways[number % len(ways)]
    if way or attempt(root, failures, "add", "--", name):
        attempt(root, failures, "commit", "-qm", f"by hand {number}", *way)
    time.sleep(random.uniform(0.0, 0.3))


def stash_by_hand(root: Path, failures: list[str], number: int) -> None:
    (root / "first.txt").write_text(f"{number}\n")
    if attempt(root, failures, "stash", "push", "-q", "--", "first.txt"):
        attempt(root, failures, "stash", "drop", "-q")
    time.sleep(random.uniform(0.0, 2.2))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("act", "count"), [(commit_by_hand, COMMITS), (stash_by_hand, STASHES)], ids=["commits", "stashes"]
)
def test_one_command_in_a_thousand_fails_on_a_lock_at_most(
    box: Machine, hub: Path, act: Callable[[Path, list[str], int], None], count: int
) -> None:
    root = box.repo(remote=hub)
    for number in range(30):
        (root / f"own{number}.txt").write_text("own\n")
    run_git(root, "add", ".")
    run_git(root, "commit", "-qm", "own files")
    run_git(root, "push", "-q", "-u", "origin", "main")
    run_git(hub.parent, "clone", "-q", str(hub), "other")
    box.configure(root)
    box.start()
    failures: list[str] = []
    with Storm(root, hub.parent / "other"):
        for number in range(count):
            act(root, failures, number)
    locked = on_a_lock(failures)
    others = Counter(text.splitlines()[-1] for text in failures if text not in locked)
    made = int(run_git(root, "rev-list", "--count", "--grep=^by hand", "--invert-grep", "HEAD"))
    print(f"{len(locked)} of {count} failed on a lock, {made} commits of others; failed otherwise: {others}")
    assert made > count / 20, "the daemon was not busy"
    assert len(locked) <= count / 1000, locked
