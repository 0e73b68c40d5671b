"""A branch is sent where `git push` would send it: a comparison over the settings that git looks at."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from gitsync.git.remote.destination import destination, exchanged
from gitsync.git.remote.results import RemoteChoice
from gitsync.model import Problem
from tests.conftest import run_git

pytestmark = pytest.mark.slow

REMOTES = ("origin", "fork")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Return a work tree on the branch `try`, with two remotes that have main, and only one of them `try`."""
    repo = tmp_path / "work"
    run_git(tmp_path, "init", "-q", str(repo))
    (repo / "a.txt").write_text("one\n")
    run_git(repo, "add", "-A")
    run_git(repo, "commit", "-q", "-m", "first")
    for remote in REMOTES:
        run_git(tmp_path, "init", "-q", "--bare", f"{remote}.git")
        run_git(repo, "remote", "add", remote, str(tmp_path / f"{remote}.git"))
        run_git(repo, "push", "-q", remote, "main", *(["main:try"] if remote == "fork" else []))
    run_git(repo, "fetch", "-q", "--all")
    run_git(repo, "switch", "-q", "-c", "try")
    run_git(repo, "commit", "-q", "--allow-empty", "-m", "an experiment")
    return repo


def by_git(repo: Path) -> set[tuple[str, str]]:
    """Return where `git push` would send the branch `try`, as (remote's path, ref); empty where it would not, or only
    to another branch of this repository.
    """
    told = run_git(repo, "push", "--porcelain", "--dry-run", check=False)
    found, remote = set(), ""
    for line in told.splitlines():
        if line.startswith("To "):
            remote = Path(line.removeprefix("To ")).stem
        fields = line.split("\t")
        if remote and len(fields) == 3 and fields[1].partition(":")[0] in ("refs/heads/try", "HEAD"):
            found.add((remote, fields[1].partition(":")[2]))
    return found


def by_us(repo: Path) -> RemoteChoice | Problem | None:
    return destination(
        repo, None, "try", lambda ref: run_git(repo, "rev-parse", "-q", "--verify", ref, check=False) != ""
    )


SETTINGS: dict[str, tuple[tuple[str, ...], ...]] = {
    "push.default": ((), ("simple",), ("current",), ("upstream",), ("matching",), ("nothing",), ("tracking",)),
    "branch.try.remote": ((), ("origin",), ("fork",), (".",)),
    "branch.try.merge": ((), ("refs/heads/main",), ("refs/heads/try",), ("refs/heads/main", "refs/heads/try")),
    "branch.try.pushremote": ((), (), ("fork",), ("origin",)),
    "remote.pushdefault": ((), (), ("fork",)),
    "remote.fork.push": (
        (),
        (),
        ("HEAD",),
        ("refs/heads/*:refs/heads/ann/*",),
        ("main",),
        ("try:main",),
        ("+try", "main"),
    ),
    "remote.origin.push": (
        (),
        (),
        (":",),
        ("HEAD:refs/heads/wild",),
        ("refs/heads/m*", "^refs/heads/try"),
        ("@:try2",),
    ),
    "remote.fork.mirror": ((), (), (), ("true",)),
}


def cases(count: int) -> Iterator[dict[str, tuple[str, ...]]]:
    """Yield every combination of the first three settings, and random ones of all."""
    first = list(SETTINGS)[:3]
    for values in product(*(SETTINGS[key] for key in first)):
        yield dict(zip(first, values, strict=True))
    draw = random.Random(4)
    for _ in range(count):
        yield {key: draw.choice(values) for key, values in SETTINGS.items()}


def test_sent_where_git_push_would_send(repo: Path) -> None:
    config = repo / ".git/config"
    plain = config.read_text()
    differ = []
    for case in cases(60):
        lines = []
        for key, values in case.items():
            section, _, name = key.rpartition(".")
            outer, _, inner = section.partition(".")
            title = f'[{outer} "{inner}"]' if inner else f"[{outer}]"
            lines += [f"{title}\n\t{name} = {value}\n" for value in values]
        config.write_text(plain + "".join(lines))
        wanted, found = by_git(repo), by_us(repo)
        followed = case["branch.try.remote"] and case["branch.try.merge"]
        if isinstance(found, RemoteChoice):
            is_right = (found.remote, f"refs/heads/{found.branch}") in wanted
            # The one exception: what follows nothing, and what git therefore refuses, goes under its own name.
            is_right = is_right or (not wanted and not followed and found.branch == "try")
        else:
            is_right = not wanted
        if not is_right:
            differ.append((case, wanted, found))
    assert not differ, differ[:3]


def test_an_experiment_is_not_published(repo: Path) -> None:
    run_git(repo, "switch", "-q", "-c", "wild", "--track", "origin/main")
    source, goal = exchanged(repo, None, "wild", lambda ref: True) or (None, None)
    assert source is not None
    assert (source.remote, source.branch) == ("origin", "main")
    assert isinstance(goal, Problem)
    assert "git -C" in goal.hint
    run_git(repo, *goal.hint.partition(": git -C ")[2].split()[1:])
    assert exchanged(repo, None, "wild", lambda ref: True) == (goal_of(repo, "wild"),) * 2


def test_the_hint_where_git_sends_nothing_has_it_sent(repo: Path) -> None:
    run_git(repo, "config", "push.default", "nothing")
    refused = destination(repo, None, "main", lambda ref: True)
    assert isinstance(refused, Problem)
    run_git(repo, *refused.hint.partition(": git -C ")[2].split()[1:])
    assert goal_of(repo, "main").branch == "main"


def goal_of(repo: Path, branch: str) -> RemoteChoice:
    found = destination(repo, None, branch, lambda ref: True)
    assert isinstance(found, RemoteChoice)
    return found


def test_what_follows_nothing_is_fetched_from_where_it_is_sent(repo: Path) -> None:
    run_git(repo, "config", "remote.pushDefault", "fork")
    source, goal = exchanged(repo, None, "try", lambda ref: True) or (None, None)
    assert source is goal
    assert source is not None
    assert (source.remote, source.branch, source.has_upstream) == ("fork", "try", False)


def test_the_option_counts_before_git(repo: Path) -> None:
    run_git(repo, "config", "remote.pushDefault", "fork")
    found = destination(repo, "origin", "try", lambda ref: True)
    assert isinstance(found, RemoteChoice)
    assert (found.remote, found.branch) == ("origin", "try")
    assert destination(repo, "", "try", lambda ref: True) is None
