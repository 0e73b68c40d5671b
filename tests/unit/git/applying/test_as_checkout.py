"""A pull writes what `git checkout` would, and leaves nothing to commit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.git.applying.apply import OutcomeKind
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.fakes.pair import Pair
from tests.unit.git.conftest import stage


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    it = Pair(tmp_path)
    yield it
    it.worktree.close()


def test_a_pull_of_content_that_would_be_stored_otherwise_is_no_edit(pair: Pair, tmp_path: Path) -> None:
    """Text with CRLF in the repository, by an attribute that the other machine's git did not know."""
    (pair.theirs / ".git/info").mkdir(exist_ok=True)
    (pair.theirs / ".git/info/attributes").write_text("* -text\n")
    pair.put(pair.theirs, {".gitattributes": b'"my notes.txt" text\n', "my notes.txt": b"1\r\n2\r\n"})
    assert pair.take().kind is OutcomeKind.DONE
    assert not stage(pair.worktree, "my notes.txt").changes
    pair.worktree.close()
    pair.worktree = Worktree(pair.ours, tmp_path / "notes")
    assert not stage(pair.worktree, "my notes.txt").changes, "a restart does not make it one"
    pair.put(pair.theirs, {"my notes.txt": b"1\r\n2\r\n3\r\n"})
    assert pair.take().kind is OutcomeKind.DONE, "and it is what the next pull starts from"
    (pair.ours / "my notes.txt").write_bytes(b"an edit\r\n")
    assert [change.path for change in stage(pair.worktree, "my notes.txt").changes] == [b"my notes.txt"]


def test_without_file_modes_an_arriving_executable_bit_is_set(pair: Pair) -> None:
    run_git(pair.ours, "config", "core.fileMode", "false")
    (pair.theirs / "a.txt").chmod(0o755)
    (pair.theirs / "run.sh").chmod(0o644)
    pair.check_done(pair.take())
    assert (pair.ours / "a.txt").stat().st_mode & 0o777 == 0o755
    assert (pair.ours / "run.sh").stat().st_mode & 0o111 == 0


@pytest.mark.parametrize(("here", "there"), [(0o644, 0o755), (0o755, 0o644)])
def test_without_file_modes_a_file_that_is_there_already_gets_the_bit(pair: Pair, here: int, there: int) -> None:
    run_git(pair.ours, "config", "core.fileMode", "false")
    for root, mode in ((pair.ours, here), (pair.theirs, there)):
        (root / "tool").write_text("the same\n")
        (root / "tool").chmod(mode)
    assert pair.take().kind is OutcomeKind.DONE
    assert (pair.ours / "tool").stat().st_mode & 0o777 == there


def test_without_links_a_file_holds_the_target(pair: Pair) -> None:
    run_git(pair.ours, "config", "core.symlinks", "false")
    (pair.theirs / "new").symlink_to("a.txt")
    assert pair.take().kind is OutcomeKind.DONE
    assert not (pair.ours / "new").is_symlink()
    assert (pair.ours / "new").read_text() == "a.txt"
    assert not stage(pair.worktree, "new").changes
    (pair.theirs / "new").unlink()
    (pair.theirs / "new").symlink_to("run.sh")
    assert pair.take().kind is OutcomeKind.DONE
    assert (pair.ours / "new").read_text() == "run.sh"


def test_attribute_files_count_that_are_in_no_commit_but_none_beyond_a_link(pair: Pair) -> None:
    (pair.ours / ".git/info/exclude").write_text(".gitattributes\n/linked\n")
    (pair.ours / "dir/.gitattributes").write_text("*.txt eol=crlf\n")
    (pair.ours / "linked").symlink_to("dir")
    pair.put(pair.theirs, {"dir/b.txt": b"new\n", "linked/c.txt": b"new\n"})
    assert pair.take().kind is OutcomeKind.DONE
    assert (pair.ours / "dir/b.txt").read_bytes() == b"new\r\n"
    assert (pair.ours / "linked/c.txt").read_bytes() == b"new\n"
