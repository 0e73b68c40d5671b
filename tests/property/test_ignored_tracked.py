"""What is remembered of tracked files that an ignore rule names is what git says of them at every step."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gitsync.git.staging.status import ignored_tracked
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git

pytestmark = pytest.mark.slow

NAMES = ("a.log", "b.txt", "d/a.log", "d/c.txt", "d/e/b.txt", "f/a.log")
RULES = ("*.log\n", "b.txt\n", "d/\n", "*\n!*.txt\n!.gitignore\n", "/f\n", "")


def step(root: Path, chance: random.Random) -> None:
    """Do what a person does to files, rules, index and history."""
    name = chance.choice(NAMES)
    how = chance.choice(("write", "write", "rules", "rules", "outside", "add", "cached", "commit", "commit", "undo"))
    if how == "write":
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(str(chance.random()))
    elif how == "rules":
        place = root / chance.choice(("", "d", "d/e")) / ".gitignore"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(chance.choice(RULES))
    elif how == "outside":
        (root / ".git/info/exclude").write_text(chance.choice(RULES))
    elif how == "add" and (root / name).exists():
        run_git(root, "add", "-f", name)
    elif how == "cached":
        run_git(root, "rm", "-q", "--cached", "--ignore-unmatch", "-f", name)
    elif how == "commit":
        run_git(root, "add", "-A")
        run_git(root, "commit", "-q", "--allow-empty", "-m", "step")
    elif how == "undo" and chance.random() < 0.3:
        run_git(root, "reset", "-q", chance.choice(("--soft", "--mixed", "--hard")), "HEAD~1", check=False)


@pytest.mark.parametrize("seed", range(4))
def test_the_memory_says_what_git_says(repo: Path, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(trace))
    worktree = Worktree(repo, tmp_path / "notes")
    seen: list[tuple[bytes, ...]] = []
    monkeypatch.setattr(worktree.remarks, "see", lambda nested, ignored: seen.append(tuple(ignored)))
    steps = 25
    for _ in range(steps):
        for _ in range(chance.choice((1, 1, 2))):
            step(repo, chance)
        worktree.scan(is_doubted=False)
        assert set(seen[-1]) == set(ignored_tracked(worktree.program)), f"seed {seed}"
    worktree.close()
    asked = sum('"start"' in line and '"--ignored"' in line for line in trace.read_text().splitlines())
    assert steps < asked < 2 * steps, "what was remembered was never used"
