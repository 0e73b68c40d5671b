"""A daemon without descriptors to spare, and programs that run as another user than the home directory's."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for


@pytest.mark.parametrize("has_asked", [False, True])
def test_connections_beyond_all_descriptors_lock_nobody_out(box: Machine, has_asked: bool) -> None:
    root = box.repo()
    box.configure(root)
    box.start(files=64)
    held: list[socket.socket] = []
    try:
        for _ in range(70):
            held.append(socket.socket(socket.AF_UNIX))
            held[-1].settimeout(0.2)
            try:
                held[-1].connect(str(box.run_dir / "gitsync/socket"))
                if has_asked:
                    held[-1].sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "status"}\n')
            except OSError:
                continue  # its queue is full: one more that waits
        head = run_git(root, "rev-parse", "HEAD")
        began = time.monotonic()
        assert box.status()["daemon"] is not None
        took = time.monotonic() - began
        (root / "b.txt").write_text("b")
        wait_for("the save", lambda: run_git(root, "rev-parse", "HEAD") != head, 10)
    finally:
        for each in held:
            each.close()
    assert took < 5, "a second, on a machine that others load as well"
    assert box.process is not None
    assert box.process.poll() is None
    box.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can run as another user than its home directory's")
@pytest.mark.parametrize(
    "argv", [("gitsync", "--once"), ("gitsync",), ("gitsyncctl", "status"), ("gitsyncctl", "sync")]
)
def test_the_home_directory_of_another_user_is_left_alone(box: Machine, argv: tuple[str, ...]) -> None:
    root = box.repo()
    box.configure(root)
    (root / "b.txt").write_text("b")
    os.chown(box.home, 12345, -1)
    before = sorted(Path(box.home).rglob("*"))
    done = box.gitsync(*argv[1:]) if argv[0] == "gitsync" else box.ctl(*argv[1:])
    assert done.returncode == 2, done
    assert "belongs to another user (12345)" in done.stderr
    assert "hint: run it without sudo" in done.stderr
    assert sorted(Path(box.home).rglob("*")) == before
    os.chown(box.home, 0, -1)
