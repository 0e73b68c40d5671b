"""Turns the table of commands into parsers and help texts. Pure but for the working directory; the only thread."""

from __future__ import annotations

import argparse
import os
import re

from gitsync.cli import fast_parse, layout
from gitsync.control import table
from gitsync.control.commands import COMMANDS, GROUPS, LISTS
from gitsync.control.table import Command, Parameter
from gitsync.errors import UsageError
from gitsync.text import as_word, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

# The options that are accepted before and after COMMAND: flag, name of its value or "" for none, help.
GLOBAL_OPTIONS = (
    ("--config", "FILE", "the configuration file (else $GITSYNC_CONFIG, else the user's config.toml)"),
    ("--socket", "PATH", "the daemon's socket (else $GITSYNC_SOCKET, else one in the runtime directory)"),
    ("--json", "", "print one JSON document on stdout and nothing else there"),
)
EXAMPLES = ("gitsyncctl watch ~/Notes --init", "gitsyncctl status --watch", "gitsyncctl sync notes --wait")
EXIT_STATUS = (
    (0, "done"),
    (1, "done, but something needs you"),
    (2, "wrong usage or configuration"),
    (3, "the daemon is not running, or is already running"),
    (4, "the operation failed"),
    (70, "a bug in gitsync"),
)
WIDEST = 120
# Marks a word that is not an option, whatever it begins with; no argument of a program has it.
_LITERAL = "\0"
_UNKNOWN = "unrecognized arguments: "
_CHOICE = re.compile(r"invalid choice: ('[^']*') \(choose from (.*)\)")
_READERS = {
    table.PATH: fast_parse.absolute,
    table.CONF_PATH: fast_parse.conf,
    table.TARGET: fast_parse.target,
    table.TARGETS: fast_parse.target,
    table.PATHS: fast_parse.absolute,
    table.DURATION: fast_parse.duration,
    table.COUNT: fast_parse.count,
}


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Knows the width without shutil, which every declaration of an option would load: 2 ms."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    try:
        columns = os.get_terminal_size(1).columns
    except OSError:
        columns = 0
    return min(columns or 80, WIDEST)


class HelpAsked(Exception):
    """The command line asks for a command's help."""

    def __init__(self, shown: str) -> None:
        super().__init__(shown)
        self.text = shown


class _Parser(argparse.ArgumentParser):
    """Raises instead of printing and leaving."""

    def print_help(self, file: object = None) -> NoReturn:
        raise HelpAsked(self.format_help())

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see: {self.prog} --help")


def parse(command: Command, argv: list[str]) -> dict[str, Any]:
    """Return the command's parameters and the global options as given; raise UsageError or HelpAsked."""
    if "--" in argv:
        # The words after it are not options; mixed options and words are parsed in two passes, and the
        # second one does not know that any more.
        at = argv.index("--")
        argv = argv[:at] + [_LITERAL + word for word in argv[at + 1 :]]
    try:
        return vars(_parser(command).parse_intermixed_args(argv))
    except UsageError as error:
        error.hint = _nearest(command, error.message) or _dashed(command, argv) or error.hint
        if found := _CHOICE.search(error.message):
            there = found[2].replace("'", "")
            raise UsageError(f"gitsyncctl {command.name}: {found[1]} is none of: {there}", error.hint) from None
        raise


def _dashed(command: Command, argv: list[str]) -> str:
    """Return a hint where a word seems to be the name of a file that begins as options do, else ""."""
    flags = {flag for parameter in command.parameters for flag in parameter.flags}
    for word in argv:
        if word[:1] == "-" and word not in flags and ("." in word or os.path.lexists(word)):
            return f"the name of a file that begins so is written: {as_word(f'./{word}')}"
    return ""


