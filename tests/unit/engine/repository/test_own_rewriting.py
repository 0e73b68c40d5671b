"""What a person made of a commit that was sent already is an edit of it; a pull that left something behind is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.engine.messages import Rescan
from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.engine import Bench

pytestmark = pytest.mark.slow


@pytest.fixture
def sent(bench: Bench) -> str:
    """A commit with a typing error that the remote has, too."""
    run_git(bench.root.parent, "init", "-q", "--bare", "bare.git")
    run_git(bench.root, "remote", "add", "origin", str(bench.root.parent / "bare.git"))
    bench.write("a.txt", "one\nhree\n")
    bench.run(5.0)
    run_git(bench.root, "push", "-q", "-u", "origin", "main")
    return bench.head()


def other_machine(bench: Bench, name: str, text: str) -> str:
    other = bench.root.with_name("other")
    run_git(bench.root.parent, "clone", "-q", "bare.git", str(other))
    (other / name).write_text(text)
    run_git(other, "add", "-A")
    run_git(other, "commit", "-qm", "theirs")
    run_git(other, "push", "-q")
    run_git(bench.root, "fetch", "-q", "origin")
    return run_git(other, "rev-parse", "HEAD")


def amend(bench: Bench, text: str) -> None:
    (bench.root / "a.txt").write_text(text)
    run_git(bench.root, "commit", "-q", "--amend", "-a", "-m", "mine")


def test_an_amended_commit_is_newer_than_what_it_amended(bench: Bench, sent: str) -> None:
    amend(bench, "one\nthree\n")
    mine = bench.head()
    bench.tell(bench.fetched(sent, sent))
    bench.run(1.0)
    assert (bench.root / "a.txt").read_text() == "one\nthree\n"
    assert run_git(bench.root, "ls-files") == "a.txt"
    assert run_git(bench.root, "log", "-1", "--format=%P").split() == [mine, sent], "it can be pushed without force"
    assert bench.integrated()[-1].is_ahead
    assert bench.status().conflicts == ()


@pytest.mark.parametrize("how", ["amended", "squashed"])
def test_what_another_machine_did_since_is_taken_in(bench: Bench, sent: str, how: str) -> None:
    upstream = other_machine(bench, "b.txt", "theirs\n")
    if how == "squashed":
        (bench.root / "a.txt").write_text("one\nthree\n")
        run_git(bench.root, "commit", "-q", "-a", "--fixup", sent)
        run_git(bench.root, "-c", "sequence.editor=true", "rebase", "-q", "-i", "--autosquash", f"{sent}^")
    else:
        amend(bench, "one\nthree\n")
    bench.run(3.0)
    bench.tell(bench.fetched(upstream, sent))
    bench.run(3.0)
    assert (bench.root / "a.txt").read_text() == "one\nthree\n"
    assert (bench.root / "b.txt").read_text() == "theirs\n"
    assert run_git(bench.root, "ls-files").split() == ["a.txt", "b.txt"]


def test_a_reset_takes_nothing_back_on_other_machines(bench: Bench, sent: str) -> None:
    run_git(bench.root, "reset", "-q", "--hard", f"{sent}^")
    bench.write("c.txt", "new\n")
    bench.run(5.0)
    bench.tell(bench.fetched(sent, sent))
    bench.run(3.0)
    assert (bench.root / "a.txt").read_text() == "one\nhree\n"


def test_an_amended_commit_that_its_user_pushed_is_no_question(bench: Bench, sent: str) -> None:
    amend(bench, "one\nthree\n")
    run_git(bench.root, "push", "-q", "--force")
    bench.tell(bench.fetched(bench.head(), sent))
    bench.run(3.0)
    assert bench.integrated()[-1].problem is None
    assert bench.status().state is RepoState.OK
    kept = run_git(bench.root, "for-each-ref", "--format=%(objectname)", "refs/gitsync/backup")
    assert sent in kept.split()


@pytest.fixture
def with_submodule(bench: Bench) -> tuple[Path, str, str]:
    """Return the submodule `lib`, at its first commit, and its two commits."""
    lib = bench.root.with_name("lib")
    run_git(bench.root.parent, "init", "-q", str(lib))
    for text in ("1\n", "2\n"):
        (lib / "l.txt").write_text(text)
        run_git(lib, "add", "-A")
        run_git(lib, "commit", "-qm", text)
    old, new = run_git(lib, "rev-parse", "HEAD^", "HEAD").split()
    run_git(bench.root, "submodule", "add", "-q", str(lib), "lib")
    run_git(bench.root / "lib", "checkout", "-q", old)
    run_git(bench.root, "commit", "-qam", "add lib")
    return bench.root / "lib", old, new


def pull_of(bench: Bench, commit: str) -> str:
    """Let another machine move the submodule to `commit`, and this one pull that."""
    tree = run_git(bench.root, "ls-tree", "HEAD").splitlines()
    moved = [line if "\tlib" not in line else f"160000 commit {commit}\tlib" for line in tree]
    made = run_git(bench.root, "mktree", "--missing", input=("\n".join(moved) + "\n").encode())
    upstream = run_git(bench.root, "commit-tree", made, "-p", "HEAD", "-m", "move lib on")
    bench.tell(bench.fetched(upstream))
    bench.run(3.0)
    assert bench.head() == upstream
    return upstream


def test_a_submodule_that_was_moved_on_is_not_moved_back(bench: Bench, with_submodule: tuple[Path, str, str]) -> None:
    lib, old, new = with_submodule
    upstream = pull_of(bench, new)
    for _ in range(2):
        bench.note("lib")
        bench.tell(Rescan("notes", "a test"))
        bench.run(5.0)
        assert bench.head() == upstream
        bench.close()
        bench.__init__(bench.root, bench.repo_state_dir)  # type: ignore[misc]  # a restart
    run_git(lib, "checkout", "-q", new)
    bench.note("lib")
    bench.run(5.0)
    assert bench.head() == upstream
    run_git(lib, "checkout", "-q", old)
    bench.note("lib")
    bench.run(5.0)
    assert run_git(bench.root, "rev-parse", "HEAD:lib") == old, "the person went back to it"


def test_a_submodule_that_somebody_moves_is_committed(bench: Bench, with_submodule: tuple[Path, str, str]) -> None:
    lib, _, new = with_submodule
    pull_of(bench, new)
    (lib / "l.txt").write_text("3\n")
    run_git(lib, "commit", "-qam", "3")
    bench.note("lib")
    bench.run(5.0)
    assert run_git(bench.root, "rev-parse", "HEAD:lib") == run_git(lib, "rev-parse", "HEAD")
