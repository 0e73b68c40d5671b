"""Step by step, told only which paths were touched: HEAD follows the disk, and a person's own git is not disturbed."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gitsync.errors import TransientError
from gitsync.git.staging.worktree import StageRules, Worktree
from tests.conftest import run_git

pytestmark = pytest.mark.slow

PARTS = [b"a", b"b", b"a-", b"a.b", b"\xff", b"n\nl"]


def touch_something(root: bytes, pick: random.Random) -> bytes:
    """Change one path, in whatever way it can be; return it."""
    path = b"/".join(pick.choice(PARTS) for _ in range(pick.choice([1, 1, 2, 3])))
    full = os.path.join(root, path)
    if pick.random() < 0.3 and os.path.lexists(full):
        shutil.rmtree(full) if os.path.isdir(full) and not os.path.islink(full) else os.unlink(full)
        return path
    above = root
    for part in path.split(b"/")[:-1]:
        above = os.path.join(above, part)
        if os.path.islink(above) or os.path.isfile(above):
            os.unlink(above)
        os.makedirs(above, exist_ok=True)
    if os.path.isdir(full) and not os.path.islink(full):
        shutil.rmtree(full)
    elif os.path.lexists(full):
        os.unlink(full)
    if pick.random() < 0.15:
        os.symlink(pick.choice(PARTS), full)
    else:
        with open(full, "wb") as stream:
            stream.write(pick.randbytes(pick.choice([0, 3, 40])))
        os.chmod(full, pick.choice([0o644, 0o755]))
    return path


def commit(worktree: Worktree, paths: set[bytes]) -> str | None:
    staging = worktree.begin_staging(paths, (), StageRules(secrets="off", is_forced=True))
    while not staging.advance(0.001):
        pass
    staged = staging.result()
    assert not staged.staged_by_user
    info = worktree.commit(staged, "step")
    return info.id if info else None


@pytest.mark.parametrize("seed", range(8))
def test_head_follows_what_was_noted(repo: Path, tmp_path: Path, seed: int) -> None:
    print("seed", seed)
    pick = random.Random(seed)
    root = os.fsencode(repo)
    worktree = Worktree(repo, tmp_path / "notes")
    if seed % 4 == 3:
        run_git(repo, "update-index", "--index-version=4")
    for _ in range(12):
        commit(worktree, {touch_something(root, pick) for _ in range(pick.randrange(1, 8))})
        assert run_git(repo, "status", "--porcelain", "-z") == ""
    run_git(repo, "fsck", "--strict")
    worktree.close()


SAVING = """
import os, pathlib, sys, time
from gitsync.errors import TransientError
from gitsync.git.staging.worktree import *
root, notes = map(pathlib.Path, sys.argv[1:3])
worktree = Worktree(root, notes)
number = int(sys.argv[3])
while True:
    number += 1
    for name in ("d/e/x", "y", f"new/{number}"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{name} {number}")
    staging = worktree.begin_staging([b"d", b"y", b"new"], (), StageRules(is_forced=True))
    while not staging.advance(1):
        pass
    try:
        done = worktree.commit(staging.result(), f"step {number}")
    except TransientError:  # a git that the killed process had started may not have ended yet
        time.sleep(0.02)
        continue
    if done:
        print(number, flush=True)
"""


def test_a_kill_at_any_moment_leaves_nothing_in_the_way(repo: Path, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print("seed", seed)
    pick = random.Random(seed)
    acknowledged = 0
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", SAVING, repo, tmp_path / "notes", str(acknowledged)], stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            for _ in range(pick.randrange(1, 5)):
                acknowledged = int(child.stdout.readline())
            try:
                child.wait(pick.random() * 0.02)
            except subprocess.TimeoutExpired:
                child.kill()
            acknowledged = max([acknowledged, *map(int, child.stdout.read().split())])
        worktree = Worktree(repo, tmp_path / "notes")
        assert run_git(repo, "diff", "--cached", "--name-only") == ""
        subjects = run_git(repo, "log", "--format=%s").split("\n")
        assert f"step {acknowledged}" in subjects
        worktree.close()
        left = [name for name in os.listdir(repo / ".git") if "gitsync" in name or "lock" in name]
        assert not left
        acknowledged = int(subjects[0].split()[1])
    assert "dangling" not in run_git(repo, "fsck", "--strict", "--no-dangling")


def test_a_person_and_gitsync_commit_at_the_same_time(repo: Path, tmp_path: Path) -> None:
    worktree = Worktree(repo, tmp_path / "notes")
    mine: list[str] = []

    def person() -> None:
        for number in range(10):
            (repo / "mine").write_text(f"mine {number}")
            # git gives up at once where gitsync waits: a person tries again, and gitsync here never rests.
            for _ in range(100):
                for command in (["add", "mine"], ["commit", "-q", "-m", f"mine {number}", "--", "mine"]):
                    done = subprocess.run(["git", "-C", repo, *command], check=False, capture_output=True)
                if done.returncode == 0:
                    mine.append(f"mine {number}")
                    break

    # A person is another process; the thread only waits for git.
    other = threading.Thread(target=person)
    other.start()
    ours: list[str] = []
    number = 0
    while other.is_alive() or not ours:
        number += 1
        (repo / "ours").write_text(f"ours {number}")
        try:
            staging = worktree.begin_staging([b"ours"], (), StageRules(is_forced=True))
            while not staging.advance(1):
                pass
            info = worktree.commit(staging.result(), f"ours {number}")
        except TransientError:
            continue
        if info is not None:
            ours.append(info.id)
    other.join()
    history = run_git(repo, "log", "--format=%H").split()
    assert ours
    assert set(ours) <= set(history)
    assert run_git(repo, "diff", "--cached", "--name-only") in ("", "mine")
    subjects = run_git(repo, "log", "--format=%s").split("\n")
    assert mine
    assert set(mine) <= set(subjects)
    for subject in mine:
        commit_id = run_git(repo, "log", "-1", "--format=%H", f"--grep=^{subject}$")
        assert run_git(repo, "diff", "--name-only", f"{commit_id}~1", commit_id) == "mine"
    run_git(repo, "fsck", "--strict")
    worktree.close()
