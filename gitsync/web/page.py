"""A page's declaration, and the request that its handler gets.

Handlers run on worker threads; everything here is made for one request.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, unquote_to_bytes

from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive

from gitsync import text
from gitsync.clock import SystemClock
from gitsync.errors import ConfigError, GitsyncError, UsageError
from gitsync.web.feed import Feed
from gitsync.web.gateway import Gateway
from gitsync.web.library import Library
from gitsync.web.notes import Note, Notes
from gitsync.web.render import Renderer
from gitsync.web.work import Function, Work, Works

GET, POST = "GET", "POST"
# A page waits so long for what it shows; then it says that it is worked on. A change, whose button says so at once, is
# waited for longer.
PATIENCE_S = 0.08
CHANGE_S = 5.0
STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class House:
    """Everything that outlives a request."""

    gateway: Gateway
    library: Library
    renderer: Renderer
    feed: Feed
    notes: Notes = field(default_factory=Notes)
    works: Works = field(default_factory=Works)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its parameters, from the address and from a form, and the things to answer it with."""

    house: House
    path: str
    values: Mapping[str, list[str]]

    @property
    def gateway(self) -> Gateway:
        """The way to gitsync."""
        return self.house.gateway

    @property
    def library(self) -> Library:
        """The histories."""
        return self.house.library

    def get(self, name: str, default: str = "") -> str:
        """Return a parameter, `default` where it is missing or empty."""
        found = self.values.get(name) or [""]
        return found[-1] or default

    def all(self, name: str) -> list[str]:
        """Return every value of a parameter."""
        return list(self.values.get(name) or [])

    def paths(self, name: str) -> list[str]:
        """Return the values of boxes in a form that `quoted` wrote: names of files are more than a form may hold."""
        return [os.fsdecode(unquote_to_bytes(word)) for word in self.all(name)]

    def needed(self, name: str) -> str:
        """Return a parameter; raise UsageError where it is missing."""
        found = self.get(name)
        if not found:
            raise UsageError(f"the address lacks {name!r}", "go back, and choose it on the page")
        return found

    def number(self, name: str, default: int, most: int) -> int:
        """Return a parameter that is a whole number from 1 to `most`, `default` for anything else."""
        word = self.get(name)
        return min(int(word), most) if word.isascii() and word.isdigit() and 0 < len(word) < 10 else default

    def render(self, template: str, *, http_status: int = 200, **values: Any) -> Response:
        """Return a page."""
        note = self.house.notes.take(self.get("note"))
        page = self.house.renderer.page(template, here=self.path, note=note, **values)
        return HTMLResponse(page.encode("utf-8", "backslashreplace"), http_status)

    def stream(self, template: str, reader: Reader, **values: Any) -> Response:
        """Return a page that is sent part by part, as what it shows is found, for as long as `reader` is there."""
        note = self.house.notes.take(self.get("note"))
        parts = self.house.renderer.parts(template, here=self.path, note=note, **values)
        chunks = (part.encode("utf-8", "backslashreplace") for part in parts)
        return _Stream(chunks, reader)

    def patiently(self, work: Work, function: Function, show: Callable[[Any], Response]) -> Response:
        """Return what `show` makes of a change's result; the way to a page that says how far it is, after a while."""
        self.house.works.begin(work, function)
        if work.is_done(CHANGE_S):
            return show(work.result())
        self.house.works.keep(work, show)
        return RedirectResponse(address("/waiting", id=work.word), 303)

    def awaited(
        self, work: Work, function: Function, template: str, values: Callable[[Any], dict[str, Any]]
    ) -> Response:
        """Return a page with what `values` makes of the function's result.

        Where that takes long, the page begins at once with how far it is, and ends with the result.
        """
        self.house.works.begin(work, function)
        if work.is_done(PATIENCE_S):
            return self.render(template, **values(work.result()))
        return self.stream("waiting.html", Reader(work), work=work, steps=self._steps(work, template, values))

    def _steps(self, work: Work, template: str, values: Callable[[Any], dict[str, Any]]) -> Iterator[tuple[str, str]]:
        """Yield for how long the work goes on, second by second, and then what came of it."""
        while not work.is_done(STEP_S):
            if work.is_over():
                return
            yield text.span(SystemClock().now() - work.began_at), ""
        renderer = self.house.renderer
        try:
            yield "", renderer.main(template, **values(work.result()))
        except GitsyncError as error:
            yield "", renderer.main("problem.html", faults=faults_of(error), hint=error.advice)

    def leave(self, back: str, note: Note | None = None) -> Response:
        """Return the way back after a change, to a page of this server, which shows `note` once."""
        where = back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
        if note is not None:
            where += ("&" if "?" in where else "?") + f"note={self.house.notes.keep(note)}"
        return RedirectResponse(where, 303)


class Reader:
    """The browser that a page is sent to part by part; it may go before the end."""

    def __init__(self, work: Work | None = None) -> None:
        self._work = work
        self._has_gone = False

    def leave(self) -> None:
        """Note that it has gone; nobody waits for the work of the page then."""
        self._has_gone = True
        if self._work is not None:
            self._work.cancel()

    def has_gone(self) -> bool:
        """Return whether nobody reads any more."""
        return self._has_gone


class _Stream(StreamingResponse):
    """Tells its reader's going to what makes the parts: a thread that waits for the next one cannot be stopped."""

    def __init__(self, chunks: Iterator[bytes], reader: Reader) -> None:
        super().__init__(chunks, media_type="text/html; charset=utf-8")
        self._reader = reader

    async def listen_for_disconnect(self, receive: Receive) -> None:
        """Wait until the browser has gone."""
        await super().listen_for_disconnect(receive)
        self._reader.leave()


Handler = Callable[[Asked], Response]


@dataclass(frozen=True, slots=True)
class Page:
    """An address and what answers it; a `method` of POST changes something."""

    path: str
    handler: Handler
    method: str = GET


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the navigation: `icon` is one of `templates/icons.html`."""

    path: str
    label: str
    icon: str


def faults_of(error: GitsyncError) -> list[str]:
    """Return what a person reads of an error."""
    return error.faults if isinstance(error, ConfigError) else [error.message]


def parsed(query: bytes) -> dict[str, list[str]]:
    """Return the parameters of an address or a form; bytes that are not UTF-8 are kept as surrogates."""
    return parse_qs(query.decode("ascii", "surrogateescape"), errors="surrogateescape", keep_blank_values=True)


def address(path: str, /, **values: object) -> str:
    """Return the address of a page with parameters; empty ones are left out."""
    given = {name: value for name, value in values.items() if value not in ("", None, False)}
    words = [f"{name}={quote(_bytes(value), safe='/')}" for name, value in given.items()]
    return path + ("?" + "&".join(words) if words else "")


def quoted(path: str) -> str:
    """Return a name as ASCII for the value of a box in a form; `Asked.paths` reads it."""
    return quote(_bytes(path), safe="/")


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
