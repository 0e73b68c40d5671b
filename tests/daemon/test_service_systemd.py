"""gitsync as a user service of a real systemd: start, status, reload, watchdog, stop, socket activation."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.user_manager import BIN, UserManager

UNITS = Path(__file__).resolve().parents[2] / "contrib/systemd"
# Where the programs of this checkout are, and a log where the test can read it.
HERE = f"""\
[Service]
Environment=PATH={BIN}:/usr/bin:/bin
StandardOutput=append:%h/daemon.log
StandardError=append:%h/daemon.log
"""
# A daemon whose committer gets a second for a step and a filter that takes a minute.
IMPATIENT = """\
import sys
from gitsync.engine import owner
owner.STEP_PATIENCE_S = 1.0
from gitsync.daemon.main import main
sys.exit(main([]))
"""


@pytest.fixture
def session() -> Iterator[UserManager]:
    """A login with the units of contrib/systemd installed."""
    with UserManager() as manager:
        for unit in UNITS.iterdir():
            if "@" not in unit.name:
                manager.unit(unit.name, unit.read_text())
        manager.unit("gitsync.service.d/here.conf", HERE)
        manager.unit("gitsync-once.service.d/here.conf", HERE)
        manager.must("systemctl", "--user", "daemon-reload")
        yield manager


def enable(session: UserManager, unit: str = "gitsync") -> None:
    session.must("systemctl", "--user", "enable", "--now", unit)


def tune(session: UserManager, text: str) -> None:
    session.unit("gitsync.service.d/tune.conf", f"[Service]\n{text}\n")
    session.must("systemctl", "--user", "daemon-reload")


def is_clean(session: UserManager, root: Path) -> bool:
    return session.must("git", "-C", str(root), "--no-optional-locks", "status", "--porcelain") == ""


def test_the_units_are_correct_to_systemd_itself(session: UserManager) -> None:
    units = [str(session.home / ".config/systemd/user" / unit.name) for unit in UNITS.iterdir() if "@" not in unit.name]
    for argv in (["--user", "verify", *units], ["verify", str(UNITS / "gitsync@.service")]):
        ran = session.run("systemd-analyze", *argv)
        # It says nothing of a misspelt key in its status.
        assert (ran.status, ran.errors) == (0, "")
    session.unit("gitsync.socket.d/wrong.conf", "[Socket]\nSocketModus=0600\n")
    assert "SocketModus" in session.run("systemd-analyze", "--user", "verify", units[0], *units).errors


def test_enabled_it_is_up_when_it_answers_and_says_how_things_stand(session: UserManager) -> None:
    session.configure(session.repo())
    enable(session)
    # `enable --now` came back because it was ready: the first question is answered.
    document = json.loads(session.ctl("status", "--json").out)
    assert str(document["daemon"]["pid"]) == session.show("MainPID")
    assert session.show("StatusText") == "watching 1 repository"
    assert session.show("UnitFileState") == "enabled"
    session.must("mv", str(session.home / "notes"), str(session.home / "gone"))
    session.wait_for("the trouble to show", lambda: "notes: halted" in session.show("StatusText"))
    session.must("mv", str(session.home / "gone"), str(session.home / "notes"))
    session.ctl("resume", "notes", "--accept")
    session.wait_for("the recovery to show", lambda: session.show("StatusText") == "watching 1 repository")


def test_what_it_starts_knows_nothing_of_the_managers_socket(session: UserManager) -> None:
    root = session.repo()
    session.configure(root)
    config = session.home / ".config/gitsync/config.toml"
    session.write(".config/gitsync/config.toml", config.read_text() + '\n[hooks]\nafter_commit = ["env >~/seen"]\n')
    enable(session)
    session.write("notes/a.txt", "a\n")
    session.wait_for("the hook", lambda: session.run("test", "-s", str(session.home / "seen")).status == 0)
    seen = session.must("cat", str(session.home / "seen"))
    assert "GITSYNC_EVENT=" in seen
    assert not [line for line in seen.splitlines() if line.startswith(("NOTIFY_", "WATCHDOG_", "LISTEN_"))]


def test_a_reload_is_waited_for_and_one_with_a_fault_fails(session: UserManager) -> None:
    one, two = session.repo("one"), session.repo("two")
    session.configure(one)
    enable(session)
    session.configure(one, two)
    session.must("systemctl", "--user", "reload", "gitsync")
    assert session.show("StatusText") == "watching 2 repositories"
    assert session.show("ActiveState") == "active"
    session.write(".config/gitsync/config.toml", "[[repo]\n")
    assert session.systemctl("reload", "gitsync").status != 0
    assert session.show("StatusText") == "watching 2 repositories"
    assert session.show("ActiveState") == "active"


def test_a_stop_commits_what_is_pending(session: UserManager) -> None:
    root = session.repo()
    session.configure(root, quiet="1h")
    enable(session)
    session.write("notes/late.txt", "late\n")
    session.wait_for(
        "the edit to be seen", lambda: json.loads(session.ctl("status", "--json").out)["repos"][0]["pending"]
    )
    session.must("systemctl", "--user", "stop", "gitsync")
    assert is_clean(session, root)
    assert session.show("Result") == "success"
    assert session.show("ExecMainStatus") == "0"


@pytest.mark.parametrize("how", [pytest.param("all of it", marks=pytest.mark.soak), "the committer"])
def test_what_hangs_is_ended_by_the_watchdog_and_started_again(session: UserManager, how: str) -> None:
    root = session.repo()
    session.configure(root)
    # The pings come every second; a loaded machine may be late by another.
    stuck = ""
    if how == "the committer":
        session.write("impatient.py", IMPATIENT)
        stuck = f"ExecStart=\nExecStart={shlex.quote(sys.executable)} {session.home / 'impatient.py'}\n"
    tune(session, f"{stuck}WatchdogSec=4\nRestartSec=100ms\nTimeoutAbortSec=2")
    enable(session)
    before = session.show("MainPID")
    if how == "all of it":
        session.must("kill", "-STOP", before)
    else:
        session.must("git", "-C", str(root), "config", "filter.slow.clean", "sleep 50; cat")
        session.write("notes/.gitattributes", "*.slow filter=slow\n")
        session.write("notes/a.slow", "a\n")
    session.wait_for("another process", lambda: session.show("NRestarts") != "0")
    # Where each thread was is there to read.
    assert "Fatal Python error: Aborted" in (session.home / "daemon.log").read_text()
    if how == "the committer":
        assert "stuck: committer" in (session.home / "daemon.log").read_text()
        session.must("git", "-C", str(root), "config", "filter.slow.clean", "cat")
    session.wait_for("it to answer", lambda: session.show("MainPID") not in (before, "0") and is_clean(session, root))
    session.write("notes/after.txt", "after\n")
    session.wait_for("the commit", lambda: "after.txt" in session.must("git", "-C", str(root), "ls-files"))


def test_a_healthy_daemon_outlives_the_watchdog(session: UserManager) -> None:
    session.configure(session.repo())
    tune(session, "WatchdogSec=2")
    enable(session)
    before = session.show("MainPID")
    stamps: set[str] = set()

    def has_seen_three() -> bool:
        stamps.add(session.show("WatchdogTimestampMonotonic"))
        return len(stamps) > 3

    session.wait_for("three pings", has_seen_three)
    assert session.show("MainPID") == before
    assert session.show("NRestarts") == "0"


def test_a_configuration_with_a_fault_is_not_tried_again_and_is_told(session: UserManager) -> None:
    session.write(".config/gitsync/config.toml", "[[repo]\n")
    session.unit("gitsync-failed.service.d/here.conf", "[Service]\nExecStart=/bin/touch %h/told\n")
    session.must("systemctl", "--user", "daemon-reload")
    assert session.systemctl("start", "gitsync").status != 0
    assert session.show("NRestarts") == "0"
    assert session.show("ExecMainStatus") == "2"
    session.wait_for("the notice", lambda: session.run("test", "-e", str(session.home / "told")).status == 0)


def test_a_crash_is_followed_by_another_start(session: UserManager) -> None:
    session.configure(session.repo())
    tune(session, "RestartSec=100ms")
    enable(session)
    before = session.show("MainPID")
    session.must("kill", "-KILL", before)
    session.wait_for("another process", lambda: session.show("MainPID") not in (before, "0"))
    session.wait_for("it to be up", lambda: session.show("ActiveState") == "active")
    assert json.loads(session.ctl("status", "--json").out)["daemon"]["pid"] != int(before)


def test_the_first_question_starts_it_through_its_socket(session: UserManager) -> None:
    root = session.repo()
    session.configure(root)
    enable(session, "gitsync.socket")
    assert session.show("MainPID") == "0"
    session.write("notes/early.txt", "early\n")
    document = json.loads(session.ctl("status", "--json").out)
    assert str(document["daemon"]["pid"]) == session.show("MainPID")
    session.wait_for("the edit to be committed", lambda: is_clean(session, root))
    # The socket is the manager's: it stays, and the next question starts the daemon again.
    assert session.ctl("stop").status == 0
    session.wait_for("the end", lambda: session.show("MainPID") == "0")
    assert json.loads(session.ctl("status", "--json").out)["daemon"]["pid"] > 0


def test_its_socket_outlives_a_faulty_configuration(session: UserManager) -> None:
    session.configure(session.repo())
    good = (session.home / ".config/gitsync/config.toml").read_text()
    session.write(".config/gitsync/config.toml", good + "quiett = 3\n")
    enable(session, "gitsync.socket")
    for _ in range(5):
        ran = session.ctl("status")
        assert ran.status == 2
        assert "config.toml:6" in ran.errors
        assert "quiett" in ran.errors
    assert session.show("ActiveState", "gitsync.socket") == "active"
    assert "quiett" in session.show("StatusText")
    ran = session.ctl("service", "status")
    assert (ran.status, "config.toml:6" in ran.out) == (1, True)
    session.write(".config/gitsync/config.toml", good)
    document = json.loads(session.ctl("status", "--json").out)
    assert str(document["daemon"]["pid"]) == session.show("MainPID")
    assert session.show("NRestarts") == "0"


def test_a_socket_that_others_may_reach_is_refused(session: UserManager) -> None:
    session.configure(session.repo())
    session.unit("gitsync.socket.d/wide.conf", "[Socket]\nSocketMode=0666\n")
    session.must("systemctl", "--user", "daemon-reload")
    tune(session, "Restart=no")
    session.must("systemctl", "--user", "start", "gitsync.socket")
    assert session.systemctl("start", "gitsync").status != 0
    assert "must be accessible to you only" in (session.home / "daemon.log").read_text()


def test_the_log_tells_a_story_one_line_each(session: UserManager) -> None:
    root = session.repo()
    session.configure(root)
    enable(session)
    session.write("notes/a.txt", "a\n")
    session.wait_for("the commit", lambda: is_clean(session, root))
    assert session.ctl("pause").status == session.ctl("resume").status == 0
    # The scan that a resume begins is over before the directory goes.
    session.wait_for("rest", lambda: json.loads(session.ctl("status", "--json").out)["repos"][0]["state"] == "ok")
    session.must("mv", str(root), f"{root}-gone")
    log = session.home / "daemon.log"
    session.wait_for("the halt", lambda: "notes: " in log.read_text().rpartition("resumed notes\n")[2])
    session.must("systemctl", "--user", "stop", "gitsync")
    told = [line.split(maxsplit=1)[1] for line in log.read_text().splitlines()]
    assert [line.split()[0] for line in told] == ["watching", "committed", "paused", "resumed", "notes:", "stopping:"]


def test_the_timer_needs_no_daemon(session: UserManager) -> None:
    root = session.repo()
    session.configure(root)
    session.write("notes/a.txt", "a\n")
    enable(session, "gitsync-once.timer")
    assert session.show("NextElapseUSecRealtime", "gitsync-once.timer")
    session.must("systemctl", "--user", "start", "gitsync-once.service")
    assert is_clean(session, root)
    enable(session)
    session.must("systemctl", "--user", "start", "gitsync-once.service")
