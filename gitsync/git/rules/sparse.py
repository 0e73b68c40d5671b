"""Which paths a sparse checkout leaves out of the work tree: core.sparseCheckout and info/sparse-checkout.

Any thread. git tells it of a path only while it writes an index; a test holds this equal to what it writes. The lines
are those of an ignore file, but say what is there, and of a path whose own name no line decides its directory decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from gitsync.git.rules import config

_CLASSES = {"alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "lower": "a-z", "upper": "A-Z", "space": r"\s"}


class SparseCheckout:
    """The patterns of one work tree, as they are now; without a sparse checkout nothing is left out."""

    def __init__(self, root: str | Path) -> None:
        """Read the patterns; raise OperationError when git's configuration cannot be read."""
        self._lines: tuple[_Line, ...] | None = None
        if not config.read(Path(root)).is_true("core.sparsecheckout"):
            return
        try:
            text = (config.git_dir(Path(root)) / "info/sparse-checkout").read_bytes()
        except OSError:
            return  # git leaves nothing out then
        self._lines = tuple(_parsed(text.decode("utf-8", "surrogateescape").split("\n")))

    @property
    def is_on(self) -> bool:
        """Whether anything is left out at all."""
        return self._lines is not None

    def is_outside(self, path: bytes) -> bool:
        """Whether `path` is tracked, but not to be on disk."""
        if self._lines is None:
            return False
        at, is_dir = path.decode("utf-8", "surrogateescape"), False
        while at:
            for line in reversed(self._lines):
                if line.takes(at, is_dir):
                    return line.is_negated
            at, is_dir = at.rpartition("/")[0], True
        return True


class _Line(NamedTuple):
    pattern: re.Pattern[str]
    is_negated: bool
    is_for_directories: bool
    is_anchored: bool

    def takes(self, path: str, is_dir: bool) -> bool:
        if self.is_for_directories and not is_dir:
            return False
        return self.pattern.fullmatch(path if self.is_anchored else path.rpartition("/")[2]) is not None


def _parsed(lines: Iterable[str]) -> Iterable[_Line]:
    for line in lines:
        text = re.sub(r"(?<!\\) +$", "", line.removesuffix("\r"))
        is_negated = text.startswith("!")
        if not text or text.startswith("#"):
            continue
        text = text[1:] if is_negated else text
        is_for_directories = text.endswith("/")
        text = text.removesuffix("/")
        yield _Line(_compiled(text.removeprefix("/")), is_negated, is_for_directories, "/" in text)


def _compiled(glob: str) -> re.Pattern[str]:
    """Return git's wildmatch pattern as a regular expression: a star stops at a slash, two stars do not."""
    found, at = "", 0
    while at < len(glob):
        if glob.startswith("**/", at) and (at == 0 or glob[at - 1] == "/"):
            found, at = found + "(?:.*/)?", at + 3
        elif glob.startswith("**", at) and at + 2 == len(glob) and (at == 0 or glob[at - 1] == "/"):
            found, at = found + ".*", at + 2
        elif glob[at] == "*":
            found, at = found + "[^/]*", at + 1
        elif glob[at] == "?":
            found, at = found + "[^/]", at + 1
        elif glob[at] == "[" and (matched := re.compile(r"\[[!^]?\]?(?:\[:\w+:\]|\\.|[^\]])*\]").match(glob, at)):
            found, at = found + _class(matched[0]), matched.end()
        else:
            at += glob[at] == "\\" and at + 1 < len(glob)
            found, at = found + re.escape(glob[at]), at + 1
    return re.compile(found, re.DOTALL)


def _class(text: str) -> str:
    inner = text[1:-1]
    is_negated = inner[:1] in ("!", "^")
    inner = re.sub(r"\[:(\w+):\]", lambda named: _CLASSES.get(named[1], ""), inner[1:] if is_negated else inner)
    inner = inner.replace("[", r"\[").replace("]", r"\]")
    return f"(?!/)[{'^' if is_negated else ''}{inner}]"
