"""The lines that a search has found, each in parts: what was looked for, and what is around it.

Runs in the process of the search: a regular expression may take for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from gitsync.daemon.handlers import find
from gitsync.daemon.handlers.context import Json, Selection
from gitsync.git.history.match_time import in_time

# Of a longer line the part around the word is shown.
AROUND = 120


def marked(context: Selection, params: Json) -> Iterator[Json]:
    """Yield what `find` finds, each with the `pieces` of its line and whether each is what was looked for."""
    found = find.hits(context, params)
    pattern = _pattern(params)
    return ({**hit, "pieces": in_time(partial(pieces, str(hit["line"]), pattern))} for hit in found)


def _pattern(params: Json) -> re.Pattern[str] | None:
    word = params.get("word")
    if not word:
        return None
    flags = re.IGNORECASE if params.get("ignore_case") else re.NOFLAG
    return re.compile(word if params.get("regex") else re.escape(word), flags)


def pieces(line: str, pattern: re.Pattern[str] | None) -> list[tuple[str, bool]]:
    """Return a line in parts, each with whether it is what was looked for."""
    first = pattern.search(line) if pattern is not None else None
    if pattern is None or first is None:
        return [(line[: 2 * AROUND], False)]
    start = max(0, first.start() - AROUND)
    part = line[start : first.end() + AROUND]
    found: list[tuple[str, bool]] = [("… ", False)] if start else []
    at = 0
    for match in pattern.finditer(part):
        if match.end() > match.start():
            found += [(part[at : match.start()], False), (match[0], True)]
            at = match.end()
    return [*found, (part[at:], False)]
