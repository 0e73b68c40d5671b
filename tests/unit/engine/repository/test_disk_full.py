"""A disk without room: an error that says so, nothing lost, and no help needed once there is room again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.engine import Bench
from tests.needs import needs


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB; making one takes root."""
    place = tmp_path / "small"
    place.mkdir()
    needs("mount")
    argv = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if subprocess.run(argv, check=False, capture_output=True).returncode != 0:
        pytest.skip("may not mount a file system here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_an_error_until_there_is_room(small: Path) -> None:
    root = small / "work"
    root.mkdir()
    run_git(root, "init", "-q")
    bench = Bench(root, small / "notes-dir", quiet="2s")
    bench.write("a.txt", "one\n")
    bench.run(5.0)
    assert bench.is_committed()
    ballast = root / ".git/ballast"
    filled = subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4k"], check=False, capture_output=True)
    assert b"No space" in filled.stderr
    (root / "a.txt").write_bytes(b"")
    with ballast.open("r+b") as file:
        file.truncate(ballast.stat().st_size - 4096)
    bench.write("a.txt", "two\n")
    bench.run(300.0)
    status = bench.status()
    assert status.state is RepoState.ERROR
    assert status.error is not None
    assert status.error.code == "disk-full"
    assert (root / "a.txt").read_text() == "two\n"
    ballast.unlink()
    bench.run(120.0)
    assert bench.is_committed()
    assert bench.status().state is RepoState.OK
    run_git(root, "fsck", "--strict")
    bench.close()
