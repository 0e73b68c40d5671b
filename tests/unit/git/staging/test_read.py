"""The read rule: what counts as content, what is taken later, and what is never an absence."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.errors import OperationError
from gitsync.git.staging.read import FoundKind, Reader, fault


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with Reader(str(tmp_path)) as opened:
        yield opened


def test_files_links_and_modes_are_read_as_they_are(tmp_path: Path, reader: Reader) -> None:
    (tmp_path / "x").write_bytes(b"\0\r\n")
    (tmp_path / "run").write_bytes(b"#!")
    (tmp_path / "run").chmod(0o701)
    (tmp_path / "link").symlink_to(os.fsdecode(b"\xff/nowhere"))
    for path, mode, data in (
        (b"x", 0o100644, b"\0\r\n"),
        (b"run", 0o100755, b"#!"),
        (b"link", 0o120000, b"\xff/nowhere"),
    ):
        found = reader.read(path)
        assert (found.mode, found.data) == (mode, data)
        assert found.stat == os.lstat(tmp_path / os.fsdecode(path))
    assert reader.read(b"run").kind is FoundKind.FILE


def test_what_is_away_is_absent_beyond_a_link_and_below_a_file_too(tmp_path: Path, reader: Reader) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/x").write_text("x")
    (tmp_path / "link").symlink_to("d")
    (tmp_path / "loop").symlink_to("loop")
    for path in (b"none", b"none/x", b"d/none", b"link/x", b"d/x/y", b"loop/x"):
        assert reader.read(path).kind is FoundKind.ABSENT, path
    assert reader.read(b"d/x").data == b"x"


@pytest.mark.parametrize(
    "number", [errno.EACCES, errno.EIO, errno.ESTALE, errno.EPERM, errno.ENAMETOOLONG, errno.EMFILE]
)
def test_trouble_is_never_an_absence(number: int) -> None:
    found = fault(OSError(number, os.strerror(number)))
    assert found.kind is FoundKind.UNREADABLE
    assert found.reason == os.strerror(number)


def test_a_name_that_cannot_be_is_no_absence(reader: Reader) -> None:
    assert reader.read(b"n" * 300).kind is FoundKind.UNREADABLE


def test_a_file_that_changes_while_it_is_read_is_later_or_as_it_is(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "x"
    path.write_text("start")

    def grow(handle: int) -> str:
        with open(path, "a") as stream:
            stream.write("more")
        return "blob"

    assert reader.read(b"x", through=grow).kind is FoundKind.LATER
    found = reader.read(b"x", is_forced=True, through=grow)
    assert (found.kind, found.blob, found.is_racy) == (FoundKind.FILE, "blob", True)


def test_a_file_that_takes_the_place_of_one_that_was_looked_at_is_later(tmp_path: Path, reader: Reader) -> None:
    path, other = tmp_path / "x", tmp_path / "other"
    for file in (path, other):
        file.write_bytes(b"first\n")
        os.utime(file, ns=(0, 0))
    seen = reader.look(b"x")
    other.rename(path)
    assert reader.read(b"x", seen=seen).kind is FoundKind.LATER
    assert reader.read(b"x").data == b"first\n"


def test_an_open_writer_is_noticed_and_a_reader_is_not(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "x"
    path.write_text("x")
    with open(path):
        assert reader.read(b"x").kind is FoundKind.FILE
    with open(path, "r+"):
        assert reader.read(b"x").kind is FoundKind.LATER
        assert reader.read(b"x", is_forced=True).data == b"x"


def test_fresh_stat_data_is_not_trusted(tmp_path: Path, reader: Reader) -> None:
    (tmp_path / "x").write_text("x")
    future = os.stat(tmp_path / "x").st_mtime_ns
    while reader.read(b"x").is_racy:  # ends when the clock has left the file's tick behind
        assert os.stat(tmp_path / "x").st_mtime_ns == future
    os.chmod(tmp_path / "x", 0o600)
    assert reader.read(b"x").is_racy


def test_handles_are_not_kept_for_directories_that_moved(tmp_path: Path, reader: Reader) -> None:
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "d/e/x").write_text("old")
    assert reader.read(b"d/e/x").data == b"old"
    reader.close()
    (tmp_path / "d").rename(tmp_path / "moved")
    with reader:
        assert reader.read(b"d/e/x").kind is FoundKind.ABSENT
        assert reader.read(b"moved/e/x").data == b"old"


def test_a_root_that_was_replaced_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    reader = Reader(str(tmp_path / "root"))
    with reader:
        pass
    (tmp_path / "root").rename(tmp_path / "before")
    with pytest.raises(OperationError, match="root: No such file"), reader:
        pass
    (tmp_path / "root").mkdir()
    with pytest.raises(OperationError, match="another directory"), reader:
        pass


def test_a_directory_that_cannot_be_entered_midway_leaves_no_wrong_handle(tmp_path: Path, reader: Reader) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/x").write_text("ab")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x").write_text("b")
    assert reader.read(b"a/b/x").data == b"ab"
    assert reader.read(b"a/none/x").kind is FoundKind.ABSENT
    assert reader.read(b"a/x").kind is FoundKind.ABSENT
    assert reader.read(b"b/x").data == b"b"
    assert reader.read(b"x").kind is FoundKind.ABSENT
    assert reader.names(b"a") == [(b"b", True)]


def test_no_handle_is_leaked(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/x").write_text("x")
    before = len(os.listdir("/proc/self/fd"))
    with Reader(str(tmp_path)) as reader:
        for _ in range(3):
            for path in (b"a/b/x", b"a/none/x", b"a/b/none", b"x"):
                reader.read(path)
    assert len(os.listdir("/proc/self/fd")) == before
