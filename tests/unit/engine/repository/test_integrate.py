"""Taking in what was fetched, stepped by hand: beside edits, operations of the user's, trouble."""

from __future__ import annotations

import errno

import pytest

from gitsync.engine.messages import Pause, Rescan, Resume
from gitsync.git.applying import journal
from gitsync.git.probe import no_probe
from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.engine import Bench

pytestmark = pytest.mark.slow


@pytest.fixture
def upstream(bench: Bench) -> str:
    """A commit that the remote has and the repository has not, its objects fetched."""
    other = bench.root.with_name("other")
    run_git(bench.root.parent, "clone", "-q", str(bench.root), str(other))
    (other / "theirs.txt").write_text("theirs\n")
    run_git(other, "add", ".")
    run_git(other, "commit", "-qm", "theirs")
    run_git(bench.root, "remote", "add", "origin", str(other))
    run_git(bench.root, "fetch", "-q", "origin")
    return run_git(other, "rev-parse", "HEAD")


def test_a_fast_forward_comes_into_the_work_tree(bench: Bench, upstream: str) -> None:
    bench.tell(bench.fetched(upstream))
    bench.run()
    assert bench.head() == upstream
    assert (bench.root / "theirs.txt").read_text() == "theirs\n"
    assert [(answer.head, answer.is_ahead, answer.problem) for answer in bench.integrated()] == [
        (upstream, False, None)
    ]


def test_an_edit_under_way_is_committed_before_a_merge(bench: Bench, upstream: str) -> None:
    bench.write("mine.txt", "mine\n")
    bench.tell(bench.fetched(upstream))
    bench.run()
    assert bench.subjects()[0] == "Merge origin/main"
    assert bench.is_committed()
    assert bench.integrated()[-1].is_ahead


def test_a_fetch_that_brings_nothing_leaves_an_edit_its_quiet(bench: Bench) -> None:
    bench.write("mine.txt", "half a sentence\n")
    bench.run(1.0)
    bench.tell(bench.fetched(bench.head()))
    bench.run(0.5)
    assert [(answer.head, answer.is_ahead) for answer in bench.integrated()] == [(bench.head(), False)]
    assert bench.subjects() == ["first"]
    bench.run(2.0)
    assert bench.is_committed()


def test_a_push_that_asks_for_head_leaves_an_edit_its_quiet(bench: Bench) -> None:
    bench.write("mine.txt", "half a sentence\n")
    bench.tell(bench.fetched(None))
    bench.run(0.5)
    assert [(answer.head, answer.is_ahead) for answer in bench.integrated()] == [(bench.head(), True)]
    assert bench.subjects() == ["first"]


@pytest.mark.parametrize("is_late", [False, True])
def test_nothing_is_taken_in_while_an_operation_is_open(bench: Bench, upstream: str, is_late: bool) -> None:
    if is_late:
        bench.write("mine.txt", "mine\n")
    (bench.root / ".git/MERGE_HEAD").write_text(bench.head() + "\n")
    bench.tell(bench.fetched(upstream))
    bench.run(1.0)
    assert [answer.head for answer in bench.integrated()] == [None]
    assert bench.status().state is RepoState.BUSY
    assert not (bench.root / "theirs.txt").exists()
    (bench.root / ".git/MERGE_HEAD").unlink()
    bench.run(10.0)
    assert not (bench.root / "theirs.txt").exists()


def test_a_pause_refuses_what_was_fetched(bench: Bench, upstream: str) -> None:
    bench.tell(Rescan("notes", "a test"))
    bench.committer._repos["notes"].integration.begin(bench.fetched(upstream))
    bench.ask(Pause("notes", None)).result(0)
    assert [answer.head for answer in bench.integrated()] == [None]
    bench.tell(bench.fetched(upstream))
    assert len(bench.integrated()) == 2
    bench.ask(Resume("notes", False)).result(0)
    bench.run(10.0)
    assert not (bench.root / "theirs.txt").exists()


def test_a_held_lock_lets_a_pull_wait_and_then_goes_on(bench: Bench, upstream: str) -> None:
    lock = bench.root / ".git/index.lock"
    lock.touch()
    bench.tell(bench.fetched(upstream))
    bench.run(0.2)
    assert bench.integrated() == []
    lock.unlink()
    bench.run(5.0)
    assert bench.head() == upstream
    assert bench.status().state is RepoState.OK


