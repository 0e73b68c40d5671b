"""The man pages, from the table of commands, the daemon's options and the rows of the configuration; see generate_docs.

Each function returns one page as roff with man(7)'s macros, which man, mandoc and groff all read.
"""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterator

from gitsync.cli.parser import EXIT_STATUS, GLOBAL_OPTIONS
from gitsync.config.literal import toml_literal
from gitsync.config.options import SECTIONS
from gitsync.config.rows import Option
from gitsync.config.values import allowed
from gitsync.control import table
from gitsync.control.commands import GROUPS, LISTS
from gitsync.control.table import Command, Parameter
from gitsync.core.message import PLACEHOLDERS
from gitsync.daemon.main import make_parser

# Of the form of the pages: a date of the day would make them stale every day.
DATE = "2026-11-21"
MADE = '.\\" Made by scripts/generate_docs.py from the code; edit that and run `make docs`.'
ENVIRONMENT = (
    ("GITSYNC_CONFIG", "the configuration file, where --config names none"),
    ("GITSYNC_SOCKET", "the daemon's socket, where --socket names none"),
    ("NO_COLOR", "set to anything: no colours"),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR", "where configuration, state and socket are"),
)
FILES = (
    ("~/.config/gitsync/config.toml", "the configuration, see gitsync.toml(5)"),
    ("~/.local/state/gitsync/", "last runs, locks, journals and the log of a detached daemon"),
    ("$XDG_RUNTIME_DIR/gitsync/socket", "where the daemon answers gitsyncctl"),
)


def gitsync() -> str:
    """Return gitsync(1), the daemon."""
    parser = make_parser()
    actions = [action for action in parser._actions if action.help is not argparse.SUPPRESS]
    synopsis = " ".join(f"[{_flags(action, short=True)}]" for action in actions if action.dest != "help")
    return _page(
        "gitsync",
        "1",
        "keep directories versioned and the same on all your machines",
        [
            *_section("SYNOPSIS", f".B gitsync\n{_prose(synopsis)}"),
            *_section("DESCRIPTION", _prose(parser.description or "")),
            ".PP",
            _prose(
                "Without an option it runs in the foreground and logs to stderr. SIGTERM and SIGINT commit what is "
                "pending and end it; SIGHUP has it read the configuration again."
            ),
            *_section("OPTIONS", *(line for each in actions for line in _tagged(_flags(each), each.help or ""))),
            *_common(),
            *_section("SEE ALSO", _see("gitsyncctl(1)", "gitsync.toml(5)", "git(1)")),
        ],
    )


def _flags(action: argparse.Action, *, short: bool = False) -> str:
    value = f" {action.metavar}" if action.metavar else ""
    return (action.option_strings[0] if short else ", ".join(action.option_strings)) + value


def gitsyncctl() -> str:
    """Return gitsyncctl(1), the control command."""
    lines = _section(
        "SYNOPSIS", ".B gitsyncctl\n" + _text("[--config FILE] [--socket PATH] [--json] COMMAND [ARGUMENT ...]")
    )
    lines += _section(
        "DESCRIPTION",
        _prose("Look at and steer gitsync(1). Without COMMAND it shows the current state and what to type next."),
        ".PP",
        _prose("Commands that need files and git only work without the daemon, too."),
    )
    lines += _section("OPTIONS", _text("Options are accepted before and after COMMAND."))
    for flag, metavar, help in GLOBAL_OPTIONS:
        lines += _tagged(f"{flag} {metavar}".strip(), help)
    lines += _tagged("--version", "print the version")
    lines += _tagged("-h, --help", "print what there is; after COMMAND: all about that command")
    lines.append(".SH COMMANDS")
    for title, commands in GROUPS:
        if commands:
            lines += [
                f".SS {_text(title[:1].upper() + title[1:])}",
                *(line for each in commands for line in _command(each)),
            ]
    lines += [*_common(), *_section("SEE ALSO", _see("gitsync(1)", "gitsync.toml(5)", "git(1)"))]
    return _page("gitsyncctl", "1", "look at and steer gitsync", lines)


def _command(command: Command) -> list[str]:
    lines = [".TP", f".B {_text(' '.join([command.name, *map(_usage, command.parameters)]))}"]
    lines.append(_prose(command.summary[:1].upper() + command.summary[1:] + "."))
    told = [(_named(each), each.help) for each in command.parameters]
    about = [_prose(each.replace("\n", " ")) for each in command.about.split("\n\n") if each]
    lines += [".RS", *(line for name, help in told for line in _tagged(name, help)), ".PP"]
    lines += [*(line for each in about for line in (each, ".PP")), ".EX"]
    lines += [_text(line) for line in command.epilog.splitlines()]
    return [*lines, ".EE", ".RE"]


