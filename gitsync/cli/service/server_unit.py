"""gitsync@USER, the unit of the system that runs gitsync for a user of a server. The control command's only thread.

An administrator starts it, so its user gets the command to ask for. It is there when the link that enables it is.
"""

from __future__ import annotations

import os
from pathlib import Path

from gitsync.cli.service.condition import Condition
from gitsync.cli.service.ends import ENDS
from gitsync.cli.service.kind import State, run_manager
from gitsync.errors import GitsyncError

LINKS = Path("/etc/systemd/system/multi-user.target.wants")
_STATES = {"failed": "failed", "activating": "starting", "deactivating": "stopping", "active": "running"}


class ServerUnit:
    """The unit of this process's user; `links` is where units are enabled."""

    name = "systemd"

    def __init__(self, links: Path = LINKS) -> None:
        self.unit = f"gitsync@{_user()}"
        self.file = links / f"{self.unit}.service"

    @property
    def is_enabled(self) -> bool:
        """Whether the system starts it at boot."""
        return os.path.lexists(self.file)

    def condition(self) -> Condition:
        """Return its condition while no daemon answers."""
        wanted = [word for name in ("ActiveState", "SubState", "ExecMainStatus") for word in ("--property", name)]
        try:
            said = run_manager("systemctl", "show", *wanted, f"{self.unit}.service").stdout.decode("utf-8", "replace")
        except GitsyncError:
            said = ""
        shown = dict(line.partition("=")[::2] for line in said.splitlines())
        state = _STATES.get(shown.get("ActiveState", ""), "stopped")
        if shown.get("SubState") == "auto-restart":
            state = "auto-restart"
        reason = f"the system runs it as {self.unit}"
        status = shown.get("ExecMainStatus", "0")
        if state in ("failed", "auto-restart") and status.isdigit():
            reason += f"; {ENDS.get(int(status), f'it ended with status {status}')}"
        log = f"its log: sudo journalctl -u {self.unit} -n 20"
        start = f"sudo systemctl start {self.unit}"
        hint = log if state in ("auto-restart", "running") else f"{log}; to start it: {start}"
        return Condition(state, reason, hint, needs_person=state not in ("starting", "stopping"))

    def state(self) -> State:
        """Return where it is, for the wire form."""
        return State(file=str(self.file), is_installed=True, is_enabled=True)


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
