"""The profile that unison is given: the user's options and templates, as lines. Any thread; reads templates only.

A template is taken in word for word rather than included, so that unison's own directory can be the job's.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from gitsync.config.options import JobConfig
from gitsync.errors import OperationError
from gitsync.text import escape

_INCLUDE = re.compile(r"\s*(include|source)\s+(?P<name>.*?)\s*")
_KEY = re.compile(r"\s*(?P<key>[A-Za-z]+)\s*=\s*(?P<value>.*?)\s*")
DEPTH = 5
# A run goes on over failures; what a user writes comes behind, and wins.
DEFAULTS = ("times = true", "maxerrors = 1000", "retry = 1")
SSH_ARGS = "-o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
# Whose meaning is the job's own: where, which way, and without a person.
_OURS = ("root", "batch", "auto", "repeat", "ui", "terse", "silent", "dumbtty", "color", "log", "logfile", "i")
_FORCING = ("force", "forcepartial")


def user_directory() -> Path:
    """Return where the user's own profiles are."""
    return Path(os.environ.get("UNISON") or Path.home() / ".unison")


def profile(job: JobConfig) -> list[str]:
    """Return the lines of the profile; raise OperationError for a missing template, and for `force`."""
    lines: list[str] = []
    for line in _lines_of(job.options):
        lines += _expanded(job, line, DEPTH)
    kept: list[str] = []
    ssh_args = [SSH_ARGS]
    for line in lines:
        found = _KEY.fullmatch(line)
        key = found["key"] if found else ""
        if key in _FORCING:
            raise OperationError(
                f"{job.name}: {key} overwrites what the other side has, seen or not: it is not allowed in a job",
                'take it out; for one way only, set mode = "push" or "pull"',
                code="usage",
            )
        if found and key == "sshargs":
            ssh_args.insert(0, found["value"])  # of two settings ssh takes the first
        elif key not in _OURS:
            kept.append(line)
    return [*DEFAULTS, *kept, f"sshargs = {' '.join(ssh_args)}"]


def _lines_of(options: tuple[str, ...]) -> list[str]:
    """Return options as profile lines: "-ignore", "Name *.o" and "-ignore=Name *.o" are "ignore = Name *.o"."""
    lines: list[str] = []
    waiting = ""
    for option in options:
        if option.startswith("-") and waiting != "sshargs":
            if waiting:
                lines.append(f"{waiting} = true")
            key, sign, value = option.lstrip("-").partition("=")
            if not sign:
                key, _, value = key.partition(" ")
            waiting = "" if value else key.strip()
            if value:
                lines.append(f"{key.strip()} = {value.strip()}")
        elif waiting and not _KEY.fullmatch(option) and not _INCLUDE.fullmatch(option):
            lines.append(f"{waiting} = {option}")
            waiting = ""
        else:
            if waiting:
                lines.append(f"{waiting} = true")
                waiting = ""
            lines.append(option)
    return [*lines, f"{waiting} = true"] if waiting else lines


def _expanded(job: JobConfig, line: str, depth: int) -> list[str]:
    found = _INCLUDE.fullmatch(line)
    if found is None:
        return [line]
    directory = user_directory()
    places = [directory / found["name"], directory / f"{found['name']}.prf"]
    name = escape(found["name"])
    for place in reversed(places):
        try:
            text = place.read_text("utf-8", "surrogateescape")
        except (FileNotFoundError, IsADirectoryError):
            continue
        except OSError as error:
            raise OperationError(
                f"{job.name}: cannot read {place}: {error.strerror}", "check its permissions"
            ) from error
        if not depth:
            raise OperationError(f"{job.name}: the profile {name} includes itself", "look at its include lines")
        return [inner for outer in text.splitlines() for inner in _expanded(job, outer, depth - 1)]
    raise OperationError(
        f"{job.name}: there is no unison profile {name} in {directory}",
        f"make {places[1]}, or take {name} out of the job",
        code="no-profile",
    )
