"""The PID file harms nobody's file, and is nobody else's to write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitsync.daemon.pidfile import PidFile
from gitsync.errors import UsageError


def test_it_holds_the_pid_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "gitsync.pid"
    mask = os.umask(0)
    try:
        pid_file = PidFile(path)
        pid_file.check()
        pid_file.write()
    finally:
        os.umask(mask)
    assert path.read_text() == f"{os.getpid()}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    pid_file.remove()
    assert not path.exists()


def test_a_file_that_others_could_read_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "gitsync.pid"
    path.touch(0o644)
    PidFile(path).write()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "thesis.txt"
    mine.write_text("two years of work\n")
    (tmp_path / "gitsync.pid").symlink_to(mine)
    with pytest.raises(UsageError, match="symbolic link"):
        PidFile(tmp_path / "gitsync.pid").check()
    PidFile(tmp_path / "gitsync.pid").write()
    assert mine.read_text() == "two years of work\n"
