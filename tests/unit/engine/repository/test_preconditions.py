"""What holds a repository up: its user's operations, its brakes, its root; and how it goes on."""

from __future__ import annotations

import shutil

from gitsync.engine.messages import CommitNow, Opened, Pause, Resume
from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.engine import Bench


def test_an_open_operation_holds_and_then_goes_on(bench: Bench) -> None:
    (bench.root / ".git/MERGE_HEAD").write_text(bench.head() + "\n")
    bench.write("b.txt", "1\n")
    bench.run(10.0)
    assert bench.status().state is RepoState.BUSY
    assert "merge" in bench.status().reason
    future = bench.ask(CommitNow("notes"))
    bench.run(3.0)
    assert future.done()
    assert bench.subjects() == ["first"]
    (bench.root / ".git/MERGE_HEAD").unlink()
    opened = sum(isinstance(message, Opened) for message in bench.sent)
    bench.run(10.0)
    assert bench.is_committed()
    # Whatever was committed by hand meanwhile is to be pushed: the exchanger has to look.
    assert sum(isinstance(message, Opened) for message in bench.sent) == opened + 1


def test_another_branch_than_the_configured_one_is_busy(bench: Bench) -> None:
    bench.adopt(quiet="2s", branch="main")
    bench.run()
    run_git(bench.root, "switch", "-qc", "other")
    bench.write("b.txt", "1\n")
    bench.run(10.0)
    assert bench.status().state is RepoState.BUSY
    assert "other" in bench.status().reason
    run_git(bench.root, "switch", "-q", "main")
    bench.run(10.0)
    assert bench.is_committed()


def removed_many(bench: Bench, count: int = 40) -> None:
    for number in range(count):
        (bench.root / f"f{number}").write_text(f"{number}\n")
    bench.ask(CommitNow("notes"))
    bench.run()
    assert bench.is_committed()
    for number in range(count):
        (bench.root / f"f{number}").unlink()
    bench.note(*(f"f{number}" for number in range(count)))
    bench.run(5.0)


def test_a_mass_deletion_halts_until_it_is_accepted(bench: Bench) -> None:
    removed_many(bench)
    assert bench.status().state is RepoState.HALTED
    head = bench.head()
    assert bench.ask(CommitNow("notes")).done()
    bench.ask(Resume("notes", False)).result(0)
    bench.run(10.0)
    assert bench.status().state is RepoState.HALTED
    assert bench.head() == head
    bench.ask(Resume("notes", True)).result(0)
    bench.run(10.0)
    assert bench.is_committed()
    assert bench.status().state is RepoState.OK


def test_accepting_what_no_brake_stopped_takes_no_brake_off(bench: Bench) -> None:
    bench.ask(Resume("notes", True)).result(0)
    removed_many(bench)
    assert bench.status().state is RepoState.HALTED
    bench.ask(Resume("notes", True)).result(0)
    bench.write("b.txt", "1\n")
    bench.run(3.0)
    removed_many(bench)
    assert bench.status().state is RepoState.HALTED


def test_an_accept_outlives_a_pause_in_between(bench: Bench) -> None:
    removed_many(bench)
    bench.ask(Pause("notes", None)).result(0)
    bench.ask(Resume("notes", True)).result(0)
    bench.run(5.0)
    assert bench.is_committed()


def test_an_accept_made_while_another_operation_is_open_ends_with_the_halt(bench: Bench) -> None:
    """`resume --accept` is for the change that was stopped, and for one batch."""
    removed_many(bench)
    bench.ask(Resume("notes", True)).result(0)
    bench.run(5.0)
    for number in range(40):
        bench.write(f"g{number}", "x\n")
        bench.run(0.1)
    bench.run(5.0)
    for number in range(40):
        (bench.root / f"g{number}").unlink()
    bench.note(*(f"g{number}" for number in range(40)))
    bench.run(5.0)
    assert bench.status().state is RepoState.HALTED


def test_a_vanished_root_halts_and_goes_on_by_itself(bench: Bench) -> None:
    aside = bench.root.with_name("aside")
    bench.root.rename(aside)
    bench.note("a.txt")
    bench.run(30.0)
    assert bench.status().state is RepoState.HALTED
    aside.rename(bench.root)
    bench.write("b.txt", "1\n")
    bench.run(10.0)
    assert bench.is_committed()
    assert bench.status().state is RepoState.OK


