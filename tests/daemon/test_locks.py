"""No git command of the user's fails on a lock of a daemon that commits and pulls all the time in the same work tree.

git waits for the lock of a ref, but not for the one of the index, and a `git commit` fails where HEAD moves under it.
"""

from __future__ import annotations

import os
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
    done = subprocess.run(["git", "-C", str(root), *argv], check=False, capture_output=True, text=True, timeout=60)
    if done.returncode:
        failures.append(f"{argv[0]}: {done.stdout}{done.stderr}")
    return done.returncode == 0


def on_a_lock(failures: list[str]) -> list[str]:
    return [text for text in failures if "lock" in text]


def commit_by_hand(root: Path, failures: list[str], number: int) -> None:
    (root / f"own{number % 30}.txt").write_text(f"{number}\n")
    name = f"own{number % 30}.txt"
    if attempt(root, failures, "add", "--", name):
        attempt(root, failures, "commit", "-qm", f"by hand {number}", *(("--", name) if number % 2 else ()))


def stash_by_hand(root: Path, failures: list[str], number: int) -> None:
    (root / "first.txt").write_text(f"{number}\n")
    if attempt(root, failures, "stash", "push", "-q", "--", "first.txt"):
        attempt(root, failures, "stash", "drop", "-q")


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("act", "count"), [(commit_by_hand, COMMITS), (stash_by_hand, STASHES)], ids=["commits", "stashes"]
)
def test_one_command_in_a_thousand_fails_on_a_lock_at_most(
    box: Machine, hub: Path, act: Callable[[Path, list[str], int], None], count: int
) -> None:
    root = box.repo(remote=hub)
    run_git(root, "push", "-q", "-u", "origin", "main")
    run_git(hub.parent, "clone", "-q", str(hub), "other")
    box.configure(root)
    box.start()
    failures: list[str] = []
    with Storm(root, hub.parent / "other"):
        for number in range(count):
            act(root, failures, number)
            time.sleep(0.02)
    locked = on_a_lock(failures)
    print(f"{len(locked)} of {count} failed on a lock; others: {Counter(set(failures) - set(locked))}")
    made = int(run_git(root, "rev-list", "--count", "--grep=^by hand", "--invert-grep", "HEAD"))
    assert made > count / 20, "the daemon was not busy"
    assert len(locked) <= count / 1000, locked
