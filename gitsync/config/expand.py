"""Expands paths as written in a configuration (`~`, `$VAR`), and the reverse. Any thread; owns nothing.

Reads the environment and resolves `..` by the file system; no path needs to exist.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

# A host, or a scheme, ends with a colon before the first slash.
_ELSEWHERE = re.compile(r"[^/]*:")
_VARIABLE = re.compile(r"\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")


def expand_text(text: str) -> str:
    """Return `text` with a leading `~` or `~user` and each `$VAR`, `${VAR}` expanded; `$$` is a dollar sign.

    Raise ValueError for a variable that is not set and a user that does not exist.
    """
    # Expand the home directory first: the value of a variable is not expanded again.
    head, slash, tail = text.partition("/")
    if head.startswith("~"):
        home = os.path.expanduser(head)  # noqa: PTH111 - Path.expanduser raises where this one leaves the text
        if home == head:
            raise ValueError(f"there is no home directory for {head}")
        return home + slash + _VARIABLE.sub(_value, tail)
    return _VARIABLE.sub(_value, text)


def expand_path(text: str) -> Path:
    """Return the absolute path for `text`.

    Symbolic links are not resolved, unless a `..` follows one. Raise ValueError for a relative path, a variable that is
    not set and a user that does not exist.
    """
    if not text:
        raise ValueError("is empty; allowed: a path")
    if "\0" in text:
        raise ValueError("contains a NUL character; allowed: a path")
    expanded = expand_text(text)
    try:
        os.fsencode(expanded)
    except UnicodeEncodeError:
        raise ValueError("cannot be encoded in this system's character set; set LC_ALL to a UTF-8 locale") from None
    path = Path(expanded)
    if not path.is_absolute():
        raise ValueError('is relative; allowed: a path that begins with "/", "~/" or $VAR')
    return Path(os.path.realpath(path)) if ".." in path.parts else path


def expand_url(text: str, *, may_be_relative: bool) -> str:
    """Return an address in which a leading `~` or variable, as in a local path, is expanded.

    Raise ValueError as `expand_text` does, and for a relative path unless it `may_be_relative`.
    """
    url = expand_text(text) if text.startswith(("~", "$")) else text
    if url and not (may_be_relative or url.startswith("/") or _ELSEWHERE.match(url)):
        raise ValueError('is relative; allowed: host:path, or a path as "/a/b" or "~/b"')
    return url


def shorten_path(path: Path) -> str:
    """Return the shortest text that `expand_path` turns into `path`, with `~` for home."""
    text = str(path)
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home raises where there is none
    if home.startswith("/") and home != "/" and (text + "/").startswith(home.rstrip("/") + "/"):
        return "~" + text[len(home.rstrip("/")) :].replace("$", "$$")
    return text.replace("$", "$$")


def _value(found: re.Match[str]) -> str:
    name = found[1] or found[2]
    if name is None:
        return "$"
    value = os.environ.get(name)
    if value is None:
        raise ValueError(f"the variable ${name} is not set (write a literal dollar sign as $$)")
    return value
