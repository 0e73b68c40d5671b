"""The calls that put versions in the place of others, also where the system has no exchange, and full disks."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.errors import OperationError
from gitsync.git.applying import atomic_replace, journal
from gitsync.git.applying.apply import OutcomeKind, apply
from tests.conftest import run_git
from tests.fakes.pair import Pair, check_no_leftovers


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.worktree.close()


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    handle = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield handle
    os.close(handle)


@pytest.fixture
def no_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that cannot exchange (NFS, for one), as it answers."""

    def refuse(*call: object) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(atomic_replace, "_renameat2", refuse)


def test_exchange_and_move(tmp_path: Path, root: int) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").symlink_to("x")
    atomic_replace.exchange(root, b"a", b"b")
    assert os.readlink(tmp_path / "a") == "x"
    assert (tmp_path / "b").read_text() == "1"
    with pytest.raises(FileExistsError):
        atomic_replace.move_new(root, b"a", b"b")
    atomic_replace.move_new(root, b"a", b"d/e/c", is_made=True)
    assert os.readlink(tmp_path / "d/e/c") == "x"


@pytest.mark.usefixtures("no_exchange")
def test_without_exchange(tmp_path: Path, root: int) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    atomic_replace.exchange(root, b"a", b"b")
    assert ((tmp_path / "a").read_text(), (tmp_path / "b").read_text()) == ("2", "1")
    with pytest.raises(FileExistsError):
        atomic_replace.move_new(root, b"a", b"b")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


@pytest.mark.usefixtures("no_exchange")
def test_a_whole_integration_without_exchange(pair: Pair) -> None:
    pair.put(pair.theirs, {"a.txt": b"two\n", "new/x": b"x"})
    (pair.theirs / "dir/deep/c.txt").unlink()
    (pair.theirs / "link").unlink()
    (pair.theirs / "link").symlink_to("elsewhere")
    pair.check_done(pair.take())
    pair.put(pair.theirs, {"a.txt": b"three\n", "dir/b.txt": b"3"})

    def edit(point: str, path: bytes) -> None:
        if (point, path) == ("before", b"dir/b.txt"):
            (pair.ours / "dir/b.txt").write_bytes(b"mine")

    outcome = apply(pair.worktree, pair.plan(), message="", probe=edit)
    assert (outcome.kind, outcome.paths) == (OutcomeKind.EDITED, (b"dir/b.txt",))
    assert (pair.ours / "a.txt").read_bytes() == b"two\n"
    check_no_leftovers(pair.ours)


def test_prints_tell_versions_apart(tmp_path: Path, root: int) -> None:
    path = tmp_path / "f"
    seen = {atomic_replace.look(root, b"f")}
    path.write_text("x")
    seen.add(atomic_replace.look(root, b"f"))
    path.chmod(0o755)
    seen.add(atomic_replace.look(root, b"f"))
    path.unlink()
    path.symlink_to("x")
    seen.add(atomic_replace.look(root, b"f"))
    path.unlink()
    path.mkdir()
    seen.add(atomic_replace.look(root, b"f"))
    path.rmdir()
    os.mkfifo(path)
    seen.add(atomic_replace.look(root, b"f"))
    assert len(seen) == 6


def test_nothing_is_beyond_a_link(tmp_path: Path, root: int) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/f").write_text("x")
    (tmp_path / "way").symlink_to("real")
    assert atomic_replace.look(root, b"way/f") == atomic_replace.ABSENT
    with pytest.raises(OSError, match="Not a directory"):
        atomic_replace.move_new(root, b"real/f", b"way/g", is_made=True)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_full_disk_is_met_before_anything_is_touched(pair: Pair, number: int) -> None:
    pair.put(pair.theirs, {"a.txt": b"two\n", "dir/b.txt": b"2\n", "new/x": b"x"})

    def fail(point: str, path: bytes) -> None:
        if (point, path) == ("stage", b"dir/b.txt"):
            raise OSError(number, os.strerror(number))

    with pytest.raises(OperationError) as caught:
        apply(pair.worktree, pair.plan(), message="", probe=fail)
    assert caught.value.code in ("disk-full", "permission", "read-only")
    assert journal.read(pair.worktree.repo_state_dir) is None
    pair.check_clean()
    assert (pair.ours / "a.txt").read_bytes() == b"one\n"
    pair.check_done(pair.take())


@pytest.mark.parametrize("gone", ["dir/b.txt", "dir"])
def test_who_removes_a_file_at_this_moment_has_edited_it(pair: Pair, gone: str) -> None:
    """The file whose permissions the new version gets, or its directory: no fault of the disk's."""
    pair.put(pair.theirs, {"a.txt": b"two\n", "dir/b.txt": b"2\n"})

    def remove(point: str, path: bytes) -> None:
        if (point, path) == ("stage", b"dir/b.txt"):
            (pair.ours / "dir").rename(pair.ours / "elsewhere") if gone == "dir" else (pair.ours / gone).unlink()

    outcome = apply(pair.worktree, pair.plan(), message="", probe=remove)
    assert (outcome.kind, outcome.paths) == (OutcomeKind.EDITED, (b"dir/b.txt",))
    assert journal.read(pair.worktree.repo_state_dir) is None
    assert (pair.ours / "a.txt").read_bytes() == b"one\n"
    check_no_leftovers(pair.ours)


def test_the_system_refuses_in_the_middle(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """An immutable file, say: the steps before it are taken back."""
    pair.put(pair.theirs, {"a.txt": b"two\n", "dir/b.txt": b"2\n", "new/x": b"x"})
    real = atomic_replace.exchange

    def refuse(root: int, one: bytes, other: bytes) -> None:
        if other == b"dir/b.txt":
            raise PermissionError(errno.EPERM, "Operation not permitted")
        real(root, one, other)

    monkeypatch.setattr(atomic_replace, "exchange", refuse)
    outcome = pair.take()
    assert (outcome.kind, outcome.paths) == (OutcomeKind.BLOCKED, (b"dir/b.txt",))
    assert outcome.problem is not None
    assert "Operation not permitted" in outcome.problem.message
    pair.check_clean()
    assert not (pair.ours / "new").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_to(pair: Pair) -> None:
    pair.put(pair.theirs, {"dir/b.txt": b"2\n"})
    (pair.ours / "dir").chmod(0o555)
    try:
        outcome = pair.take()
    finally:
        (pair.ours / "dir").chmod(0o755)
    assert (outcome.kind, outcome.paths) == (OutcomeKind.BLOCKED, (b"dir/b.txt",))
    assert run_git(pair.ours, "status", "--porcelain") == ""
