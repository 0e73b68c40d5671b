"""The daemon on what passes for a Mac: its names, its permissions, what FSEvents drops, its flushes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for
from tests.fakes import mac


def test_the_daemon_goes_the_ways_of_macos(box: Machine) -> None:
    root = box.repo()
    run_git(root, "config", "core.precomposeunicode", "true")
    box.configure(root)
    drop, flushed = box.home / "drop", box.home / "flushed"
    box.env |= {
        "GITSYNC_SOCKET": str(box.run_dir / "s"),
        "GITSYNC_CONFIG": str(box.config),
        "PYTHONPATH": str(Path(mac.__file__).parents[2]),
        "FSEVENTS_DROP": str(drop),
        "FLUSHED": str(flushed),
    }
    with box.log.open("ab") as log:
        box.process = subprocess.Popen(
            [sys.executable, mac.__file__, "-v"], env=box.env, cwd=box.home, stdin=subprocess.DEVNULL, stderr=log
        )
    wait_for("the daemon to answer", lambda: box.status().get("daemon"))

    # FSEvents reports the name in decomposed form; git has one file, in the other form.
    (root / "\u00e4.txt").write_text("one\n")
    (root / "first.txt").chmod(0o755)
    box.wait_committed(root)
    listed = os.fsencode(run_git(root, "ls-files", "-z")).split(b"\0")
    assert "\u00e4.txt".encode() in listed
    assert "a\u0308.txt".encode() not in listed
    assert run_git(root, "ls-files", "--stage", "first.txt").startswith("100755")

    drop.touch()
    (root / "unseen.txt").write_text("unseen\n")
    box.wait_committed(root)
    assert "FSEvents lost events (must_scan_subdirs)" in box.log.read_text()
    assert box.stop(signal.SIGTERM) == 0
    assert int(flushed.read_text()) > 5
