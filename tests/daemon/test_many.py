"""Many repositories in one daemon, and none of the user's inotify instances left for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import BIN, Machine, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


def test_sixteen_repositories_have_one_inotify_instance_and_a_thread_each(box: Machine, hub: Path) -> None:
    first = box.repo("r0", remote=hub)
    roots = [first]
    for number in range(1, 16):
        roots.append(box.home / f"r{number}")
        shutil.copytree(first, roots[-1])
        if number % 3:
            run_git(roots[-1], "remote", "remove", "origin")
    box.write_config(
        '[defaults]\nquiet = "50ms"\npush = "0s"\n' + "".join(f'[[repo]]\npath = "{root}"\n' for root in roots)
    )
    box.start()
    (roots[7] / "b.txt").write_text("b\n")
    box.wait_committed(roots[7])
    assert box.process is not None
    process = Path("/proc", str(box.process.pid))
    wait_for("the exchangers to rest", lambda: len(list((process / "task").iterdir())) <= len(roots) + 12)
    opened = [os.readlink(entry) for entry in (process / "fd").iterdir() if entry.is_symlink()]
    assert opened.count("anon_inode:inotify") == 1
    assert len(opened) <= 2 * len(roots) + 60
    head = run_git(hub, "rev-parse", "main")
    # An exchanger without a thread hears of a commit, and of a push.
    (roots[3] / "c.txt").write_text("c\n")
    wait_for("the push", lambda: run_git(hub, "rev-parse", "main") != head)
    wait_for("the pull", lambda: (roots[12] / "c.txt").exists())
    assert box.stop() == 0


def test_a_single_pass_compares_each_repository_once(box: Machine) -> None:
    clean, dirty = box.repo("clean"), box.repo("dirty")
    box.configure(clean, dirty)
    (dirty / "b.txt").write_text("b\n")
    done = box.gitsync("--once", "-v")
    assert done.returncode == 0
    assert done.stderr.count("clean: scanned differing=0") == 1
    assert done.stderr.count("dirty: scanned differing=") == 1
    assert run_git(dirty, "status", "--porcelain") == ""


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
