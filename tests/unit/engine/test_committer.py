"""The committer, stepped by hand on real repositories: when it commits, what holds it up, whom it answers."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Timer

import pytest

from gitsync.engine.messages import CommitNow, Committed, Dirty, Drop, Pause, Pushed, Rescan, Resume
from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.engine import Bench


def test_a_burst_is_one_commit_after_quiet(bench: Bench) -> None:
    bench.write("b.txt", "1\n")
    bench.run(1.0)
    bench.write("c.txt", "1\n")
    bench.run(1.9)
    assert bench.subjects() == ["first"]
    assert bench.status().state is RepoState.PENDING
    bench.run(0.2)
    assert len(bench.subjects()) == 2
    assert bench.is_committed()
    assert bench.status().state is RepoState.OK
    assert any(isinstance(message, Committed) for message in bench.sent)


def test_what_never_rests_is_committed_after_max_wait(bench: Bench) -> None:
    for number in range(40):
        bench.write("a.txt", f"{number}\n")
        bench.run(1.0)
    assert len(bench.subjects()) == 2


def test_the_empty_moment_of_a_file_that_is_rewritten_all_the_time_is_not_committed(bench: Bench) -> None:
    for number in range(40):  # forced at 30 s, in the moment between truncation and write
        bench.write("a.txt", "" if number > 25 else f"{number}\n")
        bench.run(1.0)
    assert len(bench.subjects()) == 1
    for number in range(40):  # and at 60 s in another moment
        bench.write("a.txt", f"{number}\n")
        bench.run(1.0)
    assert len(bench.subjects()) == 2
    assert run_git(bench.root, "show", "HEAD:a.txt") != ""


def test_a_file_that_is_empty_whenever_it_is_looked_at_is_committed_after_three_times_max_wait(bench: Bench) -> None:
    for _ in range(85):
        bench.write("a.txt", "")
        bench.run(1.0)
    assert len(bench.subjects()) == 1
    for _ in range(15):
        bench.write("a.txt", "")
        bench.run(1.0)
    assert len(bench.subjects()) == 2


def test_a_held_index_lock_loses_nothing(bench: Bench) -> None:
    lock = bench.root / ".git/index.lock"
    lock.touch()
    bench.write("b.txt", "1\n")
    bench.run(30.0)
    assert bench.status().state is RepoState.BUSY
    assert str(lock) in bench.status().reason
    bench.run(90.0)
    status = bench.status()
    assert status.state is RepoState.ERROR
    assert status.error is not None
    assert status.error.code == "index-locked"
    assert str(lock) in status.error.message
    lock.unlink()
    bench.run(1.0)
    assert bench.is_committed(), "at once, however long it was held"
    assert bench.status().state is RepoState.OK
    assert bench.status().error is None


def test_a_dead_lock_of_the_branch_is_removed_while_the_daemon_runs(bench: Bench) -> None:
    bench.write("b.txt", "1\n")
    lock = bench.root / ".git/refs/heads/main.lock"
    lock.touch()
    os.utime(lock, (1, 1))
    bench.run(30.0)
    assert bench.is_committed()
    assert bench.status().state is RepoState.OK


def test_the_edit_after_a_sync_waits_for_quiet_again(bench: Bench) -> None:
    assert bench.ask(CommitNow("notes", is_scanning=False)).done()
    bench.write("b.txt", "1\n")
    bench.run(1.0)
    assert bench.subjects() == ["first"]
    assert bench.ask(CommitNow("notes")).done() is False
    bench.run()
    assert bench.is_committed()
    bench.write("b.txt", "2\n")
    bench.run(1.0)
    assert len(bench.subjects()) == 2


def test_sync_is_answered_although_edits_never_end(bench: Bench) -> None:
    bench.write("a.txt", "0\n")
    future = bench.ask(CommitNow("notes"))
    for number in range(20):
        if future.done():
            break
        bench.write("a.txt", f"{number}\n")
        bench.tell(None)
    assert future.done()
    commits = len(bench.subjects())
    for number in range(20):
        bench.write("a.txt", f"more {number}\n")
        bench.run(0.05)
    assert len(bench.subjects()) == commits


def test_a_periodic_reconcile_while_edits_settle_is_no_busy_loop(repo: Path, tmp_path: Path) -> None:
    bench = Bench(repo, tmp_path / "n", quiet="10m", max_wait="10m", reconcile="1m")
    bench.run()
    bench.write("b.txt", "1\n")
    bench.run(300.0)
    assert bench.subjects() == ["first"]
    bench.run(400.0)
    assert bench.is_committed()
    bench.close()


def test_a_pause_answers_who_waits_and_holds_everything(bench: Bench) -> None:
    bench.write("b.txt", "1\n")
    future = bench.ask(CommitNow("notes"))
    bench.ask(Pause("notes", None)).result(0)
    assert future.done()
    bench.run(4000.0)
    assert bench.subjects() == ["first"]
    assert bench.status().state is RepoState.PAUSED
    assert bench.ask(CommitNow("notes")).done()
    bench.ask(Resume("notes", False)).result(0)
    bench.run()
    bench.run(3.0)
    assert bench.is_committed()
    assert bench.status().state is RepoState.OK


def test_a_pause_ends_by_itself(bench: Bench) -> None:
    bench.ask(Pause("notes", bench.clock.now() + 60)).result(0)
    bench.write("b.txt", "1\n")
    bench.run(59.0)
    assert bench.subjects() == ["first"]
    bench.run(10.0)
    assert bench.is_committed()


def test_no_repository_is_an_error_that_ends_by_itself(tmp_path: Path) -> None:
    root = tmp_path / "work"
    root.mkdir()
    bench = Bench(root, tmp_path / "n", quiet="2s")
    bench.run(200.0)
    status = bench.status()
    assert status.state is RepoState.ERROR
    assert status.error is not None
    assert "git init" in status.error.hint
    assert len(list((tmp_path / "n").glob("lock-*"))) <= 1
    run_git(root, "init", "-q")
    (root / "a.txt").write_text("1\n")
    bench.tell(Rescan("notes", "the watcher was restarted"))
    bench.run(3.0)
    assert bench.is_committed()
    assert bench.status().state is RepoState.OK
    bench.close()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".git/config", "[core\nnonsense"),
        (".git/HEAD", "garbage\n"),
        (".git/refs/heads/main", "garbage\n"),
        (".git/packed-refs", "garbage\n"),
        (".gitattributes", "* filter=nowhere\n"),
        (".git/index", "garbage"),
        (".git/info/exclude", "[[[\\\n"),
        (".git/MERGE_HEAD", "garbage"),
    ],
)
def test_a_broken_repository_is_trouble_and_no_crash(bench: Bench, path: str, text: str) -> None:
    target = bench.root / path
    before = target.read_bytes() if target.exists() else None
    target.parent.mkdir(exist_ok=True, parents=True)
    target.write_text(text)
    bench.write("b.txt", "1\n")
    bench.run(10.0)
    bench.ask(CommitNow("notes"))
    bench.run(100.0)
    if path != ".git/index":
        if before is None:
            target.unlink()
        else:
            target.write_bytes(before)
    bench.ask(CommitNow("notes"))
    bench.run(100.0)
    assert bench.is_committed()
    assert bench.status().state is RepoState.OK


def test_a_file_without_its_filter_waits_for_a_person_and_holds_up_no_other(bench: Bench) -> None:
    bench.write(".gitattributes", "*.bin filter=lfs\n")
    bench.write("x.bin", "large\n")
    bench.write("b.txt", "1\n")
    bench.run(5.0)
    status = bench.status()
    assert [(item.path, item.why) for item in status.quarantined] == [
        ("x.bin", "filter: needs the filter 'lfs', which is not set up here: not committed")
    ]
    assert status.needs_person
    assert status.notes == (), "it is said once"
    assert bench.subjects()[0] == "Add 2 files: .gitattributes, b.txt"
    run_git(bench.root, "config", "filter.lfs.clean", "cat")
    bench.run(61.0)
    assert (bench.status().quarantined, bench.status().needs_person) == ((), False)
    assert bench.is_committed()


def test_a_filter_that_hangs_holds_up_nothing_that_is_due(bench: Bench) -> None:
    for key, value in (("clean", "sleep 100"), ("required", "true")):
        run_git(bench.root, "config", f"filter.slow.{key}", value)
    bench.write(".gitattributes", "*.bin filter=slow\n")
    bench.write("x.bin", "large\n")
    bench.write("b.txt", "1\n")
    bench.run(1.9)

    def let_others_wait() -> None:
        bench.clock.advance(5.0)
        bench.committer.post(Dirty("another"))

    timer = Timer(0.2, let_others_wait)
    timer.start()
    bench.run(1.0)
    timer.join()
    assert bench.subjects()[0] == "Add 2 files: .gitattributes, b.txt"
    assert "x.bin: the filter 'slow' did not finish in 5 s" in " ".join(bench.status().notes)
    run_git(bench.root, "config", "filter.slow.clean", "cat")
    bench.run(30.0)
    assert not bench.is_committed(), "it is left alone for ten times as long"
    bench.run(120.0)
    assert bench.is_committed()


def test_quarantined_files_that_are_gone_are_forgotten(bench: Bench) -> None:
    bench.write("id_rsa", "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "A" * 70 + "\n")
    bench.run(3.0)
    assert [item.path for item in bench.status().quarantined] == ["id_rsa"]
    bench.ask(Pause("notes", None)).result(0)
    (bench.root / "id_rsa").unlink()
    bench.ask(Resume("notes", False)).result(0)
    bench.run(3.0)
    assert bench.status().quarantined == ()


def test_what_a_person_staged_and_committed_is_no_longer_spoken_of(bench: Bench) -> None:
    (bench.root / "mine.txt").write_text("1\n")
    run_git(bench.root, "add", "mine.txt")
    bench.note("mine.txt")
    bench.run(3.0)
    assert any("mine.txt" in note for note in bench.status().notes)
    run_git(bench.root, "commit", "-qm", "mine")
    bench.ask(CommitNow("notes"))
    bench.run(1.0)
    assert bench.status().notes == ()


@pytest.mark.parametrize("end", [("commit", "-q", "-m", "mine"), ("restore", "--staged", "a.txt"), ("reset", "-q")])
def test_the_rest_of_what_a_person_staged_is_an_ordinary_edit(bench: Bench, end: tuple[str, ...]) -> None:
    bench.write("a.txt", "for my commit\n")
    run_git(bench.root, "add", "a.txt")
    bench.write("a.txt", "for my commit\nand more\n")
    bench.run(5.0)
    assert run_git(bench.root, "diff", "--cached", "--name-only") == "a.txt"
    run_git(bench.root, *end)
    bench.run(5.0)
    assert bench.is_committed()
    assert not bench.status().notes


def test_what_is_taken_out_of_the_index_and_ignored_stays_on_disk(bench: Bench) -> None:
    (bench.root / ".gitignore").write_text("a.txt\n")
    run_git(bench.root, "rm", "-q", "--cached", "a.txt")
    bench.note(".gitignore", "a.txt")
    bench.run(300.0)
    bench.tell(Rescan("notes", "a test"))
    assert run_git(bench.root, "ls-files", "--error-unmatch", "a.txt", check=False) == ""
    assert "a.txt" in run_git(bench.root, "ls-tree", "--name-only", "HEAD").split()
    bench.run(310.0)
    assert "a.txt" not in run_git(bench.root, "ls-tree", "--name-only", "HEAD").split()
    assert (bench.root / "a.txt").exists()
    assert bench.is_committed()
    assert not bench.status().notes


def test_staged_paths_are_taken_after_their_ten_minutes(bench: Bench) -> None:
    (bench.root / "mine.txt").write_text("1\n")
    run_git(bench.root, "add", "mine.txt")
    bench.note("mine.txt")
    bench.run(590.0)
    assert bench.subjects() == ["first"]
    bench.run(20.0)
    assert bench.is_committed()


def test_a_repository_that_is_dropped_is_committed_first(bench: Bench) -> None:
    bench.write("b.txt", "1\n")
    bench.ask(Drop("notes")).result(0)
    assert bench.is_committed()
    bench.tell(Pushed("notes", "main", bench.head()))


def test_a_brake_is_asked_before_the_last_commit_too(bench: Bench) -> None:
    for number in range(40):
        (bench.root / f"f{number}").write_text(f"{number}\n")
    bench.ask(CommitNow("notes"))
    bench.run()
    head = bench.head()
    for number in range(40):
        (bench.root / f"f{number}").unlink()
    bench.note(*(f"f{number}" for number in range(40)))
    bench.ask(Drop("notes")).result(0)
    assert bench.head() == head


def test_after_a_failure_that_lasts_the_work_tree_is_opened_again(bench: Bench) -> None:
    """What an interrupted pull left is completed by that, and a repaired file is read."""
    opened = set(bench.repo_state_dir.glob("lock-*.json"))
    assert opened
    objects = bench.root / ".git/objects"
    objects.rename(objects.with_name("away"))
    objects.mkdir()
    bench.write("b.txt", "1\n")
    bench.run(100.0)
    assert bench.status().state is RepoState.ERROR
    assert not opened & set(bench.repo_state_dir.glob("lock-*.json"))
    objects.rmdir()
    objects.with_name("away").rename(objects)
    bench.ask(CommitNow("notes"))
    bench.run(100.0)
    assert bench.is_committed()
