"""The commands for gitsync as a service, and what is wrong with it."""

from __future__ import annotations

from gitsync.control.table import LOOK, NAMES, Command

ROWS: tuple[Command, ...] = (
    Command(
        "doctor",
        "check all that gitsync needs, where the daemon runs, and say what mends it; exit 1 for a problem",
        NAMES,
        epilog="gitsyncctl doctor\ngitsyncctl doctor notes\n"
        "gitsyncctl doctor --json | jq '.checks[] | select(.state != \"ok\")'",
        without_daemon=LOOK,
        timeout_s=90.0,
    ),
)