def _nearest(command: Command, message: str) -> str:
    """Return a hint with the option or the word that was meant, "" when none is like it."""
    if _UNKNOWN in message:
        flags = [flag for parameter in command.parameters for flag in parameter.flags if flag.startswith("--")]
        flags += [flag for flag, _, _ in GLOBAL_OPTIONS] + ["--help"]
        wrong = message.partition(_UNKNOWN)[2].split()[0].partition("=")[0]
        like = nearest(wrong, flags, likeness=0.6) if wrong.startswith("-") else []
        return f"did you mean {like[0]}? see: gitsyncctl {command.name} --help" if like else ""
    word = re.search(r"invalid choice: '([^']*)'", message)
    choices = [choice for parameter in command.parameters for choice in parameter.choices]
    like = nearest(word[1], choices, likeness=0.6) if word else []
    return f"did you mean: gitsyncctl {command.name} {as_word(like[0])}" if like else ""


def _parser(command: Command) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"gitsyncctl {command.name}",
        description=_paragraphs(_sentence(command.summary), *command.about.split("\n\n")),
        epilog="examples:\n" + "\n".join(layout.INDENT + line for line in command.epilog.splitlines()),
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    for parameter in command.parameters:
        _declare(parser, parameter)
    shared = parser.add_argument_group("options of every command")
    for flag, metavar, help in GLOBAL_OPTIONS:
        if metavar:
            shared.add_argument(flag, metavar=metavar, help=help, dest=f"global_{flag[2:]}")
        else:
            shared.add_argument(flag, action="store_true", help=help, dest=f"global_{flag[2:]}")
    return parser


def _declare(parser: argparse.ArgumentParser, parameter: Parameter) -> None:
    more: dict[str, Any] = {"help": parameter.help.replace("%", "%%")}
    if parameter.kind == table.FLAG:
        parser.add_argument(*parameter.flags, dest=parameter.name, action="store_true", **more)
        return
    if parameter.choices:
        more["choices"] = parameter.choices
        more["metavar"] = "|".join(parameter.choices)
    else:
        more["metavar"] = parameter.metavar
    read: Callable[[str], Any] = _READERS.get(parameter.kind, str)
    more["type"] = lambda word: read(word.removeprefix(_LITERAL))
    if parameter.flags:
        parser.add_argument(*parameter.flags, dest=parameter.name, required=parameter.is_required, **more)
    elif parameter.kind in LISTS:
        parser.add_argument(parameter.name, nargs="+" if parameter.is_required else "*", **more)
    else:
        parser.add_argument(parameter.name, nargs=None if parameter.is_required else "?", **more)


def overview(columns: int | None = None) -> list[str]:
    """Return the help of the whole program; no line but an example is wider than `columns`."""
    widest = max(len(command.name) for command in COMMANDS)
    options = [(f"{flag} {metavar}".strip(), help) for flag, metavar, help in GLOBAL_OPTIONS]
    options += [("--version", "print the version"), ("-h, --help", "print this; after COMMAND: all about that command")]
    lines = [
        *layout.filled("usage: gitsyncctl [--config FILE] [--socket PATH] [--json] COMMAND ...", columns),
        "",
        *layout.filled(
            "Look at and steer gitsync, which keeps directories versioned and the same on all your machines.", columns
        ),
    ]
    for title, commands in GROUPS:
        if commands:
            lines += ["", f"{title}:"]
            lines += [line for each in commands for line in layout.entry(each.name, each.summary, widest, columns)]
    lines += ["", "options, before or after COMMAND:"]
    lines += [line for name, help in options for line in layout.entry(name, help, max(widest, 13), columns)]
    lines += ["", "examples:", *(layout.INDENT + example for example in EXAMPLES), ""]
    lines += layout.filled("exit status: " + "; ".join(f"{status} {what}" for status, what in EXIT_STATUS), columns)
    return lines


def _paragraphs(*paragraphs: str) -> str:
    """Return prose broken to the terminal's width; line breaks in the table have no meaning."""
    return "\n\n".join("\n".join(layout.filled(" ".join(each.split()), _columns())) for each in paragraphs if each)


def _sentence(summary: str) -> str:
    return summary[:1].upper() + summary[1:] + "."
