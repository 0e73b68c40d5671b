"""The short way to list a directory says the same as the long one."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from gitsync.watch.directories import list_directory
from gitsync.watch.syscalls import counts_subdirectories

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@pytest.mark.parametrize("place", ["disk", "memory"])
def test_a_directory_that_is_not_read_has_no_subdirectory(tmp_path: Path, place: str) -> None:
    root = tmp_path if place == "disk" else Path("/dev/shm", f"gitsync-{os.getpid()}")
    root.mkdir(exist_ok=True)
    try:
        if not counts_subdirectories(os.fsencode(root)):
            pytest.skip("a file system that does not count")
        device = root.stat().st_dev
        (root / "leaf").mkdir()
        (root / "leaf/f").touch()
        (root / "leaf/link").symlink_to(root)
        (root / "submodule").mkdir()
        (root / "submodule/.git").write_text("gitdir: elsewhere\n")
        (root / "above/below").mkdir(parents=True)
        (root / "emptied/gone").mkdir(parents=True)
        (root / "emptied/gone").rmdir()
        for directory in (root, *(path for path in root.iterdir() if path.is_dir())):
            name = os.fsencode(directory)
            read = list_directory(name)
            names, is_repository = list_directory(name, device)
            assert (sorted(read[0]), read[1]) == (sorted(names), is_repository)
            assert read == list_directory(name, device + 1)
    finally:
        if place == "memory":
            shutil.rmtree(root)
