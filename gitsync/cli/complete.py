"""Completes command lines for the shells: from the table of commands, the daemon, the configuration, git.

Runs on the control command's only thread, at each Tab: the daemon is asked on its socket, without one config.toml is
looked into, and nothing of gitsync's engine is loaded. Whatever goes wrong, there is less to choose from and no word.
"""

from __future__ import annotations

import os

from gitsync import places
from gitsync.cli.parser import GLOBAL_OPTIONS
from gitsync.control import client, table
from gitsync.control.commands import BY_NAME, COMMANDS, LISTS
from gitsync.errors import GitsyncError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gitsync.control.table import Command, Parameter

# Directives for the shell.
NOTHING = "nothing"
FILES = "files"
DIRECTORIES = "directories"
ASK_S = 1.0
GIT_S = 2.0
COMMITS = 20
REFS = 200
_WITH_VALUE = tuple(flag for flag, metavar, _ in GLOBAL_OPTIONS if metavar)
_REVISIONS = ("REV", "REV[:PATH]")


class Suggestion:
    """The candidates for the next word: words with what they are, and what the shell adds to them."""

    def __init__(self, more: str = NOTHING, **words: str) -> None:
        self.more = more
        self.words = dict(words)

    def beginning(self, prefix: str) -> list[tuple[str, str]]:
        """Return the words that begin with `prefix`."""
        return [(word, told) for word, told in self.words.items() if word.startswith(prefix)]


def choices_of_daemon(before: list[str]) -> Suggestion:
    """Return what may follow on a command line of `gitsync`, the daemon's program."""
    parser = __import__("gitsync.daemon.main", fromlist=["make_parser"]).make_parser()
    options = {flag: each for each in parser._actions for flag in each.option_strings}
    if before and (awaited := options.get(before[-1])) is not None and awaited.nargs is None:
        return Suggestion(FILES)
    return Suggestion(**{flag: each.help or "" for flag, each in options.items() if flag.startswith("--")})


class _Line:
    """A command line up to the word that is being written."""

    def __init__(self, before: list[str]) -> None:
        self.command: Command | None = None
        self.operands: list[str] = []
        self.awaited: Parameter | str | None = None
        self.options: dict[str, str] = {}
        self.has_ended = False
        for word in before:
            self._take(word)

    def _take(self, word: str) -> None:
        if self.awaited is not None:
            self.options[self.awaited if isinstance(self.awaited, str) else self.awaited.name] = word
            self.awaited = None
        elif word == "--" and not self.has_ended:
            self.has_ended = True
        elif word.startswith("-") and not self.has_ended:
            self.awaited = self.value_of(word)
        elif self.command is None:
            self.command = BY_NAME.get(word)
            if self.command is None and word != "help":
                self.operands.append(word)
        else:
            self.operands.append(word)

    def value_of(self, flag: str) -> Parameter | str | None:
        """Return what follows an option: a parameter of the command, an option of all commands, or nothing."""
        if flag in _WITH_VALUE:
            return flag
        return next((each for each in self._parameters() if flag in each.flags and each.kind != table.FLAG), None)

    def _parameters(self) -> tuple[Parameter, ...]:
        return self.command.parameters if self.command else ()

    def flag_words(self) -> dict[str, str]:
        """Return the options that are possible here."""
        found = {flag: each.help for each in self._parameters() for flag in each.flags}
        found.update({flag: help for flag, _, help in GLOBAL_OPTIONS})
        found["--help"] = "all about it"
        return found

    def operand(self) -> Parameter | None:
        """Return the positional parameter that comes next."""
        positional = [each for each in self._parameters() if not each.flags]
        for at, parameter in enumerate(positional):
            if parameter.kind in LISTS or at == len(self.operands):
                return parameter
        return None


def choices(before: list[str], current: str) -> Suggestion:
    """Return the candidates for `current`, after the words `before` (the program's name left out)."""
    line = _Line(before)
    if line.awaited is not None:
        return Suggestion(FILES) if isinstance(line.awaited, str) else _value(line, line.awaited, current)
    if current.startswith("-") and not line.has_ended:
        return _named_options(line, current)
    if line.command is None:
        if line.operands:
            return Suggestion()
        told = {command.name: command.summary.partition(";")[0] for command in COMMANDS}
        return Suggestion(**told, help="all about a command")
    parameter = line.operand()
    return _value(line, parameter, current) if parameter is not None else Suggestion()


def _named_options(line: _Line, current: str) -> Suggestion:
    flag, equals, begun = current.partition("=")
    if not equals:
        return Suggestion(**line.flag_words())
    parameter = line.value_of(flag)
    if parameter is None or isinstance(parameter, str):
        return Suggestion()
    found = _value(line, parameter, begun)
    return Suggestion(**{f"{flag}={word}": told for word, told in found.words.items()})


