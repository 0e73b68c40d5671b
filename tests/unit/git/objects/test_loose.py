"""Loose objects whose syncs are taken together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitsync.errors import OperationError
from gitsync.git.objects.loose import LooseWriter
from gitsync.git.objects.store import BLOB, object_id_of
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.unit.git.conftest import commit


def left_over(repo: Path) -> list[Path]:
    return list((repo / ".git/objects").glob("tmp_obj*"))


@pytest.mark.parametrize("count", [1, 2, 70])
def test_git_reads_what_was_written(repo: Path, worktree: Worktree, count: int) -> None:
    writer = LooseWriter(worktree.store)
    contents = [b"content %d\n" % number for number in range(count)]
    ids = [writer.write(BLOB, content) for content in contents]
    writer.write(BLOB, contents[0])
    writer.flush()
    assert [run_git(repo, "cat-file", "blob", one).encode() + b"\n" for one in ids] == contents
    run_git(repo, "fsck", "--strict")
    assert not left_over(repo)
    assert {oct(path.stat().st_mode) for path in (repo / ".git/objects" / ids[0][:2]).iterdir()} == {"0o100444"}


def test_nothing_is_stored_before_the_flush(worktree: Worktree) -> None:
    writer = LooseWriter(worktree.store)
    ids = [writer.write(BLOB, b"one"), writer.write(BLOB, b"two")]
    assert not any(worktree.store.has(one) for one in ids)
    writer.flush()
    assert all(worktree.store.has(one) for one in ids)


def test_much_of_it_does_not_wait(worktree: Worktree) -> None:
    writer = LooseWriter(worktree.store)
    ids = [writer.write(BLOB, bytes([number]) * (3 << 20)) for number in range(2)]
    assert all(worktree.store.has(one) for one in ids)


def test_what_is_there_is_made_younger_and_not_written_again(repo: Path, worktree: Worktree) -> None:
    old = object_id_of(BLOB, b"one\n")  # a.txt of the first commit
    path = repo / ".git/objects" / old[:2] / old[2:]
    os.utime(path, (1, 1))
    before = path.stat()
    writer = LooseWriter(worktree.store)
    writer.write(BLOB, b"one\n")
    writer.write(BLOB, b"another\n")
    writer.flush()
    assert path.stat().st_ino == before.st_ino
    assert path.stat().st_mtime > 1


def test_objects_of_a_linked_work_tree_go_where_git_keeps_them(repo: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    run_git(repo, "worktree", "add", "-q", "-b", "other", str(linked))
    (linked / "b.txt").write_text("two\n")
    worktree = Worktree(linked, tmp_path / "linked-notes")
    assert commit(worktree, "b.txt") is not None
    assert run_git(linked, "status", "--porcelain") == ""
    assert not (repo / ".git/worktrees/linked/objects").exists()
    run_git(repo, "fsck", "--strict")
    worktree.close()


def test_a_refusal_of_the_system_is_told_and_all_of_it_waits(
    repo: Path, worktree: Worktree, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LooseWriter(worktree.store)
    ids = [writer.write(BLOB, b"one"), writer.write(BLOB, b"two")]
    real = os.fsync
    calls: list[int] = []

    def refuse(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(handle)

    with monkeypatch.context() as patched:
        patched.setattr(os, "uname", lambda: os.uname_result(("Linux", "", "4.19.0", "", "")))  # each by itself
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(OperationError, match="disk is full") as caught:
            writer.flush()
    assert caught.value.code == "disk-full"
    assert not left_over(repo)
    assert not any(worktree.store.has(one) for one in ids)
    writer.flush()
    assert all(worktree.store.has(one) for one in ids)
