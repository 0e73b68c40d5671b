"""Completes command lines for the shells: from the table of commands, the daemon, the configuration, git.

Runs on the control command's only thread, at each Tab: the daemon is asked on its socket, without one config.toml is
looked into, and nothing of gitsync's engine is loaded. Whatever goes wrong, there is less to choose from and no word.
"""

from __future__ import annotations

import os

from gitsync import places
from gitsync.cli import history_words
from gitsync.cli.history_words import Place, git
from gitsync.cli.parser import GLOBAL_OPTIONS
from gitsync.control import client, table
from gitsync.control.commands import BY_NAME, COMMANDS, LISTS
from gitsync.errors import GitsyncError
from gitsync.text import tilde

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gitsync.control.table import Command, Parameter

# Directives for the shell.
NOTHING = "nothing"
FILES = "files"
DIRECTORIES = "directories"
ASK_S = 1.0
COMMITS = 20
REFS = 200
_WITH_VALUE = tuple(flag for flag, metavar, _ in GLOBAL_OPTIONS if metavar)
_REVISIONS = ("REV", "REV[:PATH]")
# Files and directories that are offered at most.
LISTED = 1000
MOMENTS = (
    "10 minutes ago",
    "1 hour ago",
    "today 08:00",
    "yesterday",
    "yesterday 18:00",
    "3 days ago",
    "1 week ago",
    "1 month ago",
)


class Suggestion:
    """The candidates for the next word: words with what they are, and what the shell adds to them."""

    def __init__(self, more: str = NOTHING, **words: str) -> None:
        self.more = more
        self.words = dict(words)
        self.without: frozenset[str] = frozenset()

    def leave_out(self, typed: list[str]) -> None:
        """Leave out what is on the line already."""
        self.without = frozenset(word.rstrip("/") for word in typed)

    def beginning(self, prefix: str) -> list[tuple[str, str]]:
        """Return the words that begin with `prefix`."""
        found = {word: told for word, told in self.words.items() if word.startswith(prefix)}
        return [(word, told) for word, told in found.items() if word.rstrip("/") not in self.without]

    def listed(self, prefix: str) -> list[str]:
        """Return the files or directories that begin with `prefix`, as far as such are wanted; none of git's own."""
        if self.more == NOTHING:
            return []
        found = [each for each in _entries(prefix) if self.more == FILES or each.endswith("/")]
        return [each for each in found if each.rstrip("/") not in self.without and each not in self.words]


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
        self.flags: set[str] = set()
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
            self.flags.add(word.partition("=")[0])
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
        """Return the options that are possible here and were not given yet."""
        left = [each for each in self._parameters() if not self.flags.intersection(each.flags)]
        found = {flag: each.help for each in left for flag in each.flags}
        found.update({flag: help for flag, _, help in GLOBAL_OPTIONS})
        found["--help"] = "all about it"
        return {flag: help for flag, help in found.items() if flag not in self.flags}

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
    if parameter is None:
        return Suggestion()
    found = _value(line, parameter, current)
    if parameter.kind in LISTS:
        found.leave_out(line.operands)
    return found


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
        names |= _of_history(line, current) if not parameter.flags else {}
        return Suggestion(DIRECTORIES if parameter.metavar == "DIR" else FILES, **names)
    if parameter.metavar == "PATH":
        return Suggestion(FILES, **_conflicts(line))
    if parameter.metavar == "WHEN":
        return Suggestion(**dict.fromkeys(MOMENTS, ""))
    return _special(line, parameter)


def _special(line: _Line, parameter: Parameter) -> Suggestion:
    """Return the values of a parameter that only one command has."""
    command = line.command.name if line.command is not None else ""
    if parameter.name == "key":
        return Suggestion(**_keys(line)) if line.operands[:1] in (["get"], ["set"]) else Suggestion()
    if (command, parameter.name) == ("undo", "commit"):
        return Suggestion(**_undoable(line))
    if (command, parameter.name) == ("resolve", "keep"):
        return Suggestion(**_machines(line))
    return Suggestion()


def _of_history(line: _Line, current: str) -> dict[str, str]:
    """Return deleted paths, and paths behind a repository's name, for the commands that know them."""
    if line.command is None or line.command.handler not in ("files", "restore", "forget"):
        return {}
    known = _places(line)
    found = history_words.named(known, current) if current else {}
    return found if ":" in current else history_words.deleted(known, current) | found


