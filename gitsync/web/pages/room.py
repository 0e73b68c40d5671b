"""What takes the room in a history: directories and files, the largest first, and the way to stop syncing one."""

from __future__ import annotations

import os
from collections.abc import Callable

from starlette.responses import Response

from gitsync.daemon import apart
from gitsync.daemon.handlers import room
from gitsync.errors import UsageError
from gitsync.web.notes import Note
from gitsync.web.page import POST, Asked, Link, Page, address
from gitsync.web.states import Json
from gitsync.web.work import Work

MEASURE_S = 600.0
# A history of so few commits takes less time than a process for it.
SHORT = 2000


def show(asked: Asked) -> Response:
    """Show what is large in one history."""
    names = asked.library.names()
    repo = asked.get("repo") or (names[0] if names else "")
    if not repo:
        return asked.render("room.html", repo="", names=names)
    known = asked.library.view(repo).outline
    is_short = known is not None and len(known) < SHORT

    def measured(is_over: Callable[[], bool]) -> Json:
        if is_short:
            return room.room(asked.library.looking(), repo)
        return next(apart.ask(apart.ROOM, {"repo": repo}, asked.gateway.config, MEASURE_S, is_over), {})

    return asked.awaited(
        Work(f"Measuring the history of {repo}", back="/machines"),
        measured,
        "room.html",
        lambda found: {"repo": repo, "names": names, **found},
    )


def ask_forget(asked: Asked) -> Response:
    """Show what it would do to stop syncing a file."""
    repo, path = asked.needed("repo"), asked.needed("path")
    return asked.render("forget.html", repo=repo, path=path, trial=_forget(asked, repo, path, is_trial=True))


def forget(asked: Asked) -> Response:
    """Stop syncing a file; it stays on disk."""
    repo, path = asked.needed("repo"), asked.needed("path")
    _forget(asked, repo, path, is_trial=False)
    note = Note(f"{path} is not synced any more; it stays on disk, and in the history", undo=repo)
    return asked.leave(address("/room", repo=repo), note)


def _forget(asked: Asked, repo: str, path: str, *, is_trial: bool) -> Json:
    place = asked.library.place(repo, path)
    where = os.fsdecode(place.history().place(place.path))
    if not path:
        raise UsageError("a whole repository is not forgotten", "gitsyncctl unwatch stops watching it")
    return asked.gateway.ask("forget", paths=[where], dry_run=is_trial)


PAGES = (Page("/room", show), Page("/forget", ask_forget), Page("/forget", forget, POST))
LINKS: tuple[Link, ...] = ()
