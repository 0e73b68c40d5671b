"""Desktop notifications on a real session bus, with a small notification service of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for

SERVICE = """
import sys
from jeepney import HeaderFields, MessageType, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

with open_dbus_connection(bus="SESSION") as bus:
    bus.send_and_get_reply(message_bus.RequestName("org.freedesktop.Notifications"))
    print("ready", flush=True)
    count = 0
    while True:
        message = bus.receive()
        if message.header.message_type is MessageType.method_call:
            member = message.header.fields.get(HeaderFields.member)
            if member == "GetServerInformation":
                bus.send(new_method_return(message, "ssss", ("fake", "gitsync", "1", "1.2")))
            elif member == "GetCapabilities":
                bus.send(new_method_return(message, "as", (["body", "body-markup"],)))
            elif member == "Notify":
                app, replaces, _, summary, body, _, hints, _ = message.body
                count += 1
                print(repr((app, replaces, summary, body, hints["urgency"][1])), flush=True)
                bus.send(new_method_return(message, "u", (replaces or count,)))
"""


@pytest.fixture
def desktop(box: Machine, tmp_path: Path) -> Iterator[Path]:
    """A session bus with somebody who shows notifications; return the file that they are written to."""
    program = shutil.which("dbus-daemon")
    if program is None or shutil.which("notify-send") is None:
        if os.environ.get("CI"):
            pytest.fail("dbus-daemon or notify-send is not installed")
        pytest.skip("needs dbus-daemon and notify-send (Debian: dbus-daemon, libnotify-bin)")
    address = f"unix:path={tmp_path / 'bus'}"
    bus = subprocess.Popen(
        [program, "--session", "--nofork", "--nopidfile", "--nosyslog", f"--address={address}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    shown = tmp_path / "shown"
    box.env["DBUS_SESSION_BUS_ADDRESS"] = address
    service = None
    try:
        wait_for("the bus", (tmp_path / "bus").exists)
        with shown.open("wb") as stream:
            service = subprocess.Popen([sys.executable, "-c", SERVICE], env=box.env, stdout=stream)
        wait_for("the desktop", lambda: shown.read_text().startswith("ready"))
        yield shown
    finally:
        for process in (service, bus):
            if process is not None:
                process.terminate()
                process.wait(30)


def told(shown: Path) -> list[tuple[str, int, str, str, int]]:
    return [eval(line) for line in shown.read_text().splitlines()[1:]]  # what our own service wrote


def test_trouble_is_shown_once_and_its_end_takes_its_place(box: Machine, hub: Path, desktop: Path) -> None:
    root = box.repo(remote=hub.parent / "gone <b>.git")
    box.configure(root)
    box.start()
    ((app, replaces, summary, body, urgency),) = wait_for("a notification", lambda: told(desktop))
    assert (app, replaces, urgency) == ("gitsync", 0, 1)
    assert summary.startswith("notes: ")
    assert "gone &lt;b&gt;.git" in body
    assert f"git -C {root}" in body
    run_git(root, "remote", "set-url", "origin", str(hub))
    box.ctl("sync", "--wait")
    box.wait_state("ok")
    _, over = wait_for("another one", lambda: told(desktop) if len(told(desktop)) > 1 else None)
    assert over[1:3] == (1, "notes has recovered")
    assert over[4] == 0
    assert box.stop() == 0
    assert len(told(desktop)) == 2


def test_off_means_off(box: Machine, hub: Path, desktop: Path) -> None:
    root = box.repo(remote=hub.parent / "gone.git")
    box.configure(root)
    with box.config.open("a") as config:
        config.write('[daemon]\nnotify = "off"\n')
    box.start()
    box.wait_state("error")
    box.ctl("sync", "--wait")
    assert box.stop() == 0
    assert told(desktop) == []
