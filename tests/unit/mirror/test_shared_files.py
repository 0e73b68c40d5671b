"""Which file both names share: remembered over a restart, whatever a crash has left of the last line."""

from __future__ import annotations

from pathlib import Path

from gitsync.mirror.shared_files import NAME, SharedFiles


def test_it_is_remembered_over_a_restart(tmp_path: Path) -> None:
    shared = SharedFiles(tmp_path)
    shared.note(b".vimrc", 7, is_linked=True)
    shared.note(b".copy", 8, is_linked=False)
    shared.note(b".gone", 9, is_linked=True)
    shared.forget(b".gone")
    shared.save()
    again = SharedFiles(tmp_path)
    assert (again.of(b".vimrc"), again.of(b".copy"), again.of(b".gone")) == (7, None, None)
    assert again.names_of(8) == {b".copy"}


def test_a_line_that_was_cut_off_costs_itself_alone(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b'[".vimrc", 7, true]\n[".ba')
    shared = SharedFiles(tmp_path)
    shared.note(b".zshrc", 8, is_linked=True)
    shared.save()
    again = SharedFiles(tmp_path)
    assert (again.of(b".vimrc"), again.of(b".zshrc")) == (7, 8)


def test_the_log_is_written_anew_before_it_is_long(tmp_path: Path) -> None:
    shared = SharedFiles(tmp_path, slack=4)
    for inode in range(1, 30):
        shared.note(b"\xff name", inode, is_linked=True)
        shared.save()
    assert len((tmp_path / NAME).read_bytes().split(b"\n")) < 20
    assert SharedFiles(tmp_path).of(b"\xff name") == 29
    assert SharedFiles(tmp_path).names_of(3) == frozenset()
