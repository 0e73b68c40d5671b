"""`gitsyncctl stop`: stop the daemon and wait until it is gone."""

from __future__ import annotations

from gitsync import clock
from gitsync.cli.context import Context
from gitsync.control import client
from gitsync.errors import EXIT_OK, OperationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# A little more than a daemon may take to commit what is pending and end.
PATIENCE_S = 25.0
LOOK_S = 0.05


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Ask it to stop; return when nobody listens on its socket."""
    answer = context.ask(arguments)
    now = clock.SystemClock().now
    ends_at = now() + PATIENCE_S
    while client.is_listening(context.address):
        if now() > ends_at:
            raise OperationError(
                f"gitsync was asked to stop and still runs after {PATIENCE_S:g} seconds",
                "its log says what it waits for",
            )
        clock.sleep(LOOK_S)
    if context.output.is_json:
        context.output.json(answer)
    else:
        context.output.line("stopped")
    return EXIT_OK
