"""Puts the pages together: routes, errors in words, files of the page itself.

Made once, before the server starts; handlers run on worker threads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gitsync.errors import GitsyncError, NotRunningError, UsageError
from gitsync.web import guard
from gitsync.web.page import POST, Asked, House, Page, faults_of, parsed

STATIC = Path(__file__).parent / "static"
NOT_FOUND = frozenset({"unknown-path", "no-version", "unknown-revision", "outside", "is-directory", "only-version"})


def application(house: House, pages: list[Page]) -> Starlette:
    """Return the application, without the guard around it."""
    routes = [Route(page.path, _endpoint(house, page), methods=[page.method]) for page in pages]

    async def live(request: Request) -> Response:
        return StreamingResponse(house.feed.stream(), media_type="text/event-stream")

    async def failed(request: Request, error: Exception) -> Response:
        assert isinstance(error, GitsyncError)
        return _problem(house, request, error)

    async def missing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        told = UsageError("There is no such page", "begin at the overview")
        return _problem(house, request, told, error.status_code)

    return Starlette(
        routes=[*routes, Route("/live", live), Mount("/static", StaticFiles(directory=STATIC))],
        exception_handlers={GitsyncError: failed, HTTPException: missing},
    )


def _endpoint(house: House, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        values = parsed(request.scope["query_string"])
        if page.method == POST:
            # The form never replaces a parameter of the address, where pages put paths.
            values = {**parsed(await guard.body(request.receive)), **values}
        if any("\0" in word for words in values.values() for word in words):
            raise UsageError("no name and no text has a NUL character in it", "go back, and choose it on the page")
        return await to_thread.run_sync(page.handler, Asked(house, request.scope["path"], values))

    return endpoint


def _problem(house: House, request: Request, error: GitsyncError, status: int = 0) -> Response:
    asked = Asked(house, request.scope["path"], parsed(request.scope["query_string"]))
    return asked.render(
        "problem.html", http_status=status or _status(error), faults=faults_of(error), hint=error.advice
    )


def _status(error: GitsyncError) -> int:
    if error.code in NOT_FOUND:
        return 404
    if isinstance(error, NotRunningError):
        return 503
    return 400 if isinstance(error, UsageError) else 409
