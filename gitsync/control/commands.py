"""The table of commands that both ends read: parsers, help, and the validation of requests all come from it.

Pure data and pure functions; any thread may use them. A command is declared in one row in `control/rows`, which names
the handler; its two ends are `cli/commands/NAME.py` and that handler in `daemon/handlers`. Parser, help, man pages,
completion and dispatch follow from the row.
"""

from __future__ import annotations

import os

from gitsync.control.rows import daemon, files, home, jobs, repos, service, trouble
from gitsync.control.table import CONF_PATH, COUNT, DURATION, FLAG, PATH, PATHS, TARGET, TARGETS, Command, Parameter
from gitsync.errors import UsageError
from gitsync.text import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LONGEST_S = 3650 * 86400.0
# The kinds that are lists: the kind of an item, and what to call them.
LISTS = {TARGETS: (TARGET, "names or absolute paths"), PATHS: (PATH, "absolute paths")}


class InvalidParamsError(UsageError):
    """A request's parameters are not those that the table declares."""

    code = "invalid-params"


# Append only: scripts and other versions of the programs know these names.
GROUPS: tuple[tuple[str, tuple[Command, ...]], ...] = (
    ("watched repositories", repos.ROWS),
    ("files of your home directory", home.ROWS),
    ("files and their history", files.ROWS),
    ("conflicts and undoing", trouble.ROWS),
    ("jobs with a server", jobs.ROWS),
    ("the daemon and its settings", (*daemon.ROWS, *service.ROWS)),
)
COMMANDS: tuple[Command, ...] = tuple(command for _, rows in GROUPS for command in rows)
BY_NAME = {command.name: command for command in COMMANDS}


def checked(command: Command, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every parameter of `command`, defaults filled in: false, None or [].

    What it returns it also accepts. Raise InvalidParamsError with the parameter's name for anything the table does
    not allow.
    """
    declared = {parameter.name: parameter for parameter in (*command.parameters, *command.wire)}
    for name in given:
        if name not in declared:
            allowed = f"allowed: {', '.join(declared)}" if declared else f"{command.name} takes no parameters"
            raise InvalidParamsError(f"{command.name} has no parameter {name!r}", did_you_mean(name, declared, allowed))
    return {name: _value(command, parameter, given.get(name)) for name, parameter in declared.items()}


def _value(command: Command, parameter: Parameter, value: Any) -> Any:
    kind = parameter.kind
    if kind == FLAG:
        if value is None or isinstance(value, bool):
            return bool(value)
        raise _refusal(command, parameter, "must be true or false")
    if kind in LISTS:
        if value is None:
            value = []
        if not isinstance(value, list):
            raise _refusal(command, parameter, f"must be a list of {LISTS[kind][1]}")
        if parameter.is_required and not value:
            raise _refusal(command, parameter, "is missing")
        return [_text(command, parameter, LISTS[kind][0], item) for item in value]
    if value is None:
        if parameter.is_required:
            raise _refusal(command, parameter, "is missing")
        return None
    if kind == DURATION:
        try:
            return duration_s(value)
        except ValueError as error:
            raise _refusal(command, parameter, str(error)) from error
    if kind == COUNT:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return value
        raise _refusal(command, parameter, "must be a whole number, at least 1")
    return _text(command, parameter, kind, value)


def _text(command: Command, parameter: Parameter, kind: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _refusal(command, parameter, "must be a string")
    # What the system cannot take as a path or an argument must not get as far as a system call.
    try:
        is_sound = b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        is_sound = False
    if not is_sound:
        raise _refusal(command, parameter, "has characters that no path can have")
    if kind in (PATH, CONF_PATH, TARGET) and not value:
        raise _refusal(command, parameter, "is empty")
    if (kind in (PATH, CONF_PATH) or (kind == TARGET and "/" in value)) and not value.startswith("/"):
        raise _refusal(command, parameter, "must be an absolute path")
    if parameter.choices and value not in parameter.choices:
        raise _refusal(command, parameter, f"must be one of: {', '.join(parameter.choices)}")
    return value


def _refusal(command: Command, parameter: Parameter, why: str) -> InvalidParamsError:
    return InvalidParamsError(
        f"{command.name}: the parameter {parameter.name!r} {why}", f"see: gitsyncctl {command.name} --help"
    )


def duration_s(value: Any) -> float:
    """Return the seconds of "500ms", "2s", "5m", "1h", "1d" or of a number of seconds; raise ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError('must be a duration like "30m" or a number of seconds')
    seconds = _parsed_s(value) if isinstance(value, str) else float(min(value, LONGEST_S + 1))
    if not 0 < seconds <= LONGEST_S:
        raise ValueError("must be longer than nothing and at most ten years")
    return seconds


def _parsed_s(text: str) -> float:
    from gitsync.core.units import parse_duration  # here: hardly a command has one

    wrong = f'must be a duration like "30s", "5m", "1h" or "1d", not {text!r}'
    try:
        seconds = parse_duration(text.strip())
    except ValueError as error:
        raise ValueError(wrong) from error
    if seconds is None:
        raise ValueError(wrong)
    return seconds
