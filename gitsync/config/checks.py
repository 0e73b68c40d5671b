"""Validates texts in the configuration; each function raises ValueError with what is allowed.

Pure; any thread.
"""

from __future__ import annotations

import re
import warnings

from gitsync.core.message import check_template

NAME_BYTES = 200
NAMES_ALLOWED = f'allowed: a name of at most {NAME_BYTES} bytes without "/", control characters and a leading "-"'
_IDENTITY = re.compile(r"[^<>\s][^<>\x00-\x1f\x7f]* <[^<>\s]+>")
_REF = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]+")


def check_name(text: str) -> None:
    """Refuse a name that cannot be typed, could be taken for a path or an option, or cannot be a file name."""
    if (
        not text
        or text != text.strip()
        or text in (".", "..")
        or text.startswith("-")
        or "/" in text
        or not text.isprintable()
        or len(text.encode("utf-8", "surrogatepass")) > NAME_BYTES
    ):
        raise ValueError(f"cannot be a name; {NAMES_ALLOWED}")


def check_machine(text: str) -> None:
    """Refuse what cannot be the name of a machine; an empty one names none."""
    if text:
        check_name(text)


def name_from(directory: str) -> str:
    """Return the nearest valid name to that of a directory."""
    readable = "".join(character if character.isprintable() else "_" for character in directory)
    while len(readable.encode()) > NAME_BYTES:
        readable = readable[:-1]
    return readable.strip().lstrip("-").lstrip()


def check_remote(text: str) -> None:
    """Refuse a remote that git could take for an option, or that contains blanks."""
    if text.startswith("-") or any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError('cannot be a remote; allowed: the name of one of git\'s remotes, as "origin", or "" for none')


def check_remote_name(text: str) -> None:
    """Refuse what `check_remote` refuses, and an empty name."""
    check_remote(text or " ")


def check_branch(text: str) -> None:
    """Refuse what git refuses as the name of a branch."""
    if text and (
        not _REF.fullmatch(text)
        or text.startswith(("-", "/", "."))
        or text.endswith(("/", ".", ".lock"))
        or any(bad in text for bad in ("..", "//", "@{", "/."))
    ):
        raise ValueError('cannot be a branch; allowed: the name of a branch, as "main", or "" for the one checked out')


def check_identity(text: str) -> None:
    """Refuse what git cannot store as an author."""
    if text and not _IDENTITY.fullmatch(text):
        raise ValueError('cannot be an identity; allowed: "Name <mail>", or "" for git\'s own identity')


def check_message(text: str) -> None:
    """Refuse a template with unknown placeholders."""
    try:
        check_template(text)
    except ValueError as error:
        raise ValueError(f"is not a template: {error}") from None


def check_pattern(text: str) -> None:
    """Refuse a pattern that cannot be a line of an ignore file."""
    if "\n" in text or "\r" in text:
        raise ValueError("has a pattern with a line break; allowed: patterns as in .gitignore")
    from pathspec import (
        GitIgnoreSpec,
    )  # imported late: most configurations have no patterns, and the control command must start quickly

    try:
        with warnings.catch_warnings():
            # Python's own patterns warn about some that git accepts, such as "[[a]".
            warnings.simplefilter("ignore", FutureWarning)
            GitIgnoreSpec.from_lines([text])
    except (ValueError, re.error):
        raise ValueError(f'has the invalid pattern "{text}"; allowed: patterns as in .gitignore') from None


def check_url(text: str) -> None:
    """Refuse an address that a program could take for an option, or that contains control characters."""
    if text.startswith("-") or not text.isprintable():
        raise ValueError("cannot be an address; allowed: git@host:path, ssh://host/path, host:path or /path")