def test_a_lock_that_stays_is_told_to_the_exchanger(bench: Bench, upstream: str) -> None:
    lock = bench.root / ".git/index.lock"
    lock.touch()
    bench.tell(bench.fetched(upstream))
    bench.run(30.0)
    (answer,) = bench.integrated()
    assert answer.problem is not None
    assert answer.problem.code == "index-locked"
    lock.unlink()
    bench.tell(bench.fetched(upstream))
    bench.run(61.0)
    assert bench.head() == upstream
    assert bench.status().state is RepoState.OK


def test_a_conflict_is_kept_told_and_pushed(bench: Bench, upstream: str) -> None:
    bench.write("theirs.txt", "mine\n")
    bench.run(3.0)
    bench.tell(bench.fetched(upstream))
    bench.run()
    assert bench.status().state is RepoState.OK
    assert bench.integrated()[-1].is_ahead
    assert bench.is_committed()
    (copy,) = bench.root.glob("theirs.conflict-*.txt")
    assert (copy.read_text(), (bench.root / "theirs.txt").read_text()) == ("mine\n", "theirs\n")
    message = run_git(bench.root, "log", "-1", "--format=%B")
    assert message.startswith(
        "Merge origin/main\n\nChanged on both sides:\ntheirs.txt: kept both versions, one as theirs.con"
    )
    (event,) = (event for event in bench.board.events() if event["event"] == "conflict")
    assert (event["paths"], event["copies"], event["policy"], event["remote"]) == (
        ["theirs.txt"],
        [copy.name],
        "keep-both",
        "origin/main",
    )


def test_policies_come_from_the_configuration(bench: Bench, upstream: str) -> None:
    bench.adopt(conflict="manual", conflict_paths={"*.txt": "ours"})
    bench.write("theirs.txt", "mine\n")
    bench.run(3.0)
    bench.tell(bench.fetched(upstream))
    bench.run()
    assert sorted(path.name for path in bench.root.glob("theirs*")) == ["theirs.txt"]
    assert (bench.root / "theirs.txt").read_text() == "mine\n"


def test_a_merge_that_waits_is_shown_until_it_is_settled(bench: Bench, upstream: str) -> None:
    bench.adopt(conflict="manual")
    bench.write("theirs.txt", "mine\n")
    bench.run(3.0)
    bench.tell(bench.fetched(upstream))
    bench.run()
    assert bench.status().state is RepoState.CONFLICT
    assert bench.status().conflicts == ("theirs.txt",)
    assert run_git(bench.root, "rev-parse", "refs/gitsync/conflict/main/theirs") == upstream
    assert run_git(bench.root, "rev-parse", "refs/gitsync/conflict/main/ours") == bench.head()
    bench.write("more.txt", "more\n")
    bench.run(3.0)
    status = bench.status()
    assert status.state is RepoState.CONFLICT
    assert status.error is not None
    assert "git merge" in status.error.hint
    assert not bench.integrated()[-1].is_ahead
    run_git(bench.root, "merge", "-q", "-s", "ours", "-m", "settled", upstream)
    bench.tell(bench.fetched(upstream))
    bench.run(3.0)
    status = bench.status()
    assert (status.state, status.conflicts, status.error) == (RepoState.OK, (), None)
    assert run_git(bench.root, "for-each-ref", "refs/gitsync/conflict") == ""


def test_a_pull_that_was_left_half_way_is_mended_before_anything_is_committed(bench: Bench, upstream: str) -> None:
    """Staging on top of it would record the remote's files as edits of the user's."""
    other = bench.root.with_name("other")
    (other / "a.txt").write_text("theirs\n")
    run_git(other, "commit", "-qam", "more of theirs")
    run_git(bench.root, "fetch", "-q", "origin")

    def fail(point: str, path: bytes) -> None:
        if point == "before" and path == b"theirs.txt":
            raise OSError(errno.EIO, "Input/output error")

    bench.probe = fail
    bench.tell(bench.fetched(run_git(other, "rev-parse", "HEAD")))
    bench.run()
    assert journal.read(bench.repo_state_dir) is not None
    bench.probe = no_probe
    bench.write("b.txt", "1\n")
    bench.run(5.0)
    assert journal.read(bench.repo_state_dir) is None
    assert bench.is_committed()
    assert run_git(bench.root, "log", "-1", "--full-diff", "--format=", "--name-only", "--", "b.txt") == "b.txt"


