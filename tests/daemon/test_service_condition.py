"""A service that does not run is shown as what it is, by status, doctor and service status, with the next command."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.user_manager import BIN, UserManager

CONFIG = ".config/gitsync/config.toml"


@pytest.fixture
def session() -> Iterator[UserManager]:
    """A login where gitsync is installed as a service and runs."""
    with UserManager() as manager:
        manager.configure(manager.repo())
        assert manager.ctl("service", "install").status == 0
        yield manager


def shown(session: UserManager, *argv: str) -> tuple[int, dict[str, Any]]:
    ran = session.ctl(*argv, "--json")
    document: dict[str, Any] = json.loads(ran.out)
    return ran.status, document


def check(session: UserManager, state: str, hint: str, *, reason: str = "") -> None:
    """Check that status, doctor and service status all name the state, the reason and the next command."""
    status, document = shown(session, "status")
    service = document["service"]
    assert (status, service["state"]) == (1, state), f"{document}\n{session.story()}"
    assert hint in service["hint"]
    assert reason in service["reason"]
    text = " ".join(session.ctl("service", "status").out.split())
    assert hint in text, text
    assert reason in text, text
    assert "gitsync --daemon" not in text


def check_everywhere(session: UserManager, state: str, hint: str, *, reason: str) -> None:
    """Check what people read of it in status and doctor, too."""
    check(session, state, hint, reason=reason)
    text = " ".join(session.ctl("status").out.split())
    assert hint in text, text
    assert reason in text, text
    assert "gitsync --daemon" not in text
    assert f"the service is {state}" in session.ctl("status", "--short").out
    status, document = shown(session, "doctor")
    found = next(each for each in document["checks"] if each["id"] == "service")
    assert (status, found["state"], found["service"]["state"]) == (1, "problem", state)


def check_hung(session: UserManager) -> None:
    """Check that a daemon that hangs is named within three seconds."""
    pid = session.show("MainPID")
    session.must("kill", "-STOP", pid)
    try:
        for argv in (["status"], ["service", "status"]):
            began = time.monotonic()
            ran = session.ctl(*argv)
            assert time.monotonic() - began < 3.0
            assert ran.status in (1, 4)
            told = " ".join((ran.out + ran.errors).split())
            assert "does not answer" in told
            assert pid in told
            assert "for systemd it is active (running)" in told
            assert "systemctl --user restart gitsync" in told
    finally:
        session.must("kill", "-CONT", pid)


def test_each_way_not_to_run_has_its_name_its_reason_and_the_next_command(session: UserManager) -> None:
    assert shown(session, "status")[1]["service"] is None
    check_hung(session)
    good = (session.home / CONFIG).read_text()
    session.write(CONFIG, good + "quiett = 3\n")
    # A refused reload is shown, until the file is fixed: then it is made up for.
    assert session.ctl("reload").status == 2
    status, document = shown(session, "status")
    assert (status, "quiett" in document["refused_reload"]["message"]) == (1, True)
    assert "the configuration is not taken over" in session.ctl("status").out
    session.write(CONFIG, good)
    session.wait_for("the file to be taken over", lambda: shown(session, "status")[1]["refused_reload"] is None)
    assert shown(session, "status")[0] == 0

    session.write(CONFIG, good + "quiett = 3\n")
    session.systemctl("restart", "gitsync")
    check_everywhere(session, "failed", "systemctl --user start gitsync", reason="quiett")
    session.write(CONFIG, good)
    session.must("systemctl", "--user", "start", "gitsync")
    assert shown(session, "status")[0] == 0

    session.must("systemctl", "--user", "stop", "gitsync")
    check(session, "stopped", "systemctl --user start gitsync")
    ran = session.ctl("pause", "notes")
    assert (ran.status, "systemctl --user start gitsync" in ran.errors) == (3, True)
    # The last line of a command that sets something up does not have it started by hand either.
    ran = session.ctl("watch", str(session.repo("more")))
    assert (ran.status, "systemctl --user start gitsync" in ran.out, "--daemon" in ran.out) == (0, True, False)
    session.must("systemctl", "--user", "disable", "gitsync")
    check(session, "disabled", "systemctl --user enable --now gitsync")
    session.must("systemctl", "--user", "enable", "gitsync")
    session.must(str(BIN / "gitsync"), "--daemon")
    check(session, "by-hand", "gitsyncctl stop && systemctl --user start gitsync", reason="started by hand")
    assert "started by hand" in session.ctl("status", "--short").out
    # With a mask on purpose, a daemon that is started by hand is nothing to complain about.
    session.must("rm", str(session.home / ".config/systemd/user/gitsync.service"))
    session.must("systemctl", "--user", "mask", "gitsync")
    status, document = shown(session, "status")
    assert (status, document["service"]["state"]) == (0, "masked")
    assert session.ctl("stop").status == 0
    check(session, "masked", "systemctl --user unmask gitsync")


def test_a_service_that_ends_again_and_again_is_shown_as_that(session: UserManager) -> None:
    session.unit(
        "gitsync.service.d/quick.conf", "[Service]\nExecStart=\nExecStart=/bin/sh -c 'exit 9'\nRestartSec=60\n"
    )
    session.must("systemctl", "--user", "daemon-reload")
    session.systemctl("restart", "gitsync")
    check(session, "auto-restart", "journalctl --user -u gitsync", reason="status 9")
    # A loop of crashes ends; restarts by hand, which count as well, do not come near its limit.
    session.unit(
        "gitsync.service.d/quick.conf", "[Service]\nExecStart=\nExecStart=/bin/sh -c 'exit 9'\nRestartSec=1ms\n"
    )
    session.must("systemctl", "--user", "daemon-reload")
    session.systemctl("restart", "gitsync")
    session.wait_for("the end of the loop", lambda: session.show("ActiveState") == "failed")
    assert int(session.show("NRestarts")) > 20
    check(session, "failed", "systemctl --user reset-failed gitsync && systemctl --user start gitsync")
