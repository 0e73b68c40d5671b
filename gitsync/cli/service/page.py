"""The page as a service of systemd's user manager: a socket unit that starts it. The control command's only thread."""

from __future__ import annotations

import re
from pathlib import Path

from gitsync.cli.service import unit, written
from gitsync.cli.service.kind import START_S, last_line, must, run_manager
from gitsync.cli.service.setting import Setting
from gitsync.errors import OperationError

SOCKET, SERVICE = "gitsync-web.socket", "gitsync-web.service"


def install(units: Path, setting: Setting) -> list[str]:
    """Write the units to the directory `units`, and listen; return where files went that a person had changed.

    Raise OperationError when it cannot listen; the units are removed then.
    """
    texts = {SOCKET: unit.template(SOCKET), SERVICE: unit.render_page(setting)}
    kept = [written.put(units / name, written.marked(text)) for name, text in texts.items()]
    must("systemctl", "--user", "daemon-reload")
    # One that runs would go on with the old text.
    run_manager("systemctl", "--user", "stop", SERVICE, SOCKET, deadline_s=START_S)
    started = run_manager("systemctl", "--user", "enable", "--quiet", "--now", SOCKET, deadline_s=START_S)
    if not started.ok:
        why = last_line(started)
        uninstall(units)
        raise OperationError(
            f"the page cannot listen: {why}",
            "another program may have its port; to have the page on a free one: gitsyncctl web",
            code="service-failed",
        )
    return [str(aside) for aside in kept if aside is not None]


def uninstall(units: Path) -> list[str]:
    """Stop the page and remove the units with our mark; return where changed ones went."""
    names = [name for name in (SOCKET, SERVICE) if written.has_mark(units / name)]
    if not names:
        return []
    run_manager("systemctl", "--user", "disable", "--quiet", "--now", SOCKET, deadline_s=START_S)
    run_manager("systemctl", "--user", "stop", SERVICE, deadline_s=START_S)
    kept = [written.remove(units / name) for name in names]
    must("systemctl", "--user", "daemon-reload")
    return [str(aside) for aside in kept if aside is not None]


def address() -> str | None:
    """Return the address of the page where systemd listens for it, else None."""
    shown = must("systemctl", "--user", "show", "--property=ActiveState", "--property=Listen", SOCKET)
    port = re.search(r"Listen=(\S+:\d+) \(Stream\)", shown)
    return f"http://{port[1]}" if port and "ActiveState=active" in shown else None
