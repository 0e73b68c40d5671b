"""A long read in a process of its own: it holds up no other thread, can be killed, and its memory ends with it.

The child (`gitsync.daemon.reads`) gets a request as JSON on stdin, and answers as JSON on stdout, a document a line.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import gitsync
from gitsync import proc
from gitsync.daemon.handlers.context import Json
from gitsync.errors import OperationError, TransientError, UsageError

FIND, MARKED, ROOM, OUTLINE = "find", "marked", "room", "outline"


def ask(
    name: str, params: Json, config: str | None, deadline_s: float, is_over: Callable[[], bool] = lambda: False
) -> Iterator[Json]:
    """Yield the answers of a child, until `is_over`; it ends with the iterator. Raise what it raised."""
    rest = b""
    with tempfile.TemporaryFile() as request:
        request.write(json.dumps([name, params, config]).encode("ascii"))
        request.seek(0)
        argv = [sys.executable, "-m", "gitsync.daemon.reads"]
        output = proc.stream(
            argv, deadline_s=deadline_s, env=_import_path(), stdin_fd=request.fileno(), is_cancelled=is_over
        )
        try:
            for data in output:
                *lines, rest = (rest + data).split(b"\n")
                yield from map(_answer, lines)
        except TimeoutError as error:
            raise TransientError(
                f"{name} took longer than {deadline_s:.0f} s", "ask for less", code="deadline"
            ) from error
        except ChildProcessError as error:
            raise OperationError(f"{name} failed: {str(error)[-300:]}") from error


def _answer(line: bytes) -> Json:
    found: Json = json.loads(line)
    if "error" in found:
        error = found["error"]
        kind = UsageError if error["is_usage"] else OperationError
        raise kind(error["message"], error["hint"], code=error["code"])
    return found


def _import_path() -> dict[str, str]:
    """Return the environment in which a child finds this program, wherever it was started."""
    home = str(Path(gitsync.__file__).parent.parent)
    return {"PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))}
