"""The first GitSync's INI where gitsync's own directory has to be: moved aside and taken over. The only thread."""

from __future__ import annotations

import os

from gitsync import places, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitsync.cli.context import Context


def make_way(context: Context) -> str:
    """Move a plain file ~/.config/gitsync aside before the configuration is written; return where it is now, or "".

    What it says is in config.toml then. Raise OperationError where it cannot be moved.
    """
    path = places.config_file(context.config)
    parent = os.path.dirname(path)  # noqa: PTH120 - pathlib takes 3 ms to load
    if not os.path.isfile(parent):  # noqa: PTH113 - the same
        return ""
    from gitsync.config.import_legacy import ASIDE, ini_in_the_way
    from gitsync.config.import_legacy import make_way as moved

    ini = ini_in_the_way(path)
    if ini is None:
        return ""
    there = text.tilde(f"{ini}{ASIDE}")
    context.output.complain(
        "note",
        f"{text.tilde(str(ini))}, the first GitSync's, has the name of the directory that gitsync needs; it is moved "
        f"to {there}, and what it says is taken over into {text.tilde(str(path))}",
    )
    return str(moved(path, ini))
