"""A page's declaration, and the request that its handler gets.

Handlers run on worker threads; everything here is made for one request.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, unquote_to_bytes

from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from gitsync.errors import UsageError
from gitsync.web.feed import Feed
from gitsync.web.gateway import Gateway
from gitsync.web.library import Library
from gitsync.web.notes import Note, Notes
from gitsync.web.render import Renderer

GET, POST = "GET", "POST"


@dataclass(frozen=True, slots=True)
class House:
    """Everything that outlives a request."""

    gateway: Gateway
    library: Library
    renderer: Renderer
    feed: Feed
    notes: Notes = field(default_factory=Notes)


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
        text = self.get(name)
        return min(int(text), most) if text.isascii() and text.isdigit() and 0 < len(text) < 10 else default

    def render(self, template: str, *, http_status: int = 200, **values: Any) -> Response:
        """Return a page."""
        note = self.house.notes.take(self.get("note"))
        text = self.house.renderer.page(template, here=self.path, note=note, **values)
        return HTMLResponse(text.encode("utf-8", "backslashreplace"), http_status)

    def stream(self, template: str, **values: Any) -> Response:
        """Return a page that is sent part by part, as what it shows is found."""
        parts = self.house.renderer.parts(template, here=self.path, note=None, **values)
        chunks = (part.encode("utf-8", "backslashreplace") for part in parts)
        return StreamingResponse(chunks, media_type="text/html; charset=utf-8")

    def leave(self, back: str, note: Note | None = None) -> Response:
        """Return the way back after a change, to a page of this server, which shows `note` once."""
        where = back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
        if note is not None:
            where += ("&" if "?" in where else "?") + f"note={self.house.notes.keep(note)}"
        return RedirectResponse(where, 303)


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
