"""Validates answers: each function takes what was typed and returns what it means, or raises UsageError.

On the control command's only thread; looks at the file system and changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from pathlib import Path

from gitsync import text
from gitsync.cli import fast_parse
from gitsync.config.checks import check_identity, check_url
from gitsync.config.options import SECTIONS
from gitsync.config.values import convert, quoted
from gitsync.errors import OperationError, UsageError
from gitsync.git import program

GIT_S = 10.0
_ELSEWHERE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://|[^/]*:")


def path(answer: str) -> str:
    """Return the absolute path that is meant: `~` and what is relative are resolved, links stay."""
    named = _named(answer)
    found = fast_parse.absolute(named)
    if named.startswith("~") and os.path.expanduser(named) == named:  # noqa: PTH111 - never raises
        raise UsageError(f"there is no home directory for {named.partition('/')[0]}", "write the path in full")
    if "\0" in found:
        raise UsageError("a path has no NUL character in it", "type it again")
    try:
        found.encode()
    except UnicodeEncodeError:
        raise UsageError(
            "that name is not UTF-8, and config.toml can hold no other",
            "make a symbolic link to it with another name, and name that",
        ) from None
    return found


def _named(answer: str) -> str:
    """Return the name that is meant: quotes, backslashes and blanks at an end come from a shell or a slip, unless
    something is called so."""
    plain = answer.strip()
    read = [answer, plain]
    with contextlib.suppress(ValueError):  # a quote that is not closed is a part of the name
        read += shlex.split(plain) if len(shlex.split(plain)) == 1 else []
    there = (each for each in read if each and os.path.lexists(os.path.expanduser(each)))  # noqa: PTH111 - never raises
    is_quoted = len(plain) > 2 and plain[0] == plain[-1] and plain[0] in "'\""
    return next(there, plain[1:-1] if is_quoted else plain)


def directory(answer: str) -> str:
    """Return the absolute path of a directory that is there and can be written, or can be made."""
    found = Path(path(answer))
    shown = text.tilde(str(found))
    try:
        if not found.exists():
            if found.is_symlink():
                raise UsageError(f"{shown} is a link that leads nowhere", "fix it, or choose another directory")
            above = next(each for each in found.parents if each.exists())
            if not above.is_dir():
                raise UsageError(f"{text.tilde(str(above))} is not a directory", "name another one")
            if not os.access(above, os.W_OK | os.X_OK):
                raise UsageError(f"{shown} cannot be made in {text.tilde(str(above))}", "name another one")
        elif not found.is_dir():
            raise UsageError(f"{shown} is not a directory", "name the directory that holds the files")
        elif not os.access(found, os.R_OK | os.W_OK | os.X_OK):
            raise UsageError(f"{shown} may not be read and written by you", "name another one, or look: ls -ld")
    except OSError as error:
        raise UsageError(f"{shown} cannot be looked at: {error.strerror}", "name another one") from error
    return str(found)


def is_work_tree(found: str) -> bool:
    """Return whether a directory is a work tree that can be watched, False for one that can be made one.

    Raise UsageError for what can be neither: a bare repository, the inside of a work tree, home itself, and every
    repository that gitsync cannot work with.
    """
    from gitsync.git.repository import open_repository

    shown = text.tilde(found)
    if os.path.lexists(f"{found}/.git"):
        try:
            open_repository(os.path.realpath(found))
        except OperationError as error:
            raise UsageError(error.message, error.advice) from error
        return True
    if os.path.realpath(found) in ("/", os.path.realpath(os.path.expanduser("~"))):  # noqa: PTH111 - never raises
        raise UsageError(
            f"all of {shown} is too much to watch", "name a directory in it; for single files of home comes a step"
        )
    if not Path(found).is_dir():
        return False
    asked = ("rev-parse", "--is-bare-repository", "--show-cdup")
    done = program.run(*asked, root=found, deadline_s=GIT_S)
    if done.ok and done.stdout.startswith(b"true"):
        raise UsageError(f"{shown} is a bare repository: it has no files to watch", "name a clone of it")
    if done.ok:
        top = os.path.normpath(f"{os.path.realpath(found)}/{os.fsdecode(done.stdout).splitlines()[-1]}")
        raise UsageError(
            f"{shown} lies in the work tree {text.tilde(top)}",
            f"name that one; or make it one of its own first: git init {text.as_word(shown)}",
        )
    if b"dubious ownership" in done.stderr:
        raise UsageError(f"{shown} lies in a repository of another user", "name another one")
    return False


def address(answer: str) -> str:
    """Return a URL as it is, and what is a path on this machine as an absolute one."""
    found = answer.strip()
    try:
        check_url(found)
    except ValueError as error:
        raise UsageError(f"{quoted(found)} {error}") from error
    return found if _ELSEWHERE.match(found) else path(found)


def person(answer: str) -> str:
    """Return a person's name as git can store it."""
    return _identity(answer.strip(), f"{answer.strip()} <a@b>", "a name has no < or > in it", "Ada Lovelace")


def mail(answer: str) -> str:
    """Return a mail address as git can store it."""
    whole = f"a <{answer.strip()}>" if "@" in answer else ""
    return _identity(answer.strip(), whole, "a mail address has one @, and no blank, < or > in it", "ada@example.org")


def _identity(found: str, whole: str, allowed: str, example: str) -> str:
    try:
        check_identity(whole)
        is_good = bool(whole)
    except ValueError:
        is_good = False
    if not is_good:
        raise UsageError(f"{quoted(found)} cannot be that: {allowed}", f"type it like {example}")
    return found


def numbers(count: int, answer: str) -> str:
    """Return numbers from 1 to `count`, each once, in order and parted by blanks, for "1 3 5-7" or "all"."""
    found: set[int] = set()
    for word in answer.replace(",", " ").lower().split():
        first, _, last = (f"1-{count}" if word == "all" else word).partition("-")
        if not (first.isdecimal() and (last or first).isdecimal() and 1 <= int(first) <= int(last or first) <= count):
            raise UsageError(f"{word!r} is not a number from 1 to {count}", "type it like 1 3 5-7, or all")
        found.update(range(int(first), int(last or first) + 1))
    return " ".join(map(str, sorted(found)))


def every(answer: str) -> str:
    """Return how often a job runs, as it is written in the file."""
    try:
        convert(SECTIONS["job"].rows["every"], answer.strip())
    except ValueError as error:
        raise UsageError(f"that {error}", 'write it like 30m, 1h or 1d; "off" is only when asked') from error
    return answer.strip()
