"""Bring back: a file or a directory, to its place or next to it; and everything that was deleted between two moments.

Each begins with what would change, and ends with how to take it back.
"""

from __future__ import annotations

import os
from pathlib import Path

from starlette.responses import Response

from gitsync import clock, text, times
from gitsync.daemon.handlers import moments
from gitsync.daemon.handlers.resolve_path import ResolvedPath
from gitsync.errors import UsageError
from gitsync.text import clean
from gitsync.web.notes import Note
from gitsync.web.page import POST, Asked, Link, Page, address
from gitsync.web.reading import reading
from gitsync.web.states import Json
from gitsync.web.work import Work

SHOWN = 200
MONTH_S = 30 * 86400.0


def preview(asked: Asked) -> Response:
    """Show what bringing a version back would change."""
    repo, path, rev = asked.needed("repo"), asked.get("path"), asked.get("rev")
    place = asked.library.place(repo, path)
    return asked.awaited(
        Work("Working out what would change", back=address("/tree", repo=repo, path=path.rpartition("/")[0])),
        lambda is_over: _ask(asked, place, rev, dry_run=True)["restored"][0],
        "restore.html",
        lambda found: _described(asked, place, found),
    )


def _described(asked: Asked, place: ResolvedPath, found: Json) -> Json:
    files = found["files"]
    return {
        "repo": asked.get("repo"),
        "path": asked.get("path"),
        "rev": asked.get("rev"),
        "found": found,
        "files": files[:SHOWN],
        "more": max(0, len(files) - SHOWN),
        "counts": {what: sum(each["what"] == what for each in files) for what in ("added", "changed", "removed")},
        "beside": _beside(place, found),
    }


def restore(asked: Asked) -> Response:
    """Bring a version back: to its place by one commit, or as a copy next to it."""
    repo, path = asked.needed("repo"), asked.get("path")
    place = asked.library.place(repo, path)

    def show(done: Json) -> Response:
        is_directory = done["restored"][0]["kind"] == "directory"
        note = _copied(done) if asked.get("where") == "beside" else _returned(Path(place.absolute).name, done)
        return asked.leave(address("/tree" if is_directory else "/file", repo=repo, path=path), note)

    return asked.patiently(Work("Bringing it back", about=repo), lambda is_over: _restore(asked, place), show)


def _restore(asked: Asked, place: ResolvedPath) -> Json:
    rev = asked.get("rev")
    if asked.get("where") != "beside":
        return _ask(asked, place, rev)
    wanted = _beside(place, _ask(asked, place, rev, dry_run=True)["restored"][0])
    return _ask(asked, place, rev, to=str(Path(place.absolute).parent / wanted))


def _copied(done: Json) -> Note:
    return Note(f"A copy is there as {Path(str(done['to'])).name}")


def _returned(name: str, done: Json) -> Note:
    if not done["commits"]:
        return Note(f"{name} is like that already: nothing was changed")
    return _told(f"{name} is back", done)


def _ask(asked: Asked, place: ResolvedPath, rev: str, **more: object) -> Json:
    return asked.gateway.ask("restore", paths=[place.absolute], **({"rev": rev} if rev else {}), **more)


def _told(what: str, done: Json) -> Note:
    commit = done["commits"][-1]
    kept = commit.get("kept") or []
    hint = f"kept from before: {', '.join(map(clean, kept))}" if kept else ""
    return Note(what, hint=hint, undo=address("/undo", name=commit["repo"], commit=commit["commit"]))


def _beside(place: ResolvedPath, found: Json) -> str:
    """Return a name next to the file that nothing has yet."""
    path = Path(place.absolute)
    day, _, hour = times.local(found["time"])[:16].partition(" ")
    stem = f"{path.stem} as of {day} {hour.replace(':', '.')}"
    names = [f"{stem}{path.suffix}", *(f"{stem} ({number}){path.suffix}" for number in range(2, 100))]
    return next(name for name in names if not os.path.lexists(path.parent / name))


# -- what was deleted -------------------------------------------------------------------------------------------------


def deleted(asked: Asked) -> Response:
    """Show what was deleted between two moments, to choose from."""
    repo, path = asked.needed("repo"), asked.get("path")
    view = asked.library.view(repo, path)
    now = clock.SystemClock().wall()
    since, until = (_instant(asked, name) for name in ("since", "until"))
    found = moments.deleted(view, now - MONTH_S if since is None else since, now if until is None else until)
    return asked.render(
        "deleted.html",
        repo=repo,
        path=path,
        since=asked.get("since"),
        until=asked.get("until"),
        found=found[:SHOWN],
        more=max(0, len(found) - SHOWN),
        reading=reading(asked.library, [view]),
    )


def restore_deleted(asked: Asked) -> Response:
    """Bring the chosen files back, each as it was before it was deleted."""
    repo, path = asked.needed("repo"), asked.get("path")
    top = asked.library.place(repo)
    chosen = asked.paths("chosen")
    if not chosen:
        raise UsageError("no file was chosen", "go back, and tick the files that you want")
    groups: dict[str, list[str]] = {}
    for word in chosen:
        commit, _, name = word.partition(":")
        groups.setdefault(commit, []).append(asked.library.place(repo, name).absolute)
    where = address("/deleted", repo=repo, path=path)

    def act(is_over: object) -> list[Json]:
        answers = [asked.gateway.ask("restore", paths=paths, rev=f"{commit}^") for commit, paths in groups.items()]
        return [commit for answer in answers for commit in answer["commits"]]

    def show(commits: list[Json]) -> Response:
        if not commits:
            return asked.leave(where, Note("Those files are there already: nothing was changed"))
        note = _told(f"{text.counted(len(chosen), 'file')} came back to {top.repo}", {"commits": commits})
        return asked.leave(where, note if len(commits) == 1 else Note(note.text, undo=address("/timeline", repo=repo)))

    return asked.patiently(Work("Bringing them back", about=repo), act, show)


def _instant(asked: Asked, name: str) -> float | None:
    given = asked.get(name).replace("T", " ")
    return asked.library.view(asked.needed("repo")).history.instant(given) if given else None


PAGES = (
    Page("/restore", preview),
    Page("/restore", restore, POST),
    Page("/deleted", deleted),
    Page("/deleted", restore_deleted, POST),
)
LINKS: tuple[Link, ...] = ()
