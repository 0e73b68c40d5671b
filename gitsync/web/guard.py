"""The one wrapper around every page: who may ask, from where, and what a browser may do with the answer.

Runs on the event loop's thread; owns the sessions. Whatever is routed is behind it, so a page cannot leave it out:

- another user of this machine gets nothing, whatever they know,
- Host is compared with an allow list (a name that was rebound to this address is not in it),
- everything but the entrance needs the cookie of a session,
- a change is a POST that a page of this server sent (Sec-Fetch-Site, else Origin),
- every response forbids framing, sniffing, inline code and anything from another host.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

import anyio

from gitsync.control import bugs
from gitsync.web import neighbours
from gitsync.web.sessions import Sessions

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ENTRANCE = "/enter"
# Where an entry may lead to.
STARTS = ("/", "/setup")
BODY_MAX = 1 << 20
# After a wrong password.
WAIT_S = 1.0
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# For content of files, which anybody may have written: no script of it runs, and it reaches nothing of this page's.
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    # Not "no-referrer": with that, browsers send the forms of a page with "Origin: null".
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), interest-cohort=()",
}
_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 "
    "1.5rem;background:Canvas;color:CanvasText}h1{font-size:1.35rem;font-weight:600}"
    "input,button{font:inherit;padding:.5rem .8rem}code{font-family:ui-monospace,monospace}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode("ascii")).digest()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Place:
    """The addresses under which the page is reached: `origins` are scheme, host and port, `cookie` is its name.

    `is_for_one_user` is whether only the user who runs the page may connect, as on a loopback address.
    """

    origins: frozenset[str]
    cookie: str
    is_secure: bool = False
    is_for_one_user: bool = True

    def is_host(self, host: str) -> bool:
        """Return whether a Host header names this server."""
        scheme = "https" if self.is_secure else "http"
        return f"{scheme}://{host.lower()}" in self.origins


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: App, place: Place, sessions: Sessions, on_entry: Callable[[str], None]) -> None:
        self._app = app
        self._place = place
        self._sessions = sessions
        self._on_entry = on_entry
        self._one_try = anyio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on to the pages."""
        if scope["type"] != "http":
            return
        headers = _headers(scope["headers"])
        answer = _Answer(send)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _say(answer, *refusal)
        elif scope["path"] == ENTRANCE:
            await self._enter(scope, receive, answer)
        elif not self._sessions.knows(self._session(headers)):
            await self._send_away(headers, answer)
        else:
            await self._pass_on(scope, receive, answer)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str, str] | None:
        if self._place.is_for_one_user and not neighbours.is_own(scope.get("client"), scope["server"]):
            return 403, "Refused", "This page is for another user of this machine."
        if not self._place.is_host(headers.get("host", "")):
            return 421, "This is another server", "The address in the browser is not that of this page."
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if scope["method"] == "POST":
            is_own = site == "same-origin" if site is not None else origin in self._place.origins
            if not is_own or (origin is not None and origin not in self._place.origins):
                return 403, "Refused", "Another site asked for a change. Nothing was changed."
            if not headers.get("content-length", "0").isdigit() or int(headers.get("content-length", "0")) > BODY_MAX:
                return 413, "Too long", "The request is longer than a megabyte."
        elif scope["method"] not in ("GET", "HEAD"):
            return 405, "Refused", "This is not a way to ask."
        elif site == "cross-site" and headers.get("sec-fetch-mode", "navigate") != "navigate":
            return 403, "Refused", "Another site asked for this."
        return None

    def _session(self, headers: dict[str, str]) -> str:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self._place.cookie)
        except CookieError:
            return ""
        return found.value if found is not None else ""

    async def _enter(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """Exchange a token, or the password, for a session; lead away from the address that holds the token."""
        token = start = ""
        if scope["method"] == "POST" and self._sessions.has_password:
            form = parse_qs((await body(receive)).decode("utf-8", "replace"))
            async with self._one_try:
                session = self._sessions.admit("".join(form.get("password", [])))
                if session is None:
                    await anyio.sleep(WAIT_S)
        else:
            given = parse_qs(scope["query_string"].decode("ascii", "replace"))
            token, start = (given.get(name, [""])[0] for name in ("token", "start"))
            session = self._sessions.spend(token) if scope["method"] == "GET" else None
        if session is None:
            await self._ask_who(answer, "This address was used before. Each opens the page once.")
            return
        self._on_entry(token)
        flags = "; Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if self._place.is_secure else "")
        cookie = f"{self._place.cookie}={session}{flags}"
        where = start if start in STARTS else STARTS[0]
        await answer.short(303, b"", {b"location": where.encode("ascii"), b"set-cookie": cookie.encode("ascii")})

    async def _send_away(self, headers: dict[str, str], answer: _Answer) -> None:
        if headers.get("sec-fetch-site") == "cross-site":
            # After the redirect from the file that opened the browser, a strict cookie comes with the next request.
            text = b'<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>gitsync</title>'
            await answer.short(401, text, {b"content-type": b"text/html; charset=utf-8"})
            return
        await self._ask_who(answer, "Nobody is logged in here.")

    async def _ask_who(self, answer: _Answer, why: str) -> None:
        form = (
            '<form method="post" action="/enter"><p><label>Password<br><input type="password" name="password" '
            'autocomplete="current-password" autofocus></label> <button>Log in</button></p></form>'
            if self._sessions.has_password
            else ""
        )
        how = "Open the address that <code>gitsyncctl web</code> prints; each one opens the page once."
        await _say(answer, 401, "Who is there?", f"{why} {how}", form)

    async def _pass_on(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self._app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - the program's last line: a bug ends in a report, not in a traceback
            where = bugs.save(error, [scope["method"], scope["path"]], "gitsyncctl-web")
            sys.stderr.write(f"error: {bugs.BugError(where).message}\n")
            if not answer.is_begun:
                await _say(answer, 500, "A bug in gitsync", f"The report is in {where}.")


class _Answer:
    """Sends a response with the headers that every response has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.is_begun = True
            given = [(name.lower(), value) for name, value in message.get("headers", ())]
            policies = [value for name, value in given if name == b"content-security-policy"]
            policy = policies[0] if policies in _ALLOWED_POLICIES else POLICY.encode("ascii")
            kept = [pair for pair in given if pair[0] not in HEADERS and pair[0] != b"content-security-policy"]
            if all(name != b"cache-control" for name, _ in kept):
                kept.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*kept, (b"content-security-policy", policy), *HEADERS.items()]}
        await self._send(message)

    async def short(self, status: int, text: bytes, headers: dict[bytes, bytes]) -> None:
        """Send a whole response."""
        length = {b"content-length": str(len(text)).encode("ascii")}
        await self({"type": "http.response.start", "status": status, "headers": [*{**headers, **length}.items()]})
        await self({"type": "http.response.body", "body": text})


_ENTRANCE_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'"
_ALLOWED_POLICIES: Collection[list[bytes]] = ([SANDBOX.encode("ascii")], [_ENTRANCE_POLICY.encode("ascii")])


async def _say(answer: _Answer, status: int, title: str, sentence: str, more: str = "") -> None:
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)} · gitsync</title><style>{_STYLE}</style><h1>{escape(title)}</h1>"
        f"<p>{sentence}</p>{more}"
    )
    headers = {
        b"content-type": b"text/html; charset=utf-8",
        b"content-security-policy": _ENTRANCE_POLICY.encode("ascii"),
    }
    await answer.short(status, page.encode("utf-8", "backslashreplace"), headers)


def _headers(raw: Collection[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers by name; one that came twice is joined, as nothing that is compared has a comma in it."""
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


async def body(receive: Receive) -> bytes:
    """Return a request's body; no more than BODY_MAX of it is kept."""
    data = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        data += message.get("body", b"")[: BODY_MAX - len(data)]
        if not message.get("more_body"):
            return bytes(data)
