"""Many repositories in one daemon, and none of the user's inotify instances left for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import BIN, Machine, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


def test_a_daemon_that_may_not_have_an_inotify_instance_says_what_it_does_not_notice(box: Machine, hub: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-Ur", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("may not make a user namespace")
    root = box.repo(remote=hub)
    box.configure(root)
    script = 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"'
    with box.log.open("ab") as log:
        daemon = subprocess.Popen(
            [unshare, "-Ur", "sh", "-c", script, "sh", str(BIN / "gitsync"), "-v"],
            env=box.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=box.home,
        )
    try:
        wait_for("the daemon to answer", lambda: box.status().get("daemon"))
        wait_for("the notes", lambda: len(box.repo_status()["notes"]) == 2)
        watched, noticed = box.repo_status()["notes"]
        assert box.repo_status()["watch"] == "polling"
        assert noticed.startswith("pushes of others to origin are noticed only when it is looked at: ")
        for note in (watched, noticed):
            assert "to change that: sudo sysctl user.max_inotify_instances=" in note
        (root / "b.txt").write_text("b\n")
        box.wait_committed(root)
        wait_for("the push", lambda: run_git(hub, "rev-parse", "main") == run_git(root, "rev-parse", "HEAD"))
    finally:
        daemon.terminate()
        assert daemon.wait(30) == 0