def _value(line: _Line, parameter: Parameter, current: str) -> Suggestion:
    """Return the values of a parameter, as far as they can be known."""
    if parameter.choices:
        return Suggestion(**dict.fromkeys(parameter.choices, ""))
    if parameter.metavar in _REVISIONS:
        return _revisions(line, current)
    if parameter.kind in (table.TARGET, table.TARGETS):
        return Suggestion(DIRECTORIES, **_names(line))
    if parameter.kind in (table.PATH, table.PATHS, table.CONF_PATH):
        names = _names(line) if "NAME" in parameter.metavar.split("|") else {}
        return Suggestion(DIRECTORIES if parameter.metavar == "DIR" else FILES, **names)
    if parameter.metavar == "PATH":
        return Suggestion(FILES, **_conflicts(line))
    if parameter.name == "key":
        return Suggestion(**_keys())
    return Suggestion()


def _status(line: _Line) -> dict[str, Any] | None:
    try:
        status = client.call(places.socket_address(line.options.get("--socket")), "status", {}, ASK_S)
    except GitsyncError:
        return None
    return status if isinstance(status, dict) else None


def _conflicts(line: _Line) -> dict[str, str]:
    """Return the paths that are in conflict, as far as a daemon knows."""
    repos = (_status(line) or {}).get("repos") or ()
    return {str(path): str(entry.get("name")) for entry in repos for path in entry.get("conflicts") or ()}


def _names(line: _Line) -> dict[str, str]:
    """Return what repositories and jobs are called."""
    status = _status(line)
    if status is None:
        return _configured_names(line)
    return {
        str(entry.get("name")): str(entry.get("path") or entry.get("backend") or "")
        for key in ("repos", "jobs")
        for entry in status.get(key) or ()
    }


def _configured_names(line: _Line) -> dict[str, str]:
    """Return the same from config.toml, which may have any fault."""
    import tomllib

    try:
        with open(places.config_file(line.options.get("--config")), "rb") as stream:
            raw = tomllib.load(stream)
    except (OSError, ValueError, RuntimeError):
        return {}
    entries = [entry for key in ("repo", "job") for entry in _tables(raw.get(key))]
    named = ((entry.get("name"), entry.get("path")) for entry in entries)
    return {
        str(name or os.path.basename(str(path).rstrip("/"))): str(path or "")  # noqa: PTH119 - of a text
        for name, path in named
        if name or path
    }


def _tables(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _keys() -> dict[str, str]:
    from gitsync.config.options import SECTIONS

    return {
        f"{section.name}.{key}": row.doc
        for section in SECTIONS.values()
        if not section.is_list
        for key, row in section.rows.items()
    }


def _revisions(line: _Line, current: str) -> Suggestion:
    """Return branches, tags and the last commits of the repository that the line is about, or a revision's files."""
    where = _directory(line)
    revision, colon, begun = current.partition(":")
    if colon:
        parent = begun.rpartition("/")[0]
        told = _git(where, "ls-tree", "-z", "--full-tree", revision, *([f"{parent}/"] if parent else []))
        words = {}
        for entry in told.split("\0"):
            kind, _, path = entry.partition("\t")
            if path:
                words[f"{revision}:{path}{'/' if ' tree ' in kind else ''}"] = ""
        return Suggestion(**words)
    refs = _git(where, "for-each-ref", f"--count={REFS}", "--format=%(refname:short)", "refs/heads", "refs/tags")
    log = _git(where, "log", f"--max-count={COMMITS}", "--format=%h%x09%s, %cr")
    words = {"HEAD": "the last commit", **dict.fromkeys(refs.splitlines(), "")}
    words.update(entry.partition("\t")[::2] for entry in log.splitlines())
    return Suggestion(**words)


def _directory(line: _Line) -> str:
    """Return the directory whose repository is meant: that of the path on the line, else the working directory."""
    for operand in line.operands:
        path = os.path.expanduser(operand)  # noqa: PTH111 - pathlib takes 3 ms to load
        if os.path.isdir(path):  # noqa: PTH112 - the same
            return path
        parent = os.path.dirname(path)  # noqa: PTH120 - the same
        if parent and os.path.isdir(parent):  # noqa: PTH112 - the same
            return parent
    return "."


def _git(where: str, *argv: str) -> str:
    from gitsync.errors import OperationError
    from gitsync.git import program

    try:
        done = program.run(*argv, root=where, deadline_s=GIT_S)
    except (OSError, OperationError):
        return ""
    return os.fsdecode(done.stdout) if done.ok else ""
