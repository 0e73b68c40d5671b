"""Which events become desktop notifications, and what these look like; showing them is in the daemon tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitsync import proc
from gitsync.daemon import notify
from gitsync.daemon.notify import Notification, Notifier, is_wanted, notification, show_on_desktop, together
from tests.fakes.clock import FakeClock

PROBLEM = {
    "event": "problem",
    "repo": "notes",
    "message": "notes: origin did not let us in; ssh-add",
    "hint": "ssh-add",
    "title": "notes: the remote denied access",
    "severity": "problem",
}
OFFLINE = {**PROBLEM, "severity": "info"}
RECOVERED = {"event": "recovered", "repo": "notes", "message": "notes: auth is over", "severity": "problem", "hint": ""}
BACK = {**RECOVERED, "severity": "info"}
PULLED = {"event": "pulled", "repo": "notes", "message": "pulled origin/main into notes: 3 files"}
COMMITTED = {**PULLED, "event": "committed"}
UNSEEN = {**PULLED, "event": "unseen", "message": "notes: the machine desk was last seen 3 d ago"}


@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        ("off", []),
        ("problems", [PROBLEM, RECOVERED, UNSEEN]),
        ("all", [PROBLEM, OFFLINE, RECOVERED, BACK, PULLED, UNSEEN]),
    ],
)
def test_the_option_says_what_is_shown(policy: str, shown: list[dict[str, Any]]) -> None:
    events = [PROBLEM, OFFLINE, RECOVERED, BACK, PULLED, COMMITTED, UNSEEN]
    assert [event for event in events if is_wanted(policy, event)] == shown


def test_it_names_the_repository_what_and_the_hint() -> None:
    assert notification(PROBLEM) == Notification(
        "notes", "notes: the remote denied access", "notes: origin did not let us in\nssh-add", notify.NORMAL
    )
    assert notification(RECOVERED).body == "notes: auth is over"
    assert notification(PULLED).summary == "notes: pulled"


def test_of_one_repository_the_last_is_shown_and_of_many_one_for_all() -> None:
    each = [Notification(name, f"{name}: x", "") for name in "aabc"]
    assert together(each) == each[1:]
    (one,) = together([Notification(f"r{n}", f"r{n}: x", "") for n in range(7)])
    assert one.summary == "gitsync: 7 repositories"
    assert one.body.splitlines()[-1] == "and 2 more; see: gitsyncctl status"


class Desktop:
    """What is shown, with the number that it replaces; the desktop numbers from 7. Without one every try fails."""

    def __init__(self, *, is_there: bool = True) -> None:
        self.is_there = is_there
        self.shown: list[tuple[Notification, int]] = []
        self.tries = 0

    def show(self, wanted: Notification, replaces: int, **_: object) -> proc.Completed:
        self.tries += 1
        if not self.is_there:
            return proc.Completed(("x",), 3, b"", b"")
        self.shown.append((wanted, replaces))
        return proc.Completed(("x",), 0, f"{replaces or 6 + len(self.shown)}\n".encode(), b"")

    def notifier(self) -> Notifier:
        return Notifier("problems", FakeClock(), lambda _: None, show=self.show)


def test_what_comes_at_once_is_gathered_and_a_later_one_takes_the_place() -> None:
    desktop = Desktop()
    notifier = desktop.notifier()
    assert notifier.wake_at() is None
    notifier.step(PROBLEM, 10.0)
    assert notifier.wake_at() == 10.0 + notify.GATHER_S
    notifier.step(OFFLINE, 10.5)
    assert desktop.shown == []
    notifier.step(None, 11.0)
    notifier.step(RECOVERED, 20.0)
    notifier.step(None, 21.0)
    assert [(wanted.key, replaces) for wanted, replaces in desktop.shown] == [("notes", 0), ("notes", 7)]
    assert notifier.wake_at() is None


def test_a_machine_without_a_desktop_is_told_of_once_and_not_tried_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    desktop = Desktop(is_there=False)
    caplog.set_level("DEBUG", "gitsync.daemon.notify")
    notifier = desktop.notifier()
    notifier.step(PROBLEM, 1.0)
    while (at := notifier.wake_at()) is not None:
        notifier.step(None, at)
    assert desktop.tries == notify.RETRIES + 1
    notifier.step(RECOVERED, 9000.0)
    notifier.step(None, 9001.0)
    assert (desktop.tries, notifier.wake_at()) == (notify.RETRIES + 2, None)
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
    assert "there is no desktop" in caplog.text


def test_a_desktop_that_is_late_shows_what_it_missed() -> None:
    desktop = Desktop(is_there=False)
    notifier = desktop.notifier()
    notifier.step(PROBLEM, 1.0)
    notifier.step(None, 2.0)
    desktop.is_there = True
    notifier.step(None, 2.0 + notify.RETRY_S)
    assert [wanted.key for wanted, _ in desktop.shown] == ["notes"]
    assert notifier.wake_at() is None


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notify-send that writes down its arguments, a line each; return the file."""
    monkeypatch.setattr("sys.platform", "linux")
    written = tmp_path / "arguments"
    script = tmp_path / "notify-send"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{written}\necho 9\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    return written


def test_a_notification_takes_the_place_of_an_earlier_one_and_its_text_is_no_markup(program: Path) -> None:
    done = show_on_desktop(Notification("notes", "-notes: error", "<b> & a\\n"), 7)
    assert done.stdout == b"9\n"
    *options, end, summary, body = program.read_text().splitlines()
    assert "--replace-id=7" in options
    assert "--urgency=normal" in options
    assert (end, summary, body) == ("--", "-notes: error", "&lt;b&gt; &amp; a\\\\n")


def test_without_a_session_no_bus_is_started(program: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="no desktop"):
        show_on_desktop(notification(PROBLEM), 0)
    assert not program.exists()
    (tmp_path / "bus").touch()
    assert show_on_desktop(notification(PROBLEM), 0).ok
