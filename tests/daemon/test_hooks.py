"""Hook commands of a real daemon, beside one that hangs."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for


def test_hooks_run_and_one_that_hangs_holds_up_neither_commits_nor_the_stop(box: Machine, hub: Path) -> None:
    root = box.repo(remote=hub)
    box.configure(root)
    done = box.home / "done"
    line = f'echo "$GITSYNC_EVENT $GITSYNC_REPO $(git log -1 --format=%s)" >>"{done}"'
    hooks = f"""
[hooks]
after_commit = ['''{line}''', "echo words of the hook"]
after_sync = ['''{line}; exec sleep 600''']
"""
    box.write_config(box.config.read_text() + hooks)
    box.start()
    wait_for("the hook after the push", lambda: done.exists() and "pushed notes first\n" in done.read_text())
    for name in ("a.txt", "b.txt"):
        (root / name).write_text("x\n")
        box.wait_committed(root)
        wait_for("the push", lambda: run_git(hub, "rev-parse", "main") == run_git(root, "rev-parse", "HEAD"))
    assert box.repo_status()["state"] in ("ok", "syncing", "pending")
    assert box.stop() == 0
    assert "Traceback" not in box.log.read_text()


def test_what_a_hook_says_is_in_the_log(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.write_config(box.config.read_text() + '\n[hooks]\nafter_commit = ["echo words of $GITSYNC_EVENT"]\n')
    box.start()
    (root / "a.txt").write_text("x\n")
    box.wait_committed(root)
    wait_for("the words", lambda: "words of committed" in box.log.read_text())
