"""Saves the data that is needed to fix a bug in either program, without the secrets that a command line may contain.

Runs on the thread that ends the process. Owns the report that it writes.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import traceback

from gitsync import clock, places
from gitsync.errors import EXIT_BUG, GitsyncError
from gitsync.redaction import redact
from gitsync.version import VERSION

_AFTER_NAME = re.compile(r"(?i)\b([\w.-]*(?:token|passw|secret|api[-_]?key|credential)[\w.-]*)([=: ]+)(\S+)")
HIDDEN = "***"


class BugError(GitsyncError):
    """An exception that nobody foresaw."""

    code = "bug"
    exit_status = EXIT_BUG

    def __init__(self, where: str) -> None:
        super().__init__(f"a bug in gitsync; the report is in {where}", "please look it through and send it to us")


def without_secrets(text: str) -> str:
    """Return `text` without what `redact` removes, and without the text after a word like "token"."""
    return _AFTER_NAME.sub(rf"\1\2{HIDDEN}", redact(text))


def save(error: BaseException, argv: list[str], program: str = "gitsyncctl") -> str:
    """Write a report and return its path; without a place to write to, put it on stderr and return "stderr"."""
    now = clock.iso(clock.SystemClock().wall())
    lines = [
        f"{program} {VERSION}, Python {sys.version.split()[0]}, {sys.platform}, {now}",
        "arguments: " + " ".join(ascii(without_secrets(word)) for word in _without_values(argv)),
        "",
        without_secrets("".join(traceback.format_exception(error))),
    ]
    report = "\n".join(lines).encode("utf-8", "backslashreplace")
    try:
        directory = places.state_dir() / "reports"
        directory.mkdir(mode=0o700, exist_ok=True)
        stamp = now.replace(":", "").replace("-", "")[:15]
        handle, path = tempfile.mkstemp(prefix=f"{program}-{stamp}-", suffix=".txt", dir=directory)
        with open(handle, "wb") as file:
            file.write(report)
    except (OSError, GitsyncError):
        os.write(2, report)
        return "stderr"
    return path


def _without_values(argv: list[str]) -> list[str]:
    """Return the words with the value of `config set KEY VALUE` hidden where its key speaks of a secret."""
    words = list(argv)
    for at, word in enumerate(words[:-1]):
        if _AFTER_NAME.match(f"{word} x"):
            words[at + 1] = HIDDEN
    return words
