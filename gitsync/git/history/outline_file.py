"""Keeps the index of a long history in a file, from which it is there in a moment, and need not be loaded.

A cache: it only saves time. Where there is any doubt (another format, a history that was rewritten or looks different,
damage) it is deleted, and the history is read again. A file is replaced as a whole and never written to, so that a
process that has it open keeps what it had.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path

from gitsync.clock import SystemClock
from gitsync.git.history.commit_table import OpenFile, Part
from gitsync.git.history.log import History
from gitsync.git.history.outline import Outline

FILE = "outline"
# A file of another format is of another version of gitsync, or of another machine.
FORMAT = f"gitsync outline 1 {sys.byteorder}"
_HEADER = 4096
_CHUNK = 1 << 20
_LEFT_S = 3600.0


def keep(outline: Outline, history: History, place: Path) -> None:
    """Write the index to `place`."""
    _clear(place)
    parts = outline.parts()
    check = 0
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}-", delete=False) as file:
        try:
            file.seek(_HEADER)
            for data in parts.values():
                check = zlib.crc32(data, check)
                file.write(data)
            header = {
                "format": FORMAT,
                "head": outline.head,
                "seen": _seen(history),
                "sizes": {name: len(data) for name, data in parts.items()},
                "check": check,
            }
            file.seek(0)
            file.write(json.dumps(header).encode("ascii").ljust(_HEADER))
            file.flush()
            os.replace(file.name, place)
        except BaseException:
            os.unlink(file.name)
            raise


def _clear(place: Path) -> None:
    """Delete what a process left that was killed while it wrote; another one may be writing now."""
    before = SystemClock().wall() - _LEFT_S
    for left in place.parent.glob(f".{place.name}-*"):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < before:
                left.unlink()


def kept(history: History, place: Path) -> Outline | None:
    """Return the index that was kept, up to a commit of this history; None where there is none."""
    try:
        return _kept(history, place)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        discard(place)
        return None


def discard(place: Path) -> None:
    """Delete the index; one that cannot be deleted is in doubt the next time, too."""
    with suppress(OSError):
        place.unlink()


def _kept(history: History, place: Path) -> Outline:
    file = OpenFile(place)
    header = json.loads(file.read(0, _HEADER))
    if header["format"] != FORMAT or header["seen"] != _seen(history):
        raise ValueError("it is of another format, or of another history")
    check, at = 0, _HEADER
    while data := file.read(at, _CHUNK):
        check = zlib.crc32(data, check)
        at += len(data)
    if check != header["check"]:
        raise ValueError("it is damaged")
    parts, start = {}, _HEADER
    for name, size in header["sizes"].items():
        parts[name] = Part(file, start, size)
        start += size
    return Outline.of(header["head"], parts)


def _seen(history: History) -> str:
    """Return a word for what git shows instead of the commits themselves: a history that is cut off, replacements."""
    found = hashlib.sha256(history.try_ask("for-each-ref", "refs/replace") or b"")
    for name in ("shallow", "info/grafts"):
        with suppress(FileNotFoundError):
            found.update(Path(history.program.git_dir, name).read_bytes())
    return found.hexdigest()
