"""Names in composed form, as git on macOS stores them (`core.precomposeunicode`). Pure.

macOS finds a file by both forms of its name, and reports either, as a program has written it. A name in the other form
would become a second file in the history.
"""

from __future__ import annotations

import sys


def composed(path: bytes) -> bytes:
    """Return a path in Unicode's normal form C; one that is not UTF-8 as it is."""
    if path.isascii():
        return path
    import unicodedata  # here: a megabyte that most names do not need

    try:
        return unicodedata.normalize("NFC", path.decode("utf-8")).encode("utf-8")
    except UnicodeDecodeError:
        return path


def spelled_in_home(path: bytes) -> bytes:
    """Return a path of home as the mirror has it, where gitsync is the only one to add names."""
    return composed(path) if sys.platform == "darwin" else path
