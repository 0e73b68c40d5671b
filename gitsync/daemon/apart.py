"""A long read in a process of its own: it holds up no other thread, can be killed, and its memory ends with it.

The child gets a request as JSON on stdin, and answers as JSON on stdout, a document a line, as it comes.
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
from gitsync.daemon.alone import looking
from gitsync.daemon.handlers.context import Json
from gitsync.errors import GitsyncError, OperationError, TransientError, UsageError

FIND, MARKED, ROOM, OUTLINE = "find", "marked", "room", "outline"


def ask(
    name: str, params: Json, config: str | None, deadline_s: float, is_over: Callable[[], bool] = lambda: False
) -> Iterator[Json]:
    """Yield the answers of a child, until `is_over`; it ends with the iterator. Raise what it raised."""
    rest = b""
    with tempfile.TemporaryFile() as request:
        request.write(json.dumps([name, params, config]).encode("ascii"))
        request.seek(0)
        argv = [sys.executable, "-m", "gitsync.daemon.apart"]
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


def main() -> int:
    """Answer the request."""
    name, params, config = json.load(sys.stdin.buffer)
    try:
        for document in _READS[name](params, config):
            _say(document)
    except GitsyncError as error:
        told = {"code": error.code, "message": error.message, "hint": error.advice}
        _say({"error": {**told, "is_usage": isinstance(error, UsageError)}})
    return 0


def _say(document: Json) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def _find(params: Json, config: str | None) -> Iterator[Json]:
    from gitsync.daemon.handlers import find
    from gitsync.git.history import match_time

    match_time.limit()
    return find.hits(looking(config), params)


def _marked(params: Json, config: str | None) -> Iterator[Json]:
    from gitsync.daemon.handlers import marks
    from gitsync.git.history import match_time

    match_time.limit()
    return marks.marked(looking(config), params)


def _room(params: Json, config: str | None) -> Iterator[Json]:
    from gitsync.daemon.handlers import room

    yield room.room(looking(config), params["repo"])


def _outline(params: Json, config: str | None) -> Iterator[Json]:
    from gitsync.daemon.handlers import outlines

    return outlines.kept(params["root"], params["head"], Path(params["place"]))


_READS: dict[str, Callable[[Json, str | None], Iterator[Json]]] = {
    FIND: _find,
    MARKED: _marked,
    ROOM: _room,
    OUTLINE: _outline,
}


if __name__ == "__main__":
    sys.exit(main())
