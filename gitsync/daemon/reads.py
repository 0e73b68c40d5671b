"""The child of `gitsync.daemon.apart`: a request as JSON on stdin, the answers as JSON on stdout, as they come.

What it answers with is imported for that one question.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from gitsync.daemon.alone import looking
from gitsync.daemon.apart import FIND, MARKED, OUTLINE, ROOM
from gitsync.daemon.handlers.context import Json
from gitsync.errors import GitsyncError, UsageError


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
    problems: list[Json] = []
    yield from find.hits(looking(config), params, problems=problems)
    yield from ({"problem": problem} for problem in problems)


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
