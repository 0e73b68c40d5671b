"""The lock of a job: one run at a time, by whichever process, and nothing that a death leaves behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitsync.engine.job import locked
from gitsync.errors import AlreadyRunningError, TransientError


@contextmanager
def held_by_another_process(path: Path) -> Iterator[int]:
    said, told = os.pipe()
    pid = os.fork()
    if not pid:
        with locked(path, "theirs"):
            os.write(told, b"x")
            signal.pause()
    try:
        os.read(said, 1)
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(said)
        os.close(told)


def test_another_process_is_named_and_its_death_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        held_by_another_process(path) as pid,
        pytest.raises(AlreadyRunningError, match=f"mine is being run by another gitsync with PID {pid}"),
        locked(path, "mine", lambda: False),
    ):
        pass
    with locked(path, "mine"):
        pass


def test_a_job_of_the_same_process_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = locked(path, "first")
    first.__enter__()
    asked: list[int] = []

    def is_cancelled() -> bool:
        asked.append(1)
        if len(asked) == 2:
            first.__exit__(None, None, None)
        return False

    with locked(path, "second", is_cancelled):
        assert len(asked) == 2


def test_a_wait_ends_when_it_is_cancelled_and_who_cannot_wait_is_told(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, "first"):
        with pytest.raises(TransientError) as told, locked(path, "second", lambda: True):
            pass
        assert told.value.code == "cancelled"
        with pytest.raises(AlreadyRunningError, match="second is running"), locked(path, "second"):
            pass