def _entries(prefix: str) -> list[str]:
    typed, begun = prefix[: prefix.rfind("/") + 1], prefix[prefix.rfind("/") + 1 :]
    try:
        with os.scandir(os.path.expanduser(typed) or ".") as entries:  # noqa: PTH111 - pathlib takes 3 ms to load
            names = [
                entry.name + ("/" if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(begun) and entry.name != ".git" and (begun or entry.name[0] != ".")
            ]
    except OSError:
        return []
    # A name that begins as an option does needs its directory.
    return [(typed or ("./" if name[0] == "-" else "")) + name for name in sorted(names)[:LISTED]]


def _asked(line: _Line, method: str, **params: Any) -> dict[str, Any]:
    try:
        answer = client.call(places.socket_address(line.options.get("--socket")), method, params, ASK_S)
    except GitsyncError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _undoable(line: _Line) -> dict[str, str]:
    """Return the changes that undo could take back, as far as a daemon knows."""
    name = {"name": line.operands[0]} if line.operands else {}
    changes = _asked(line, "undo", list=True, **name).get("changes") or ()
    return {
        str(change["commit"]["id"])[:7]: f"{str(change['time'])[:16].replace('T', ' ')}  {change['commit']['message']}"
        for change in changes
    }


def _machines(line: _Line) -> dict[str, str]:
    """Return the machines whose versions are in conflict, as far as a daemon knows."""
    conflicts = _asked(line, "conflicts").get("conflicts") or ()
    asked = os.path.basename(line.operands[0]) if line.operands else ""  # noqa: PTH119 - pathlib takes 3 ms to load
    return {
        str(version["machine"]): f"{version['path']}, {str(version['time'])[:16].replace('T', ' ')}"
        for conflict in conflicts
        for version in conflict.get("versions") or ()
        if version.get("machine") and (not asked or str(conflict["path"]).endswith(asked))
    }


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
    home = {"home": tilde(str(status["home"].get("repo") or ""))} if status.get("home") else {}
    return home | {
        str(entry.get("name")): tilde(str(entry.get("path") or entry.get("backend") or ""))
        for key in ("repos", "jobs")
        for entry in status.get(key) or ()
    }


def _places(line: _Line) -> list[Place]:
    """Return the watched repositories, the mirror of home files among them, as far as they are known."""
    status = _status(line)
    if status is None:
        raw = _configuration(line)
        repos = _tables(raw.get("repo"))
        mirror = raw["home"].get("repo") if isinstance(raw.get("home"), dict) else None
    else:
        repos = [entry for entry in status.get("repos") or () if isinstance(entry, dict)]
        mirror = (status.get("home") or {}).get("repo")
    found = [Place(_called(repo), _expanded(str(repo["path"]))) for repo in repos if repo.get("path")]
    if mirror:
        found.append(Place("home", os.path.expanduser("~"), _expanded(str(mirror))))  # noqa: PTH111 - the same
    return found


def _expanded(path: str) -> str:
    return os.path.expandvars(os.path.expanduser(path))  # noqa: PTH111 - pathlib takes 3 ms to load


def _called(entry: dict[str, Any]) -> str:
    path = str(entry.get("path") or "")
    return str(entry.get("name") or os.path.basename(path.rstrip("/")))  # noqa: PTH119 - of a text


def _configuration(line: _Line) -> dict[str, Any]:
    """Return config.toml, which may have any fault."""
    import tomllib

    try:
        with open(places.config_file(line.options.get("--config")), "rb") as stream:
            return tomllib.load(stream)
    except (OSError, ValueError, RuntimeError):
        return {}


def _configured_names(line: _Line) -> dict[str, str]:
    """Return what repositories and jobs are called from the configuration alone."""
    raw = _configuration(line)
    entries = [entry for key in ("repo", "job") for entry in _tables(raw.get(key))]
    home = {"home": str(raw["home"].get("repo") or "")} if isinstance(raw.get("home"), dict) else {}
    return home | {_called(entry): str(entry.get("path") or "") for entry in entries if _called(entry)}


def _tables(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _keys(line: _Line) -> dict[str, str]:
    from gitsync.config.options import SECTIONS

    raw = _configuration(line)
    listed = {
        f"{kind}.{_called(entry)}.{key}": row.doc
        for kind in ("repo", "job")
        for entry in _tables(raw.get(kind))
        if _called(entry)
        for key, row in SECTIONS[kind].rows.items()
    }
    return listed | {
        f"{section.name}.{key}": row.doc
        for section in SECTIONS.values()
        if not section.is_list
        for key, row in section.rows.items()
    }


def _revisions(line: _Line, current: str) -> Suggestion:
    """Return branches, tags and the last commits of the repository that the line is about, or a revision's files."""
    if line.operands and (found := history_words.versions(_places(line), line.operands[0])):
        return Suggestion(**found)
    where = _directory(line)
    revision, colon, begun = current.partition(":")
    if colon:
        parent = begun.rpartition("/")[0]
        told = git(where, "ls-tree", "-z", "--full-tree", revision, *([f"{parent}/"] if parent else []))
        words = {}
        for entry in told.split("\0"):
            kind, _, path = entry.partition("\t")
            if path:
                words[f"{revision}:{path}{'/' if ' tree ' in kind else ''}"] = ""
        return Suggestion(**words)
    refs = git(where, "for-each-ref", f"--count={REFS}", "--format=%(refname:short)", "refs/heads", "refs/tags")
    log = git(where, "log", f"--max-count={COMMITS}", "--format=%h%x09%s, %cr")
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
