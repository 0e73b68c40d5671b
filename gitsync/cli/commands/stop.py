"""`gitsyncctl stop`: stop the daemon and wait until it is gone."""

from __future__ import annotations

import os

from gitsync import clock
from gitsync.cli.context import Context, Json, Reply
from gitsync.errors import OperationError

# A little more than a daemon may take to commit what is pending and end.
PATIENCE_S = 25.0
LOOK_S = 0.05


def run(context: Context, arguments: Json) -> Reply:
    """Ask it to stop; return when the process is gone, and what was pending is committed."""
    answer = context.ask(arguments)
    pid = int(answer["pid"])
    now = clock.SystemClock().now
    ends_at = now() + PATIENCE_S
    # Not by its socket: that one closes first, and where systemd holds it a look would start the daemon again.
    while not _is_gone(pid):
        if now() > ends_at:
            raise OperationError(
                f"gitsync was asked to stop and still runs after {PATIENCE_S:g} seconds",
                "its log says what it waits for",
            )
        clock.sleep(LOOK_S)
    return Reply(answer, lambda output, _: output.line("stopped"))


def _is_gone(pid: int) -> bool:
    """Whether the process has ended, even if its parent has not reaped it yet."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2].startswith(b"Z")
    except (ProcessLookupError, PermissionError):
        return True
    except FileNotFoundError:
        return False  # a system without /proc
