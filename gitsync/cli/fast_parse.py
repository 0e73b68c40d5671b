"""Reads the plain command lines that make up nearly all of them, without argparse, which takes 5 ms. Pure but for the
working directory; the only thread.

What it does not know for certain it leaves to `parser`: values, mistakes, help. Where it answers, both answer the same.
"""

from __future__ import annotations

import os

from gitsync.control.commands import duration_s
from gitsync.control.table import FLAG, TARGETS, Command
from gitsync.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def quick(command: Command, argv: list[str]) -> dict[str, Any] | None:
    """Return what `parser.parse` would return, or None where it has to be asked."""
    given: dict[str, Any] = {"global_json": False, "global_config": None, "global_socket": None}
    flags: dict[str, str] = {"--json": "global_json"}
    targets: list[str] | None = None
    for parameter in command.parameters:
        if parameter.kind == FLAG:
            flags.update(dict.fromkeys(parameter.flags, parameter.name))
            given[parameter.name] = False
        elif parameter.kind == TARGETS and targets is None:
            targets = given[parameter.name] = []
        elif parameter.flags and not parameter.is_required:
            given[parameter.name] = None
        else:
            return None
    words = iter(argv)
    for word in words:
        if word in flags:
            given[flags[word]] = True
        elif word in ("--config", "--socket"):
            value = next(words, "-")
            if value.startswith("-"):
                return None
            given[f"global_{word[2:]}"] = value
        elif not word or word.startswith("-") or targets is None:
            return None
        else:
            targets.append(target(word))
    return given


def absolute(path: str) -> str:
    """Return `path` as the daemon can use it, whose working directory is another. Links stay."""
    if not path:
        raise UsageError("the path is empty", "name a file or a directory")
    try:
        found = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - pathlib takes 3 ms to load
    except FileNotFoundError:
        raise UsageError(f"the working directory is gone, so {path} means nothing", "give an absolute path") from None
    # Two slashes at the beginning stay two in Python, and would be another directory than the same with one.
    return f"/{found.lstrip('/')}"


def conf(name: str) -> str:
    """Return the path of a Sync Manager file; a bare name that is not here is looked for in ~/.sync-conf."""
    here = absolute(name)
    if "/" in name or os.path.lexists(here):
        return here
    there = absolute(f"~/.sync-conf/{name}")
    return there if os.path.lexists(there) else here


def target(word: str) -> str:
    """Return a repository's name as it is, and a path as an absolute one."""
    return absolute(word) if "/" in word or word in (".", "..", "~", "") else word


def duration(text: str) -> float:
    """Return the seconds of a duration."""
    try:
        return duration_s(text)
    except ValueError as error:
        raise UsageError(f"the time {error}", 'write it like "30m" or "1h"') from error


def count(text: str) -> int:
    """Return a whole number, at least 1."""
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise UsageError(f"{text!r} is not an integer of at least 1", "write it like 10")
    return int(text)
