"""Find a word, or a name, in every version of everything: each hit as it is found, with its version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from starlette.responses import Response

from gitsync.daemon.handlers import find
from gitsync.errors import GitsyncError
from gitsync.web.page import Asked, Link, Page, Reader
from gitsync.web.states import Json

# As many hits as a page shows before it asks whether it is to go on.
COUNT = 100
MOST = 2000
# Of a longer line the part around the word is shown.
AROUND = 120


def show(asked: Asked) -> Response:
    """Show the form, and below it what is found."""
    wanted = {name: asked.get(name) for name in ("word", "name", "repo", "since", "until")}
    flags = {name: asked.get(name) == "1" for name in ("regex", "ignore_case", "deleted")}
    hits: Iterator[Json] = iter(())
    is_asked = bool(wanted["word"] or wanted["name"]) and not asked.get("stop")
    reader = Reader()
    count = asked.number("n", COUNT, MOST)
    if is_asked:
        names = [wanted["repo"]] if wanted["repo"] else []
        hits = find.hits(asked.library.looking(), {**wanted, **flags, "names": names}, reader.has_gone)
    return asked.stream(
        "find.html",
        reader,
        wanted=wanted,
        flags=flags,
        names=asked.library.names(),
        is_asked=is_asked,
        hits=_shown(hits, count, _pattern(wanted["word"], flags)),
        more=min(count * 4, MOST) if count < MOST else 0,
    )


def _shown(hits: Iterator[Json], count: int, pattern: re.Pattern[str] | None) -> Iterator[Json]:
    """Yield the hits with their marks; an error that comes in the middle is the last of them."""
    try:
        for number, hit in enumerate(islice(hits, count + 1)):
            if number == count:
                yield {"kind": "cut"}
                return
            yield {**hit, "kind": "hit", "pieces": _pieces(str(hit["line"]), pattern)}
    except GitsyncError as error:
        yield {"kind": "trouble", "message": error.message, "hint": error.advice}


def _pattern(word: str, flags: dict[str, bool]) -> re.Pattern[str] | None:
    if not word:
        return None
    try:
        return re.compile(word if flags["regex"] else re.escape(word), re.IGNORECASE if flags["ignore_case"] else 0)
    except re.error:
        return None  # the search itself says what is wrong with it


def _pieces(line: str, pattern: re.Pattern[str] | None) -> list[tuple[str, bool]]:
    """Return a line in parts, each with whether it is what was looked for."""
    first = pattern.search(line) if pattern is not None else None
    if pattern is None or first is None:
        return [(line[: 2 * AROUND], False)]
    start = max(0, first.start() - AROUND)
    part = line[start : first.end() + AROUND]
    pieces: list[tuple[str, bool]] = [("… ", False)] if start else []
    at = 0
    for match in pattern.finditer(part):
        if match.end() > match.start():
            pieces += [(part[at : match.start()], False), (match[0], True)]
            at = match.end()
    return [*pieces, (part[at:], False)]


PAGES = (Page("/find", show),)
LINKS = (Link("/find", "Find", "search"),)
