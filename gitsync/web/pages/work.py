"""What is worked on: how far it is, what came of it, and the way to cancel it."""

from __future__ import annotations

from contextlib import suppress

from starlette.responses import JSONResponse, Response

from gitsync import text
from gitsync.clock import SystemClock
from gitsync.errors import GitsyncError, UsageError
from gitsync.web import states
from gitsync.web.notes import Note
from gitsync.web.page import POST, Asked, Link, Page
from gitsync.web.work import Work


def show(asked: Asked) -> Response:
    """Show what came of it, or that it goes on."""
    work, shown = asked.house.works.get(asked.needed("id"))
    if work.is_done():
        done: Response = shown(work.result())
        return done
    return asked.render("work.html", work=work, said=_said(asked, work))


def state(asked: Asked) -> Response:
    """Say how far it is."""
    work, _ = asked.house.works.get(asked.needed("id"))
    is_done = work.is_done()
    return JSONResponse({"done": is_done, "said": "" if is_done else _said(asked, work)})


def cancel(asked: Asked) -> Response:
    """Cancel it."""
    work, _ = asked.house.works.get(asked.needed("id"))
    if not work.back:
        raise UsageError("this cannot be cancelled", "an undo takes it back afterwards")
    work.cancel()
    return asked.leave(work.back, Note("Cancelled"))


def _said(asked: Asked, work: Work) -> str:
    """Return for how long it goes on, and what gitsync says of its repository meanwhile."""
    seconds = text.span(SystemClock().now() - work.began_at)
    with suppress(GitsyncError):
        status = asked.gateway.glance() if work.about else {}
        for entry in states.entries(status):
            if entry["name"] == work.about and entry.get("reason"):
                return f"{seconds} · {text.clean(str(entry['reason']))}"
    return seconds


PAGES = (Page("/waiting", show), Page("/waiting/state", state), Page("/waiting/cancel", cancel, POST))
LINKS: tuple[Link, ...] = ()