def test_a_file_open_for_writing_holds_back_itself_alone(bench: Bench, upstream: str) -> None:
    """Another machine's change of another file comes, and the open file is looked at after `quiet`, not at once."""
    with (bench.root / "log.txt").open("w") as log:
        log.write("first\n")
        log.flush()
        bench.note("log.txt")
        bench.tell(bench.fetched(upstream))
        bench.run()
        assert (bench.root / "theirs.txt").read_text() == "theirs\n"
        wake_at = bench.committer.wake_at()
        assert wake_at is not None
        assert wake_at > bench.clock.now()
        assert bench.status().pending == 1
    bench.run(5.0)
    assert bench.is_committed()


def test_a_pull_of_a_file_that_is_open_for_writing_waits_and_moves_nothing(bench: Bench, upstream: str) -> None:
    with (bench.root / "theirs.txt").open("w") as mine:
        mine.write("mine\n")
        mine.flush()
        bench.note("theirs.txt")
        bench.tell(bench.fetched(upstream))
        bench.run(3.0)
        assert sorted(path.name for path in bench.root.glob("theirs*")) == ["theirs.txt"]
        assert bench.integrated() == []
    bench.run(5.0)
    assert bench.is_committed()
    assert bench.integrated()[-1].is_ahead


def test_a_pull_writes_nothing_into_a_directory_that_is_a_repository_by_now(bench: Bench) -> None:
    other = bench.root.with_name("other")
    run_git(bench.root.parent, "clone", "-q", str(bench.root), str(other))
    (other / "lib").mkdir()
    (other / "lib/code.txt").write_text("theirs\n")
    (other / "else.txt").write_text("theirs\n")
    run_git(other, "add", ".")
    run_git(other, "commit", "-qm", "theirs")
    run_git(bench.root, "remote", "add", "origin", str(other))
    run_git(bench.root, "fetch", "-q", "origin")
    run_git(bench.root, "init", "-q", "lib")
    (bench.root / "lib/own.txt").write_text("own\n")
    bench.tell(bench.fetched(run_git(other, "rev-parse", "HEAD")))
    bench.run(2.0)
    assert bench.integrated()[-1].problem is None
    assert bench.head() == run_git(other, "rev-parse", "HEAD")
    assert (bench.root / "else.txt").read_text() == "theirs\n", "it holds up nothing else"
    assert sorted(path.name for path in (bench.root / "lib").iterdir()) == [".git", "own.txt"]
    assert run_git(bench.root, "ls-files", "-t", "lib") == "S lib/code.txt"
    said = next(line for line in bench.status().notes if "lib/code.txt" in line)
    assert "because lib is a git repository of its own by now" in said
    # The other machine goes on, and nothing here takes the missing file for a deletion.
    (other / "lib/code.txt").write_text("theirs again\n")
    run_git(other, "commit", "-qam", "theirs again")
    run_git(bench.root, "fetch", "-q", "origin")
    bench.tell(bench.fetched(run_git(other, "rev-parse", "HEAD")))
    bench.tell(Rescan("notes", "a test"))
    bench.note("lib/own.txt", "lib")
    bench.run(5.0)
    assert bench.head() == run_git(other, "rev-parse", "HEAD"), "nor the files of that repository for new ones"
    # Moved away, it makes room for what was pulled.
    (bench.root / "lib").rename(bench.root.with_name("lib"))
    bench.tell(Rescan("notes", "a test"))
    bench.run(2.0)
    assert (bench.root / "lib/code.txt").read_text() == "theirs again\n"
    assert run_git(bench.root, "status", "--porcelain") == ""
    assert run_git(bench.root, "ls-files", "-t", "lib") == "H lib/code.txt"
    assert bench.head() == run_git(other, "rev-parse", "HEAD")
    assert not [line for line in bench.status().notes if "lib" in line]
