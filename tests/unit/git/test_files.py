"""State files: whole or not at all, whoever else writes them, and in a directory that may not be there yet."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from pathlib import Path

import pygit2
import pytest

from gitsync.engine import runs
from gitsync.errors import OperationError
from gitsync.git.files import write_durably
from gitsync.git.objects.commits import move_branch


def test_the_directory_is_made_before_the_first_write(tmp_path: Path) -> None:
    path = tmp_path / "not/yet/state.json"
    write_durably(path, b"{}")
    assert path.read_bytes() == b"{}"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert os.listdir(path.parent) == ["state.json"]


def test_two_writers_of_one_file_never_take_each_others_half(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    texts = [bytes([65 + number]) * 300_000 for number in range(4)]

    def write(text: bytes) -> None:
        for _ in range(20):
            write_durably(path, text)

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            assert path.read_bytes() in texts
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    write_durably(path, b"old")

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OperationError, match="the disk is full"):
        write_durably(path, b"new")
    assert (os.listdir(tmp_path), path.read_bytes()) == (["state.json"], b"old")


def test_where_there_is_a_flush_of_the_disks_own_cache_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    answers = [None, OSError(errno.ENOTSUP, "not supported"), OSError(errno.EIO, "error")]

    def flush(handle: int, command: int) -> int:
        asked.append(command)
        answer = answers[len(asked) - 1]
        if answer is not None:
            raise answer
        return 0

    synced: list[int] = []
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", flush)
    monkeypatch.setattr(os, "fsync", synced.append)
    path = tmp_path / "state.json"
    write_durably(path, b"one")
    assert (asked, synced) == ([51], [])
    write_durably(path, b"two")  # a network file system
    assert (len(asked), len(synced)) == (2, 1)
    with pytest.raises(OperationError):
        write_durably(path, b"three")
    assert path.read_bytes() == b"two"


def test_what_libgit2_has_synced_is_written_from_that_cache_too(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    work_tree = pygit2.Repository(str(repo))
    tip = str(work_tree.head.target)
    move_branch(work_tree, "before", None, tip, "new")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda handle, command: asked.append(command))
    move_branch(work_tree, "after", None, tip, "new")
    assert asked == [51]


def test_a_run_behind_a_torn_line_is_read(tmp_path: Path) -> None:
    runs.note(tmp_path, {"number": 1})
    runs.note(tmp_path, {"number": 2})
    file = tmp_path / runs.RUNS_FILE
    os.truncate(file, file.stat().st_size - 3)
    runs.note(tmp_path, {"number": 3})
    assert [run["number"] for run in runs.read(tmp_path, 9)] == [3, 1]