def _named(parameter: Parameter) -> str:
    value = "" if parameter.kind == table.FLAG else "|".join(parameter.choices) or parameter.metavar
    return f"{', '.join(parameter.flags)} {value}".strip()


def _usage(parameter: Parameter) -> str:
    shown = f"{parameter.flags[-1]} {_named(parameter).split(' ')[-1]}" if parameter.flags else _named(parameter)
    if parameter.kind == table.FLAG:
        shown = parameter.flags[-1]
    if parameter.kind in LISTS:
        shown += "..."
    return shown if parameter.is_required else f"[{shown}]"


def toml() -> str:
    """Return gitsync.toml(5), the configuration."""
    lines = _section(
        "DESCRIPTION",
        _prose("gitsync reads one file in the format TOML, config.toml in your user configuration directory."),
        ".PP",
        _prose('Durations are written like "500ms", "2s", "5m", "1h", "1d"; sizes like "10MB" or "1GiB".'),
        _prose("In paths ~ and $VAR expand. An unknown key, a wrong type or a bad value is a fault."),
        _prose("gitsyncctl config check names all of them; gitsyncctl config set KEY VALUE keeps your comments."),
    )
    for section in SECTIONS.values():
        shared = SECTIONS["defaults"].rows
        own = {key: row for key, row in section.rows.items() if section.name == "defaults" or shared.get(key) != row}
        lines += [f".SH {_text(section.header)}", _prose(section.doc)]
        if len(own) < len(section.rows):
            lines.append(_prose("Besides these, all keys of [defaults]; values here take precedence."))
        for key, row in own.items():
            lines += _tagged(key, f"{row.doc} Allowed: {allowed(row)}. {_default(row)}")
        if section.name == "defaults":
            lines += [".PP", _text("Placeholders of message:")]
            lines += [line for name, doc in PLACEHOLDERS.items() for line in _tagged(f"{{{name}}}", doc)]
    lines += _section("EXAMPLE", ".EX", *map(_text, ("[[repo]]", 'path = "~/Notes"', 'pull = "10m"')), ".EE")
    lines += _section("FILES", *(line for name, what in FILES[:1] for line in _tagged(name, "this file")))
    return _page(
        "gitsync.toml", "5", "the configuration of gitsync", [*lines, *_section("SEE ALSO", _see("gitsync(1)"))]
    )


def _default(row: Option) -> str:
    if row.absent:
        return f"Without it: {row.absent}."
    return "It has to be there." if row.is_required else f"Default: {toml_literal(row.default)}."


def _common() -> Iterator[str]:
    yield from _section("EXIT STATUS", *(line for status, what in EXIT_STATUS for line in _tagged(str(status), what)))
    yield from _section("ENVIRONMENT", *(line for name, what in ENVIRONMENT for line in _tagged(name, what)))
    yield from _section("FILES", *(line for name, what in FILES for line in _tagged(name, what)))


def _page(name: str, number: str, what: str, lines: list[str]) -> str:
    head = [
        MADE,
        f'.TH {name.upper()} {number} {DATE} gitsync "gitsync manual"',
        ".ad l",
        ".SH NAME",
        f"{name} \\- {_text(what)}",
    ]
    return "\n".join([*head, *lines]) + "\n"


def _section(title: str, *lines: str) -> list[str]:
    return [f".SH {title}", *lines]


def _tagged(name: str, help: str) -> list[str]:
    sentence = help[:1].upper() + help[1:]
    return [".TP", f".B {_text(name)}", _prose(sentence if sentence.endswith((".", "?")) else sentence + ".")]


def _see(*pages: str) -> str:
    named = [page.rstrip(")").split("(") for page in pages]
    return "\n".join(
        f".BR {name} ({number}){',' if at + 1 < len(named) else ''}" for at, (name, number) in enumerate(named)
    )


def _prose(text: str) -> str:
    """Return a sentence in lines of a length that diffs and lints like."""
    return "\n".join(map(_text, textwrap.wrap(text, 72, break_long_words=False, break_on_hyphens=False)))


def _text(text: str) -> str:
    """Return text that roff shows as it is: nothing of it is a request, an escape, or a hyphen to break at."""
    text = (
        text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    )
    text = text.replace("'", "\\(aq").replace('"', "\\(dq")
    text = re.sub(r"[^\x00-\x7f]", lambda matched: f"\\[u{ord(matched[0]):04X}]", text)
    return f"\\&{text}" if text.startswith((".", "'")) else text


PAGES = {"gitsync.1": gitsync, "gitsyncctl.1": gitsyncctl, "gitsync.toml.5": toml}
