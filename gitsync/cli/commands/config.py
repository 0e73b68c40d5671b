"""`gitsyncctl config`: show, check or change the configuration file. Needs no daemon; a running one has to reload."""

from __future__ import annotations

from contextlib import suppress

from gitsync import places, text
from gitsync.cli import old_ini
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK, NotRunningError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

_OPERANDS = {"path": 0, "check": 0, "get": 1, "set": 2, "edit": 0}


def run(context: Context, arguments: Json) -> Reply:
    """Do what `action` says."""
    action = arguments["action"]
    given = sum(arguments[name] is not None for name in ("key", "value"))
    if given != _OPERANDS[action]:
        wanted = ("nothing", "KEY", "KEY VALUE")[_OPERANDS[action]]
        raise UsageError(f"config {action} takes {wanted}", "see: gitsyncctl config --help")
    if action == "path":
        return Reply({"path": str(file_in_force(context))}, lambda output, answer: output.line(answer["path"]))
    if action == "check":
        return _check(context)
    if action == "get":
        return _get(context, arguments["key"])
    if action == "set":
        return _set(context, arguments["key"], arguments["value"])
    from gitsync.cli import edit_config

    edit_config.edit(context, file_in_force(context), apply)
    return Reply()


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


def _check(context: Context) -> Reply:
    from gitsync.config.load import check_paths, load

    config = load(context.config)
    problems = check_paths(config)
    path = str(config.source) if config.source else None
    count = len(config.repos)

    def show(output: Output, answer: Json) -> None:
        for notice in answer["notices"]:
            output.wrapped(notice)
        for problem in problems:
            output.wrapped(problem, "red")
        if path and not problems:
            output.wrapped(f"{path} is in order: {text.counted(count, 'repository', 'repositories')}")

    found = {"path": path, "problems": problems, "notices": list(config.notices)}
    return Reply(found, show, EXIT_ATTENTION if problems else EXIT_OK)


def _get(context: Context, key: str) -> Reply:
    from gitsync.config import document

    return Reply({"key": key, "value": document.get(file_in_force(context), key)}, _show_value)


def _show_value(output: Output, answer: Json) -> None:
    value = answer["value"]
    if not isinstance(value, str):
        import json

        value = json.dumps(value, ensure_ascii=False)
    output.line(value)


def _set(context: Context, key: str, value: str) -> Reply:
    from gitsync.config import document

    old_ini.make_way(context)
    path = places.config_file(context.config)  # an INI that is in force is taken over into it
    document.set_value(path, key, value)
    how = apply(context)
    found = {"path": str(path), "key": key, "value": document.get(path, key)}
    return Reply(found, lambda output, _: output.wrapped(f"set {key} in {path}{how}"))
