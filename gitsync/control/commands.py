"""The table of commands that both ends read: parsers, help, and the validation of requests all come from it.

Pure data and pure functions; any thread may use them. Adding a command is one row here, one file
`cli/commands/NAME.py` and one handler in the daemon. Plain classes, because the control command must start fast.
"""

from __future__ import annotations

import os

from gitsync.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# The kinds of a parameter, and what travels in JSON.
FLAG = "flag"  # true or false
TEXT = "text"  # a string
PATH = "path"  # an absolute path; the control command makes it absolute
TARGET = "target"  # one repository: its name, or an absolute path in it
TARGETS = "targets"  # a list of those
DURATION = "duration"  # "90s", "1h" or a number of seconds; handlers get seconds

UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST_S = 3650 * 86400.0


class InvalidParamsError(UsageError):
    """A request's parameters are not those that the table declares."""

    code = "invalid-params"


class Parameter:
    """One parameter of a command; without flags it is positional."""

    __slots__ = ("choices", "flags", "help", "is_required", "kind", "metavar", "name")

    def __init__(
        self,
        name: str,
        kind: str,
        *flags: str,
        help: str,
        metavar: str = "",
        choices: tuple[str, ...] = (),
        is_required: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.flags = flags
        self.help = help
        self.metavar = metavar or name.upper()
        self.choices = choices
        self.is_required = is_required


class Command:
    """One command: its JSON-RPC method is its name, or "" when it never asks the daemon."""

    __slots__ = ("epilog", "method", "name", "needs_daemon", "parameters", "summary", "timeout_s")

    def __init__(
        self,
        name: str,
        summary: str,
        *parameters: Parameter,
        epilog: str,
        is_local: bool = False,
        needs_daemon: bool = False,
        timeout_s: float = 10.0,
    ) -> None:
        self.name = name
        self.summary = summary
        self.parameters = parameters
        self.epilog = epilog
        self.method = "" if is_local else name
        self.needs_daemon = needs_daemon
        self.timeout_s = timeout_s


_NAMES = Parameter("names", TARGETS, metavar="NAME|PATH", help="which repositories; all of them when none is named")

# Append only: scripts and other versions of the programs know these names.
COMMANDS = (
    Command(
        "status",
        "show every repository and what needs doing; exit 1 when something needs you",
        _NAMES,
        Parameter("short", FLAG, "--short", help="one line, for a shell prompt"),
        Parameter("watch", FLAG, "--watch", help="keep showing it until Ctrl-C"),
        epilog="gitsyncctl status\ngitsyncctl status notes ~/Papers\ngitsyncctl status --json | jq '.repos[].state'",
    ),
    Command(
        "list",
        "list what is tracked, watched and synchronized",
        epilog="gitsyncctl list\ngitsyncctl list --json",
    ),
    Command(
        "watch",
        "start watching a git work tree; writes the configuration",
        Parameter("path", PATH, metavar="DIR", is_required=True, help="the work tree"),
        Parameter("init", FLAG, "--init", help="make it a git repository when it is none"),
        Parameter("remote", TEXT, "--remote", metavar="URL", help="where to push to and pull from"),
        Parameter("name", TEXT, "--name", help="what to call it (default: the directory's name)"),
        epilog="gitsyncctl watch ~/Notes\ngitsyncctl watch ~/Notes --init --remote git@server:notes.git",
        timeout_s=60.0,
    ),
    Command(
        "unwatch",
        "stop watching; nothing is deleted",
        Parameter("name", TARGET, metavar="DIR|NAME", is_required=True, help="the repository"),
        epilog="gitsyncctl unwatch notes\ngitsyncctl unwatch ~/Notes",
        timeout_s=60.0,
    ),
    Command(
        "sync",
        "commit, pull and push now",
        _NAMES,
        Parameter("wait", FLAG, "--wait", help="return when it is done"),
        epilog="gitsyncctl sync\ngitsyncctl sync notes --wait",
        timeout_s=900.0,
    ),
    Command(
        "pause",
        "hold repositories: nothing is committed, pulled or pushed",
        _NAMES,
        Parameter("for", DURATION, "--for", metavar="DURATION", help='for how long, as "30m" or "1h"; until "resume"'),
        epilog="gitsyncctl pause\ngitsyncctl pause notes --for 1h",
        needs_daemon=True,
    ),
    Command(
        "resume",
        "go on after a pause or a brake",
        _NAMES,
        Parameter("accept", FLAG, "--accept", help="yes, the change that a brake stopped is meant"),
        epilog="gitsyncctl resume\ngitsyncctl resume notes --accept",
        needs_daemon=True,
    ),
    Command(
        "events",
        "show what happened",
        Parameter("follow", FLAG, "-f", "--follow", help="go on as things happen, until Ctrl-C"),
        epilog="gitsyncctl events\ngitsyncctl events --follow --json | jq .message",
        needs_daemon=True,
    ),
    Command(
        "reload",
        "read the configuration again",
        epilog="gitsyncctl reload",
        needs_daemon=True,
        timeout_s=60.0,
    ),
    Command(
        "stop",
        "commit what is pending and stop the daemon",
        epilog="gitsyncctl stop",
        needs_daemon=True,
        timeout_s=30.0,
    ),
    Command(
        "config",
        "show, check or change the configuration file; comments are kept",
        Parameter(
            "action",
            TEXT,
            choices=("path", "check", "get", "set", "edit"),
            is_required=True,
            help="path: where it is; check: its faults; get, set: one key; edit: in your editor",
        ),
        Parameter("key", TEXT, help="as defaults.quiet or repo.notes.pull"),
        Parameter("value", TEXT, help="as it would stand in the file; quotes may be left out"),
        epilog="gitsyncctl config check\ngitsyncctl config get defaults.quiet\ngitsyncctl config set defaults.quiet 5s",
        is_local=True,
    ),
    Command(
        "import",
        "turn the configuration of the first GitSync into config.toml; the old file stays",
        Parameter("gitsync", PATH, "--gitsync", metavar="FILE", help="its INI file, as ~/.config/gitsync.ini"),
        epilog="gitsyncctl import --gitsync /etc/gitsync.cfg\ngitsyncctl import --gitsync ~/.config/gitsync.ini",
        is_local=True,
    ),
)
BY_NAME = {command.name: command for command in COMMANDS}


def nearest(word: str, known: Mapping[str, object] | list[str]) -> str:
    """Return the known word that `word` is most like, or ""."""
    import difflib  # here: only a mistake pays for it

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return found[0] if found else ""


def checked(command: Command, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every parameter of `command`, defaults filled in: false, None or [].

    What it returns it also accepts. Raise InvalidParamsError with the parameter's name for anything the table does
    not allow.
    """
    declared = {parameter.name: parameter for parameter in command.parameters}
    for name in given:
        if name not in declared:
            like = nearest(name, declared)
            allowed = f"allowed: {', '.join(declared)}" if declared else f"{command.name} takes no parameters"
            raise InvalidParamsError(
                f"{command.name} has no parameter {name!r}", f"did you mean {like!r}?" if like else allowed
            )
    return {name: _value(command, parameter, given.get(name)) for name, parameter in declared.items()}


def _value(command: Command, parameter: Parameter, value: Any) -> Any:
    kind = parameter.kind
    if kind == FLAG:
        if value is None or isinstance(value, bool):
            return bool(value)
        raise _refusal(command, parameter, "must be true or false")
    if kind == TARGETS:
        if value is None:
            value = []
        if not isinstance(value, list):
            raise _refusal(command, parameter, "must be a list of names or absolute paths")
        return [_text(command, parameter, TARGET, item) for item in value]
    if value is None:
        if parameter.is_required:
            raise _refusal(command, parameter, "is missing")
        return None
    if kind == DURATION:
        try:
            return duration_s(value)
        except ValueError as error:
            raise _refusal(command, parameter, str(error)) from error
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
    if kind in (PATH, TARGET) and not value:
        raise _refusal(command, parameter, "is empty")
    if (kind == PATH or (kind == TARGET and "/" in value)) and not value.startswith("/"):
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
    seconds = float(_spelled_s(value) if isinstance(value, str) else min(value, LONGEST_S + 1))
    if not 0 < seconds <= LONGEST_S:
        raise ValueError("must be longer than nothing and at most ten years")
    return seconds


def _spelled_s(text: str) -> float:
    number = text.strip().rstrip("msdh")
    unit = text.strip()[len(number) :]
    number = number.strip()
    if unit not in UNITS_S or not (number.isascii() and number.replace(".", "", 1).isdigit()):
        raise ValueError(f'must be a duration like "30s", "5m", "1h" or "1d", not {text!r}')
    return float(number) * UNITS_S[unit]
