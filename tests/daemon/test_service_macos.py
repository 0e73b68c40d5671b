"""`gitsyncctl service` on what passes for a Mac: a launchd that answers late and keeps its agent alive."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.harness import Machine, wait_for
from tests.fakes import launchctl, mac

PLIST = "Library/LaunchAgents/org.gitsync.gitsync.plist"


class Mac:
    """A user's session on it."""

    def __init__(self, box: Machine, place: Path) -> None:
        self.box, self.place = box, place
        program = place / "launchctl"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{launchctl.__file__}" "$@"\n')
        program.chmod(0o755)
        box.env |= {
            "LAUNCHD": str(place),
            "PATH": f"{place}:{box.env['PATH']}",
            "PYTHONPATH": str(Path(mac.__file__).parents[2]),
            "GITSYNC_SOCKET": str(box.run_dir / "s"),
            "GITSYNC_CONFIG": str(box.config),
        }

    def ctl(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run the control command."""
        command = [sys.executable, mac.__file__, "ctl", *argv]
        return subprocess.run(command, env=self.box.env, check=False, capture_output=True, text=True, timeout=60)

    def service(self) -> dict[str, Any]:
        """Return the state of the service."""
        document: dict[str, Any] = json.loads(self.ctl("service", "status", "--json").stdout)
        return document

    def agent(self) -> dict[str, Any] | None:
        """Return what launchd knows of it."""
        try:
            found: dict[str, Any] = json.loads((self.place / "agent").read_text())
        except FileNotFoundError:
            return None
        return found


@pytest.fixture
def apple(box: Machine, tmp_path: Path) -> Iterator[Mac]:
    place = tmp_path / "launchd"
    place.mkdir()
    found = Mac(box, place)
    try:
        yield found
    finally:
        subprocess.run([place / "launchctl", "bootout", "gui/0/it"], env=box.env, check=False, capture_output=True)
        wait_for("the agent to end", lambda: found.agent() is None)


@pytest.mark.soak
def test_an_agent_is_installed_kept_alive_and_removed(apple: Mac) -> None:
    box = apple.box
    root = box.repo()
    box.configure(root)
    done = apple.ctl("service", "install")
    assert done.returncode == 0, done.stderr
    plist = box.home / PLIST
    service = apple.service()
    assert (service["state"], service["pid"]) == ("running", service["daemon"]["pid"])
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)

    # Installed again with a plist that was edited: the edited one is kept, and launchd's refusals are waited for.
    plist.write_text(plist.read_text().replace("<integer>30</integer>", "<integer>31</integer>"))
    edited = plist.read_text()
    done = apple.ctl("service", "install")
    assert done.returncode == 0, done.stderr
    assert Path(f"{plist}.bak").read_text() == edited
    assert apple.service()["state"] == "running"

    # A crash is followed by another start, a fault in the configuration by none.
    before = apple.agent()
    assert before is not None
    good = box.config.read_text()
    subprocess.run(["kill", "-KILL", str(before["pid"])], check=True)
    wait_for("another start", lambda: (apple.agent() or before)["pid"] not in (0, before["pid"]))
    wait_for("it to answer", lambda: apple.service()["daemon"])
    box.write_config(good + "quiett = 3\n")
    subprocess.run(["kill", "-KILL", str((apple.agent() or before)["pid"])], check=True)
    wait_for("its end", lambda: (apple.agent() or before)["exit"] == 0)
    time.sleep(3 * launchctl.THROTTLE_S)
    assert (apple.agent() or before)["pid"] == 0
    shown = apple.ctl("status")
    assert shown.returncode == 1
    assert "the service has failed" in " ".join(shown.stdout.split())
    assert "quiett" in shown.stdout
    box.write_config(good)

    done = apple.ctl("service", "uninstall")
    assert done.returncode == 0, done.stderr
    assert apple.agent() is None
    assert [path.name for path in plist.parent.iterdir()] == [f"{plist.name}.bak"]