def test_a_git_directory_that_was_made_anew_is_opened_anew(bench: Bench) -> None:
    run_git(bench.root.parent, "clone", "-q", "--bare", str(bench.root), "copy.git")
    (bench.root / ".git").rename(bench.root.with_name("old.git"))
    bench.note("a.txt")
    bench.run(5.0)
    assert bench.status().state is RepoState.HALTED
    run_git(bench.root, "init", "-q")
    bench.write("b.txt", "1\n")
    bench.run(10.0)
    assert bench.is_committed()
    assert len(bench.subjects()) == 1


def test_a_replaced_root_waits_for_a_person(bench: Bench) -> None:
    bench.root.rename(bench.root.with_name("aside"))
    run_git(bench.root.parent, "init", "-q", bench.root.name)
    bench.write("new.txt", "1\n")
    bench.run(5.0)
    assert bench.status().state is RepoState.HALTED
    assert run_git(bench.root, "rev-list", "--all") == ""
    bench.ask(Resume("notes", True)).result(0)
    bench.run(5.0)
    assert bench.is_committed()


def test_a_switch_of_branches_in_progress_is_no_mass_deletion(bench: Bench) -> None:
    for number in range(40):
        (bench.root / f"f{number}").write_text(f"{number}\n")
    bench.ask(CommitNow("notes"))
    bench.run()
    for number in range(40):
        (bench.root / f"f{number}").unlink()
    bench.note(*(f"f{number}" for number in range(40)))
    bench.clock.advance(3.0)
    bench.tell(None)  # staging has begun
    lock = bench.root / ".git/index.lock"
    lock.touch()
    bench.run(0.3)
    run_git(bench.root, "update-ref", "refs/heads/main", "HEAD~1")
    lock.unlink()
    run_git(bench.root, "reset", "-q")
    bench.run(60.0)
    assert bench.status().state is RepoState.OK
    assert bench.subjects() == ["first"]


def test_accepting_another_root_accepts_no_deletion(bench: Bench) -> None:
    """Each question is answered for itself, and the second one has the right number."""
    for number in range(40):
        bench.write(f"f{number}", "x\n")
        bench.note(f"f{number}")
    bench.ask(CommitNow("notes"))
    bench.run()
    backup = bench.root.with_name("backup")
    shutil.copytree(bench.root, backup, symlinks=True)
    bench.root.rename(bench.root.with_name("old"))
    for number in range(35):
        (backup / f"f{number}").unlink()
    backup.rename(bench.root)
    bench.note("f0")
    bench.run(5.0)
    (first,) = bench.status().questions
    assert first.kind == "other-root"
    head = bench.head()
    bench.ask(Resume("notes", True, (first.id,))).result(0)
    bench.run(5.0)
    (second,) = bench.status().questions
    assert (second.kind, second.count, bench.head()) == ("deletions", 35, head)
    assert "f0" in second.paths
    bench.ask(Resume("notes", True, (first.id,))).result(0)
    bench.run(5.0)
    assert (bench.status().questions, bench.head()) == ((second,), head), "an answer to another question is none"
    bench.ask(Resume("notes", True, (second.id,))).result(0)
    bench.run(5.0)
    assert bench.status().questions == ()
    assert bench.is_committed()


def test_what_was_deleted_since_it_was_asked_is_asked_again(bench: Bench) -> None:
    removed_many(bench)
    (first,) = bench.status().questions
    git = bench.root / ".git"
    kept = [path for path in bench.root.iterdir() if path != git]
    assert kept
    kept[0].unlink()
    bench.note(kept[0].name)
    bench.ask(Resume("notes", True, (first.id,))).result(0)
    bench.run(5.0)
    (second,) = bench.status().questions
    assert (second.count, second.id != first.id) == (first.count + 1, True)


def test_the_root_that_comes_back_needs_no_person(bench: Bench) -> None:
    away, other = bench.root.with_name("away"), bench.root.with_name("other")
    shutil.copytree(bench.root, other, symlinks=True)
    bench.root.rename(away)
    other.rename(bench.root)
    bench.note("a.txt")
    bench.run(5.0)
    assert bench.status().questions[0].kind == "other-root"
    bench.root.rename(other)
    away.rename(bench.root)
    bench.run(10.0)
    assert (bench.status().state, bench.status().questions) == (RepoState.OK, ())
