"""A directory as it was at a moment: what it had, what it has no longer, and the way to every version."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from gitsync.daemon.handlers import moments
from gitsync.daemon.handlers.moments import View
from gitsync.errors import GitsyncError, OperationError
from gitsync.web.page import Asked, Link, Page, address
from gitsync.web.reading import reading
from gitsync.web.states import Json

# A directory of twenty thousand files is shown in parts.
ROWS = 200
# A repository without a commit.
NOTHING: Json = {"commit": None, "time": None, "path": "", "rows": []}


def show(asked: Asked) -> Response:
    """Show a directory in a commit, or at an instant, or now."""
    repo, path = asked.needed("repo"), asked.get("path")
    view = asked.library.view(repo, path)
    commit = chosen(view, asked)
    try:
        found = moments.tree(view, commit) if view.history.head() else NOTHING
    except GitsyncError as error:
        if error.code != "is-file":
            raise
        return RedirectResponse(address("/file", repo=repo, path=path, rev=commit), 303)
    rows = [row for row in found["rows"] if asked.get("deleted") != "no" or not row["deleted"]]
    page = asked.number("page", 1, 10**6)
    shown = rows[(page - 1) * ROWS : page * ROWS]
    return asked.render(
        "tree.html",
        repo=repo,
        path=path,
        rev=commit or "",
        found=found,
        rows=shown,
        count=len(rows),
        page=page,
        pages=-(-len(rows) // ROWS),
        reading=reading(asked.library, [view]),
        names=asked.library.names(),
    )


def moment(asked: Asked) -> Response:
    """Show one commit: every file that it changed."""
    repo = asked.needed("repo")
    view = asked.library.view(repo)
    commit = view.history.commit(asked.needed("rev"))
    found = moments.one(view, commit)
    page = asked.number("page", 1, 10**6)
    files = found["files"][(page - 1) * ROWS : page * ROWS]
    return asked.render(
        "moment.html",
        repo=repo,
        commit=found,
        files=files,
        page=page,
        pages=-(-len(found["files"]) // ROWS),
    )


def chosen(view: View, asked: Asked) -> str | None:
    """Return the commit that an address means: by `rev`, or by the instant `at`; None is the present.

    Raise OperationError where there was nothing yet, and what History raises for what it does not understand.
    """
    if asked.get("rev"):
        return view.history.commit(asked.get("rev"))
    if not asked.get("at"):
        return None
    instant = view.history.instant(asked.get("at").replace("T", " "))
    found = moments.commit_at(view, instant)
    if found is None:
        raise OperationError(f"{view.place.name} has no version from then or before", code="no-version")
    return found


PAGES = (Page("/tree", show), Page("/moment", moment))
LINKS: tuple[Link, ...] = ()
