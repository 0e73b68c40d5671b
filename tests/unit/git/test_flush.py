"""A power cut leaves no branch that is ahead of its objects, whichever way these are brought to the disk."""

from __future__ import annotations

import builtins
import ctypes
import errno
import io
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gitsync.errors import TransientError
from gitsync.git.flush import flush
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.unit.git.conftest import assert_clean, commit, stage

EXT4 = (0xEF53).to_bytes(2, sys.byteorder)


class Disk:
    """Remembers which contents and which names a power cut would leave, and counts the flushes."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch, *, is_quiet: bool) -> None:
        self._top = top
        self.is_quiet = is_quiet
        self._safe: set[tuple[int, ...] | tuple[int, str]] = set()
        self.flushes = 0
        monkeypatch.setattr(os, "fsync", self._fsync)
        monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(fstatfs=_statfs, syncfs=self._syncfs))

    def _fsync(self, handle: int) -> None:
        self.flushes += 1
        self._keep(handle)

    def _syncfs(self, handle: int) -> int:
        self.flushes += 1
        for place, _, files in os.walk(self._top):
            for each in (place, *(os.path.join(place, name) for name in files)):
                self._keep(each)
        return 0

    def _keep(self, what: int | str) -> None:
        facts = os.stat(what)
        if stat.S_ISDIR(facts.st_mode):
            self._safe |= {(facts.st_ino, name) for name in os.listdir(what)}
        else:
            self._safe.add((facts.st_ino, facts.st_size, facts.st_mtime_ns))

    def is_kept(self, path: Path, *, also_its_name: bool = True) -> bool:
        facts = path.stat()
        is_named = not also_its_name or (path.parent.stat().st_ino, path.name) in self._safe
        return is_named and (facts.st_ino, facts.st_size, facts.st_mtime_ns) in self._safe


def _statfs(handle: int, facts: Any) -> int:
    facts[:2] = EXT4
    return 0


def say_waiting(monkeypatch: pytest.MonkeyPatch, kilobytes: int) -> None:
    real = builtins.open

    def opened(path: Any, *args: Any, **options: Any) -> Any:
        is_asked = path == "/proc/meminfo"
        return io.BytesIO(b"Dirty: %d kB\n" % kilobytes) if is_asked else real(path, *args, **options)

    monkeypatch.setattr(builtins, "open", opened)


@pytest.fixture(params=[0, 1 << 20], ids=["together", "one by one"])
def disk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    say_waiting(monkeypatch, request.param)
    return Disk(tmp_path, monkeypatch, is_quiet=not request.param)


def watch_moves(monkeypatch: pytest.MonkeyPatch, on_move: Callable[[Path], None]) -> None:
    """Call `on_move` with the lock of the branch just before it becomes the branch."""
    real = os.rename

    def rename(old: str, new: str) -> None:
        if new.endswith("refs/heads/main"):
            on_move(Path(old))
        real(old, new)

    monkeypatch.setattr(os, "rename", rename)


@pytest.mark.parametrize("count", [3, 150])
def test_the_branch_moves_to_what_is_on_the_disk(
    count: int, disk: Disk, repo: Path, worktree: Worktree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects, old, moved = repo / ".git/objects", run_git(repo, "rev-parse", "HEAD"), []
    (repo / "dir/deep").mkdir(parents=True)
    for number in range(count):
        (repo / f"dir/deep/{number}.txt").write_text(f"{number}\n")
    run_git(repo, "hash-object", "-w", "dir/deep/1.txt")  # git does not sync it

    def check(lock: Path) -> None:
        moved.append(disk.flushes)
        new = lock.read_text().strip()
        lines = run_git(repo, "rev-list", "--objects", new, f"^{old}").splitlines()
        loose = [objects / line[:2] / line[2:40] for line in lines]
        packed = list(objects.glob("pack/*"))
        assert bool(packed) is (count > 100)
        assert all(disk.is_kept(path) for path in packed or loose)
        assert disk.is_kept(lock, also_its_name=False)
        assert all(disk.is_kept(note, also_its_name=False) for note in (tmp_path / "notes").glob("index-intent.json"))

    watch_moves(monkeypatch, check)
    staged = stage(worktree)
    with monkeypatch.context() as patched:

        def refuse() -> None:
            raise TransientError("git is at work", "", code="index-locked")

        patched.setattr(worktree, "check_calm", refuse)
        with pytest.raises(TransientError):
            worktree.commit(staged, "given up")
    disk.flushes = 0
    assert commit(worktree) is not None
    assert len(moved) == 1
    if disk.is_quiet:
        assert moved[0] <= 6
    assert_clean(repo)


@pytest.mark.parametrize("trouble", [{"syncfs": -1}, {"fstatfs": -1}, {"release": "5.4.0"}, {}])
def test_what_is_not_known_to_be_written_together_is_written_by_itself(
    trouble: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [str(tmp_path / name) for name in "ab"]
    for path in paths:
        Path(path).write_text("x")
    say_waiting(monkeypatch, 0)
    release = trouble.get("release", "6.1.0")
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "", release, "", "")))
    calls = {"fstatfs": _statfs, "syncfs": lambda handle: 0}
    calls |= {name: lambda *_: -1 for name in trouble if name in calls}
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(**calls))
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    flush([*paths, str(tmp_path / "gone")])
    assert synced == ([os.stat(path).st_ino for path in paths] if trouble else [])


def test_an_error_of_the_disk_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        flush([str(tmp_path)])


@pytest.mark.skipif(sys.platform != "linux", reason="syncfs and statfs are Linux's")
def test_the_real_calls_are_made_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    say_waiting(monkeypatch, 0)
    (tmp_path / "a").touch()
    flush([str(tmp_path), str(tmp_path / "a")])
