"""Who makes a commit, as `git var` says it: author and committer, remembered until git's configuration changes.

Any thread.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gitsync.errors import OperationError
from gitsync.git import program
from gitsync.git.rules import config
from gitsync.git.rules.config import GitConfig, Stamp
from gitsync.text import clean

IDENTITY_S = 20.0
_NAMED = re.compile(r"\s*(?P<name>[^<>]*?)\s*<(?P<mail>[^<>]*)>\s*")
_IDENT = re.compile(r"(?P<name>[^<>]*?) ?<(?P<mail>[^<>]*)> \d+ [+-]\d+\n?")
_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Person:
    """Who made a commit."""

    name: str
    mail: str


@dataclass(frozen=True, slots=True)
class Identity:
    """The two people of a commit; `is_gits` unless one of them had to be made up from user and host."""

    author: Person
    committer: Person
    is_gits: bool = True


_memory: dict[Path, tuple[Stamp, Identity]] = {}


def identity_of(root: str | Path, override: str = "") -> Identity:
    """Return `override` ("Name <mail>") as both, else whom git names, else user@host.

    Raise OperationError "identity" where git names nobody and user.useConfigOnly forbids making one up.
    """
    if matched := _NAMED.fullmatch(override):
        person = Person(matched["name"] or matched["mail"], matched["mail"])
        return Identity(person, person)
    root = Path(root)
    settings = config.read(root)
    known = _memory.get(root)
    if known is not None and known[0] == settings.stamp:
        return known[1]
    found = _asked(root, settings)
    if settings.stamp is not None:
        if len(_memory) >= _REMEMBERED:
            _memory.clear()
        _memory[root] = settings.stamp, found
    return found


def _asked(root: Path, settings: GitConfig) -> Identity:
    author, committer = (_person(root, settings, role) for role in ("author", "committer"))
    if author is not None and committer is not None:
        return Identity(author, committer)
    return Identity(author or _made_up(settings, "author"), committer or _made_up(settings, "committer"), is_gits=False)


def _person(root: Path, settings: GitConfig, role: str) -> Person | None:
    """Return whom git names in a role, None where it names nobody."""
    done = program.run("var", f"GIT_{role.upper()}_IDENT", root=root, deadline_s=IDENTITY_S)
    matched = _IDENT.fullmatch(os.fsdecode(done.stdout))
    if done.ok and matched:
        return Person(matched["name"], matched["mail"])
    if settings.is_true("user.useconfigonly"):
        where = shlex.quote(clean(str(root)))
        said = done.errors.splitlines()[-1:] or ["no reason given"]
        raise OperationError(
            f"{clean(str(root))}: git does not know who commits: {clean(said[0].removeprefix('fatal: '))}",
            how_to_name(settings.get, f"git -C {where} config"),
            code="identity",
        )
    return None


def how_to_name(get: Callable[[str], str | None], command: str) -> str:
    """Return the commands that give git the settings that it lacks for an identity, both where it has both.

    `get` returns the value of a setting.
    """
    examples = {"user.name": '"YOUR NAME"', "user.email": "YOU@EXAMPLE.ORG"}
    missing = [key for key in examples if not (get(key) or "").strip()]
    return "; ".join(f"{command} {key} {examples[key]}" for key in missing or examples)


def _made_up(settings: GitConfig, role: str) -> Person:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in the password file
        user = "gitsync"
    name = settings.get(f"{role}.name").strip() or settings.get("user.name").strip()
    mail = settings.get(f"{role}.email").strip() or settings.get("user.email").strip()
    return Person(name or user, mail or f"{user}@{socket.gethostname()}")
