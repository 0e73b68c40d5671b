"""`gitsyncctl config`: show, check or change the configuration file. Needs no daemon; a running one has to reload."""

from __future__ import annotations

from contextlib import suppress

from gitsync import places
from gitsync.cli import old_ini
from gitsync.cli.context import Context
from gitsync.errors import EXIT_ATTENTION, EXIT_OK, NotRunningError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

_OPERANDS = {"path": 0, "check": 0, "get": 1, "set": 2, "edit": 0}


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Do what `action` says."""
    action = arguments["action"]
    given = sum(arguments[name] is not None for name in ("key", "value"))
    if given != _OPERANDS[action]:
        wanted = ("nothing", "KEY", "KEY VALUE")[_OPERANDS[action]]
        raise UsageError(f"config {action} takes {wanted}", "see: gitsyncctl config --help")
    if action == "path":
        return _path(context)
    if action == "check":
        return _check(context)
    if action == "get":
        return _get(context, arguments["key"])
    if action == "set":
        return _set(context, arguments["key"], arguments["value"])
    from gitsync.cli import edit_config

    return edit_config.edit(context, file_in_force(context))


def file_in_force(context: Context) -> Path:
    """Return the file that is read, or the one that would be made."""
    from gitsync.config.source import active_file

    return active_file(context.config) or places.config_file(context.config)


def apply(context: Context) -> str:
    """Have a running daemon read the configuration; return what to add to the sentence about it."""
    with suppress(NotRunningError):
        context.tell_daemon("reload")
        return "; it holds now"
    return "; it holds when gitsync starts"


def _path(context: Context) -> int:
    path = str(file_in_force(context))
    if context.output.is_json:
        context.output.json({"path": path})
    else:
        context.output.line(path)
    return EXIT_OK


def _check(context: Context) -> int:
    from gitsync import text
    from gitsync.config.load import check_paths, load

    config = load(context.config)
    problems = check_paths(config)
    path = str(config.source) if config.source else None
    if context.output.is_json:
        context.output.json({"path": path, "problems": problems, "notices": list(config.notices)})
    else:
        for notice in config.notices:
            context.output.wrapped(notice)
        for problem in problems:
            context.output.wrapped(problem, "red")
        if path and not problems:
            counted = text.counted(len(config.repos), "repository", "repositories")
            context.output.wrapped(f"{path} is in order: {counted}")
    return EXIT_ATTENTION if problems else EXIT_OK


def _get(context: Context, key: str) -> int:
    from gitsync.config import document

    value = document.get(file_in_force(context), key)
    if context.output.is_json:
        context.output.json({"key": key, "value": value})
    elif isinstance(value, str):
        context.output.line(value)
    else:
        import json

        context.output.line(json.dumps(value, ensure_ascii=False))
    return EXIT_OK


def _set(context: Context, key: str, value: str) -> int:
    from gitsync.config import document

    old_ini.make_way(context)
    path = places.config_file(context.config)  # an INI that is in force is taken over into it
    document.set_value(path, key, value)
    how = apply(context)
    if context.output.is_json:
        context.output.json({"path": str(path), "key": key, "value": document.get(path, key)})
    else:
        context.output.wrapped(f"set {key} in {path}{how}")
    return EXIT_OK
