"""The last line of commands that set something up: how to start gitsync, where it does not run yet."""

from __future__ import annotations

from gitsync.cli import service_view
from gitsync.control import client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gitsync.cli.context import Context, Json
    from gitsync.cli.output import Output


def shown(context: Context, show: Callable[[Output, Json], None]) -> Callable[[Output, Json], None]:
    """Return `show` with that line."""

    def both(output: Output, answer: Json) -> None:
        show(output, answer)
        if context.is_alone:
            # One that is started by hand would keep an installed service from starting.
            service = service_view.view(context, None) or {}
            output.wrapped(f"gitsync is not running yet; {service.get('hint') or client.HOW_TO_START}")

    return both
