"""Find a word, or a name, in every version of everything: each hit as it is found, with its version."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from starlette.responses import Response

from gitsync.daemon import apart
from gitsync.errors import GitsyncError
from gitsync.web.page import Asked, Link, Page, Reader
from gitsync.web.states import Json

# As many hits as a page shows before it asks whether it is to go on.
COUNT = 100
MOST = 2000
SEARCH_S = 600.0


def show(asked: Asked) -> Response:
    """Show the form, and below it what is found."""
    wanted = {name: asked.get(name) for name in ("word", "name", "repo", "since", "until")}
    flags = {name: asked.get(name) == "1" for name in ("regex", "ignore_case", "deleted")}
    hits: Iterator[Json] = iter(())
    is_asked = bool(wanted["word"] or wanted["name"]) and not asked.get("stop")
    reader, away = Reader(), {}
    count = asked.number("n", COUNT, MOST)
    if is_asked:
        away = {} if wanted["repo"] else asked.library.away()
        names = [wanted["repo"]] if wanted["repo"] else [name for name in asked.library.names() if name not in away]
        params = {**wanted, **flags, "names": names}
        hits = apart.ask(apart.MARKED, params, asked.gateway.config, SEARCH_S, reader.has_gone)
    return asked.stream(
        "find.html",
        reader,
        wanted=wanted,
        flags=flags,
        names=asked.library.names(),
        is_asked=is_asked,
        away=away,
        hits=_shown(hits, count),
        more=min(count * 4, MOST) if count < MOST else 0,
    )


def _shown(hits: Iterator[Json], count: int) -> Iterator[Json]:
    """Yield the hits; an error that comes in the middle is the last of them."""
    try:
        for number, hit in enumerate(islice(hits, count + 1)):
            if number == count:
                yield {"kind": "cut"}
                return
            yield {**hit, "kind": "hit"}
    except GitsyncError as error:
        yield {"kind": "trouble", "message": error.message, "hint": error.advice}


PAGES = (Page("/find", show),)
LINKS = (Link("/find", "Find", "search"),)
