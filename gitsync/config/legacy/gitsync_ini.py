"""Reads the first GitSync's INI file: `[gitsync]` with `work_dir = DIR, DIR`. On the calling thread.

Its behaviour is kept where gitsync supports it: one commit per file. Everything else has the usual defaults.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from gitsync.config.build import free_name
from gitsync.config.checks import name_from
from gitsync.config.faults import Faults
from gitsync.config.options import Config, RepoConfig
from gitsync.config.values import quoted
from gitsync.text import as_word, escape

SECTION, KEY = "gitsync", "work_dir"
GRANULARITY = "file"
_KEY_LINE = re.compile(rf"\s*{KEY}\s*[=:]", re.IGNORECASE)
# A quote inside a word is part of the word (o'brien), one after a blank begins the next item.
_ITEM = re.compile(r"(?:[^,\n\"' \t]|(?<![ \t])[\"']|[ \t]+(?![\"' \t,\n]|$))+")


def looks_like_ini(text: str) -> bool:
    """Return whether this could be GitSync's INI: it has the section and, after it, the key."""
    return _line_of_key(text) > 0


def parse_ini(text: str, source: Path) -> Config:
    """Return the Config for an INI file of GitSync; raise ConfigError with all its faults."""
    import configparser  # late: few have such a file

    faults = Faults(source)
    # Option names are not case-sensitive, "%" is literal, and " ;" begins a comment, as in GitSync.
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",))
    try:
        parser.read_string(text.replace("\r\n", "\n"), str(source))
    except configparser.ParsingError as error:
        for line, what in getattr(error, "errors", None) or [(getattr(error, "lineno", 0) or 0, "")]:
            faults.add_line(
                line, f"neither a section nor KEY = VALUE{': ' + quoted(what.strip(chr(39))) if what else ''}"
            )
    except configparser.DuplicateOptionError as error:
        faults.add_line(error.lineno or 0, f"key {quoted(error.option)} occurs twice")
    except configparser.DuplicateSectionError as error:
        faults.add_line(error.lineno or 0, f"section {quoted(error.section)} occurs twice")
    faults.raise_any()
    if not parser.has_option(SECTION, KEY):
        faults.add_line(0, f"there is no [{SECTION}] section with {KEY} = DIR, DIR")
        faults.raise_any()
    repos, notices = _repos(parser.get(SECTION, KEY), _line_of_key(text), faults)
    faults.raise_any()
    notices.insert(
        0,
        f"using the first GitSync's configuration: {escape(str(source))}; "
        f"to convert it to config.toml: gitsyncctl import --gitsync {as_word(str(source))}",
    )
    return Config(repos=tuple(repos), source=source, notices=tuple(notices))


def work_dirs(value: str) -> list[str]:
    """Return the directories in a `work_dir`, separated by commas, line breaks or blanks.

    Quotes allow all of these in a name. Blanks without quotes are part of the name if that directory exists, because
    the first GitSync split at commas only. Raise ValueError for an unterminated quote.
    """
    found: list[str] = []
    at = 0
    while at < len(value):
        if value[at].isspace() or value[at] == ",":
            at += 1
        elif value[at] in "\"'":
            end = value.find(value[at], at + 1)
            if end < 0:
                raise ValueError(f"has an unterminated quote {value[at]}")
            found.append(value[at + 1 : end])
            at = end + 1
        else:
            item = _ITEM.match(value, at)
            text = item[0] if item else value[at]
            found.extend([text] if _is_directory(text) else text.split())
            at += len(text)
    return [item for item in found if item]


def _is_directory(text: str) -> bool:
    return Path(os.path.expanduser(text)).is_dir()  # noqa: PTH111 - Path.expanduser raises for an unknown ~user


def _repos(value: str, line: int, faults: Faults) -> tuple[list[RepoConfig], list[str]]:
    repos: list[RepoConfig] = []
    notices: list[str] = []
    roots: set[str] = set()
    try:
        items = work_dirs(value)
    except ValueError as error:
        faults.add_line(line, f"key {KEY}: {error}")
        return [], []
    if not items:
        notices.append(f"{KEY} names no directory: there is nothing to watch")
    for item in items:
        path = Path(os.path.expanduser(item))  # noqa: PTH111 - Path.expanduser raises for an unknown ~user
        if not path.is_absolute() or "\0" in item:
            faults.add_line(line, f'key {KEY}: {quoted(item)} is not a path; allowed: one that begins with "/" or "~/"')
            continue
        path = Path(os.path.realpath(path)) if ".." in path.parts else path
        if (root := os.path.realpath(path)) in roots:
            notices.append(f"{KEY} lists {quoted(item)} twice; it is watched once")
            continue
        roots.add(root)
        name = free_name(name_from(path.name) or "root", {repo.name for repo in repos})
        repos.append(RepoConfig(name=name, path=path, granularity=GRANULARITY))
    return repos, notices


def _line_of_key(text: str) -> int:
    is_in_section = False
    for number, line in enumerate(text.split("\n"), 1):
        is_in_section |= line.strip() == f"[{SECTION}]"
        if is_in_section and _KEY_LINE.match(line):
            return number
    return 0
