"""The files that `service install` writes: marked, so that only these are ever overwritten or removed.

Runs on the control command's only thread; owns the files that carry the mark.
"""

from __future__ import annotations

import hashlib
import re
from itertools import count
from pathlib import Path

from gitsync.config.store import edit_file
from gitsync.errors import OperationError
from gitsync.text import escape

_MARK = re.compile(r"^(?:# |<!-- )written by gitsyncctl service install, sum ([0-9a-f]{16})(?: -->)?\n", re.MULTILINE)


def marked(text: str, *, is_xml: bool = False) -> str:
    """Return `text` with a line that says who wrote it and what it was; in XML after its first line."""
    mark = f"written by gitsyncctl service install, sum {_sum(text)}"
    if not is_xml:
        return f"# {mark}\n{text}"
    first, _, rest = text.partition("\n")
    return f"{first}\n<!-- {mark} -->\n{rest}"


def is_ours(path: Path) -> bool:
    """Whether the file is there and nobody has changed it since it was written."""
    text = _read(path)
    found = _MARK.search(text) if text is not None else None
    return found is not None and text is not None and _sum(_MARK.sub("", text, count=1)) == found[1]


def has_mark(path: Path) -> bool:
    """Whether the file began as one that was written here."""
    return _MARK.search(_read(path) or "") is not None


def put(path: Path, text: str) -> Path | None:
    """Write a file. A file that a person wrote or changed there is moved aside; return where to, or None.

    Raise OperationError when it cannot be written; everything is as it was then.
    """
    aside = None
    if _read(path) is not None and not is_ours(path):
        aside = set_aside(path)
    try:
        edit_file(path, lambda _: text)
    except OperationError:
        if aside is not None:
            aside.replace(path)
        raise
    return aside


def set_aside(path: Path) -> Path:
    """Rename a file to a free name that the service manager does not read, and return that name."""
    names = (path.with_name(f"{path.name}.bak{n or ''}") for n in count())
    aside = next(name for name in names if not name.exists())
    try:
        return path.rename(aside)
    except OSError as error:
        raise _trouble("cannot move", path, error) from error


def remove(path: Path) -> Path | None:
    """Remove a file that was written here. One that was changed since is moved aside; return where to, or None."""
    if not has_mark(path):
        return None
    if not is_ours(path):
        return set_aside(path)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _trouble("cannot remove", path, error) from error
    return None


def _read(path: Path) -> str | None:
    try:
        # The link to /dev/null of a mask is a file that somebody made, too.
        return path.read_text("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _trouble("cannot read", path, error) from error


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _trouble(what: str, path: Path, error: OSError) -> OperationError:
    return OperationError(f"{what} {escape(str(path))}: {error.strerror}", "check the permissions of its directory")
