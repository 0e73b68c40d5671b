"""Programs of the user's that hang: the others are not kept waiting, and who is only slow gets its time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitsync.errors import OperationError, TransientError
from gitsync.git.applying.apply import apply
from gitsync.git.merging.plan import plan
from gitsync.git.patience import FIRST_S, LONGEST_S, REST, Patience
from gitsync.git.staging.worktree import Worktree
from gitsync.proc import Completed
from tests.conftest import run_git
from tests.fakes.clock import FakeClock
from tests.unit.git.conftest import commit

DONE = Completed(("git",), 0, b"", b"")


def lasting(clock: FakeClock, seconds: float) -> Callable[[Callable[[], bool]], Completed]:
    """Return a program that takes so long, unless it is ended before."""

    def start(is_cancelled: Callable[[], bool]) -> Completed:
        ends_at = clock.now() + seconds
        while clock.now() < ends_at:
            if is_cancelled():
                return Completed(("git",), -15, b"", b"", is_cancelled=True)
            clock.advance(1.0)
        return DONE

    return start


def test_a_slow_program_gets_its_time_and_takes_little_of_the_others() -> None:
    clock, began_at = FakeClock(), 0.0
    patience = Patience(None, lambda grace_s: clock.now() - began_at >= grace_s, clock.now)
    lost_s, tries, started_at = 0.0, 0, clock.now()
    while True:
        began_at = clock.now()
        try:
            assert patience.run("a filter", lasting(clock, LONGEST_S - 2)).ok
        except OperationError:
            if clock.now() > began_at:
                assert clock.now() - began_at <= LONGEST_S
                lost_s, tries = lost_s + clock.now() - began_at, tries + 1
            clock.advance(5.0)
            continue
        break
    assert tries == 3
    assert lost_s <= (clock.now() - started_at) / (REST - 1)


def test_nobody_waits_and_it_takes_as_long_as_it_takes() -> None:
    clock = FakeClock()
    patience = Patience(None, lambda grace_s: False, clock.now)
    assert patience.run("a filter", lasting(clock, 100 * FIRST_S)).ok


def test_one_that_hangs_until_its_deadline_rests_as_well() -> None:
    clock = FakeClock()
    patience = Patience(now=clock.now)

    def start(_: Callable[[], bool]) -> Completed:
        clock.advance(60.0)
        raise TransientError("too slow", code="git-slow")

    for _ in range(2):
        with pytest.raises(OperationError, match=r"tried again in (10|9) min"):
            patience.run("a filter", start)
        clock.advance(1.0)
    assert patience.run("another one", lasting(clock, 1.0)).ok


def test_at_the_end_it_is_only_cancelled() -> None:
    clock = FakeClock()
    done = Patience(lambda: True, None, clock.now).run("a filter", lasting(clock, 5.0))
    assert done.is_cancelled


@pytest.mark.slow
def test_a_commit_that_cannot_be_signed_and_a_pull_that_cannot_be_written(repo: Path, tmp_path: Path) -> None:
    hangs = tmp_path / "hangs"
    hangs.write_text("#!/bin/sh\nexec sleep 100\n")
    hangs.chmod(0o755)
    worktree = Worktree(repo, tmp_path / "notes", patience=Patience(None, lambda _: True))
    run_git(repo, "config", "commit.gpgsign", "true")
    run_git(repo, "config", "gpg.program", str(hangs))
    (repo / "b.txt").write_text("1\n")
    with pytest.raises(OperationError, match="the program that signs did not finish") as caught:
        commit(worktree)
    assert caught.value.code == "signing"
    run_git(repo, "config", "commit.gpgsign", "false")
    assert commit(worktree) is not None
    (repo / ".gitattributes").write_text("*.bin filter=slow\n")
    (repo / "x.bin").write_text("large\n")
    run_git(repo, "config", "filter.slow.clean", "cat")
    run_git(repo, "add", "-A")
    run_git(repo, "commit", "-q", "-m", "theirs")
    upstream = run_git(repo, "rev-parse", "HEAD")
    run_git(repo, "reset", "-q", "--hard", "HEAD~1")
    run_git(repo, "config", "filter.slow.smudge", str(hangs))
    with pytest.raises(OperationError, match="the filter 'slow' did not finish") as caught:
        apply(worktree, plan(worktree, upstream, None), message="m")
    assert caught.value.code == "filter"
    assert not (repo / "x.bin").exists()
    worktree.close()
