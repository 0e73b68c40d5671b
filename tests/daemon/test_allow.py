"""`allow` commits a file that is held back, and no other one."""

from __future__ import annotations

import json

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"


def test_one_file_is_allowed_and_the_other_stays_held_back(box: Machine) -> None:
    root = box.repo()
    box.configure(root, extra='max_file_size = "1kB"\n')
    (root / "film").write_text("x" * 5000)
    (root / "id_rsa").write_text(KEY)
    (root / "staged").write_text("the user's\n")
    run_git(root, "add", "staged")
    box.start()
    wait_for("both to be held back", lambda: len(box.repo_status()["quarantined"]) == 2)
    done = box.ctl("allow", str(root / "film"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["allowed"][0]["paths"] == ["film"]
    assert run_git(root, "show", "--name-only", "--format=", "HEAD") == "film"
    wait_for("the film to be forgotten", lambda: [e["path"] for e in box.repo_status()["quarantined"]] == ["id_rsa"])
    (root / "film").write_text("y" * 6000)
    wait_for("its change", lambda: run_git(root, "show", "HEAD:film") == "y" * 6000)

    again = box.ctl("allow", str(root / "film"))
    assert (again.returncode, "is not held back" in again.stderr) == (4, True)
    box.stop()
    assert box.ctl("allow", str(root / "id_rsa")).returncode == 0  # without a daemon
    assert run_git(root, "show", "HEAD:id_rsa") == KEY.rstrip("\n")
    assert box.ctl("allow", str(box.home / "elsewhere")).returncode == 2
