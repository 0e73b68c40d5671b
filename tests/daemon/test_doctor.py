"""`gitsyncctl doctor` against the real daemon, with three things broken on purpose, and without a daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conftest import run_git
from tests.daemon.harness import Machine
from tests.needs import needs


def examined(box: Machine, *argv: str) -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
    done = box.ctl("doctor", "--json", *argv)
    checks = json.loads(done.stdout)["checks"]
    for check in checks:
        assert check.keys() == {"id", "subject", "state", "message", "fix"}
        assert check["state"] in ("ok", "warning", "problem")
        assert (check["fix"] != "") == (check["state"] != "ok")
    return done.returncode, {(check["id"], check["subject"]): check for check in checks}


def test_it_finds_what_is_broken_and_nothing_else(box: Machine, hub: Path) -> None:
    fine, broken = box.repo(remote=hub), box.repo("papers", remote=hub.parent / "gone.git")
    (broken / ".gitattributes").write_text("*.bin filter=lfs\n")
    (broken / ".stfolder").mkdir()
    box.configure(fine, broken)
    box.start()
    box.wait_state("ok")
    assert box.process is not None
    status, found = examined(box)
    assert status == 1
    problems = {key for key, check in found.items() if check["state"] == "problem"}
    assert {("remote", "papers"), ("filters", "papers")} <= problems
    assert found["other-tool", "papers"]["state"] == "warning"
    assert str(box.process.pid) in found["daemon", ""]["message"]
    assert {subject for _, subject in problems} == {"papers"}


def test_a_name_limits_it_and_warnings_alone_are_no_failure(box: Machine, hub: Path) -> None:
    fine, broken = box.repo(remote=hub), box.repo("papers", remote=hub.parent / "gone.git")
    box.configure(fine, broken)
    box.start()
    box.wait_state("ok")
    run_git(fine, "config", "user.email", "")
    status, found = examined(box, "notes")
    assert status == 0
    assert found["identity", "notes"]["state"] == "warning"
    assert not any(subject == "papers" for _, subject in found)
    assert box.ctl("doctor", "notez").returncode == 2


def test_without_a_daemon_it_looks_from_here_and_says_so(box: Machine) -> None:
    box.configure(box.repo())
    done = box.ctl("doctor")
    assert done.returncode == 0
    assert "warning  daemon" in done.stdout
    assert "not running" in done.stdout
    assert "fix: start it: gitsync --daemon" in done.stdout
    assert "0 problems, " in done.stdout


def test_it_sees_the_environment_of_the_daemon_and_not_its_own(box: Machine, tmp_path: Path) -> None:
    needs("ssh")
    box.configure(box.repo())
    box.env["SSH_AUTH_SOCK"] = str(tmp_path / "nobody")
    box.start()
    del box.env["SSH_AUTH_SOCK"]
    _, found = examined(box)
    assert found["ssh-keys", ""]["state"] == "warning"
    assert "nobody" in found["ssh-keys", ""]["message"]
