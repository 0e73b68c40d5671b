"""gitsync@USER of a server, as its user is shown it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from gitsync.cli.service.server_unit import ServerUnit

USER = pwd.getpwuid(os.geteuid()).pw_name


@pytest.mark.parametrize(
    ("facts", "state", "hint", "reason"),
    [
        ("ActiveState=inactive", "stopped", f"sudo systemctl start gitsync@{USER}", f"gitsync@{USER}"),
        ("ActiveState=failed\nExecMainStatus=2", "failed", "sudo journalctl -u", "its configuration has a fault"),
        ("ActiveState=failed\nExecMainStatus=9", "failed", "sudo systemctl start", "status 9"),
        ("ActiveState=activating\nSubState=auto-restart\nExecMainStatus=70", "auto-restart", "journalctl", "a bug"),
        ("ActiveState=activating\nSubState=start", "starting", "journalctl", f"gitsync@{USER}"),
    ],
)
def test_its_condition_has_the_command_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facts: str, state: str, hint: str, reason: str
) -> None:
    (tmp_path / "systemctl").write_text(f"#!/bin/sh\necho '{facts}'\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert not ServerUnit(tmp_path).is_enabled
    (tmp_path / f"gitsync@{USER}.service").symlink_to("/usr/lib/systemd/system/gitsync@.service")
    unit = ServerUnit(tmp_path)
    assert unit.is_enabled
    found = unit.condition()
    assert found.state == state
    assert hint in found.hint
    assert reason in found.reason
