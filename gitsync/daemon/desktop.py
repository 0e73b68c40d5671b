"""Shows one desktop notification and ends: `python -m gitsync.daemon.desktop`, a child of the notifier.

A process of its own, so that the daemon pays neither the memory of a D-Bus library nor the wait for a desktop that
hangs. One JSON object on stdin (summary, body, urgency 0 to 2, replaces); the notification's number on stdout. Status
3 where there is no desktop to show it.
"""

from __future__ import annotations

import json
import os
import sys
from html import escape
from typing import Any

NO_DESKTOP = 3
TIMEOUT_S = 5.0
EXPIRES_DEFAULT = -1
BUS = "DBUS_SESSION_BUS_ADDRESS"


def main() -> int:
    """Show what stdin says; return the exit status."""
    wanted: dict[str, Any] = json.load(sys.stdin)
    if BUS not in os.environ:
        # Where a user's bus is by convention, for a daemon that was started outside of the session.
        path = os.path.join(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"), "bus")  # noqa: PTH118 - for a text
        if not os.path.exists(path):  # noqa: PTH110 - the same
            return NO_DESKTOP
        os.environ[BUS] = f"unix:path={path}"
    from jeepney import DBusAddress, DBusErrorResponse, new_method_call
    from jeepney.io.blocking import open_dbus_connection

    address = DBusAddress(
        "/org/freedesktop/Notifications", "org.freedesktop.Notifications", "org.freedesktop.Notifications"
    )
    hints = {"urgency": ("y", wanted["urgency"]), "category": ("s", "transfer")}
    actions: list[str] = []
    # The body may hold markup, so what is none has to be written as text.
    texts = (wanted["summary"], escape(wanted["body"], quote=False))
    told = ("gitsync", wanted["replaces"], "", *texts, actions, hints, EXPIRES_DEFAULT)
    message = new_method_call(address, "Notify", "susssasa{sv}i", told)
    try:
        with open_dbus_connection(bus="SESSION") as connection:
            reply = connection.send_and_get_reply(message, timeout=TIMEOUT_S)
            sys.stdout.write(f"{int(reply.body[0])}\n")
    except (OSError, ValueError, DBusErrorResponse, IndexError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return NO_DESKTOP
    return 0


if __name__ == "__main__":
    sys.exit(main())
