"""What takes the room in a history: directories and files, the largest first, and the way to stop syncing one."""

from __future__ import annotations

import os
from collections.abc import Callable

from starlette.responses import Response

from gitsync import clock, times
from gitsync.errors import UsageError
from gitsync.git.history.size import FileSize, StoredVersion, file_sizes, stored_versions, total_bytes
from gitsync.web.notes import Note
from gitsync.web.page import POST, Asked, Link, Page, address
from gitsync.web.states import Json
from gitsync.web.work import Work

FILES = 40
DIRECTORIES = 12
MONTHS = 24


def show(asked: Asked) -> Response:
    """Show what is large in one history."""
    names = asked.library.names()
    repo = asked.get("repo") or (names[0] if names else "")
    if not repo:
        return asked.render("room.html", repo="", names=names)
    place = asked.library.place(repo)

    def measured(is_over: Callable[[], bool]) -> Json:
        history = place.history()
        versions = stored_versions(history, is_over)
        files = file_sizes(history, versions=versions)
        most = files[0].bytes if files else 0
        return {
            "total": total_bytes(history),
            "files": [(item, os.fsdecode(item.path), _share(item.bytes, most)) for item in files[:FILES]],
            "count": len(files),
            "directories": _directories(files),
            "months": _months(versions),
        }

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


def _directories(files: list[FileSize]) -> list[Json]:
    sums: dict[bytes, list[int]] = {}
    for item in files:
        top, slash, _ = item.path.partition(b"/")
        sums.setdefault(top if slash else b"", []).append(item.bytes)
    found = sorted(((sum(each), top) for top, each in sums.items()), key=lambda pair: (-pair[0], pair[1]))
    most = found[0][0] if found else 0
    return [
        {"path": os.fsdecode(top), "bytes": count, "share": _share(count, most), "files": len(sums[top])}
        for count, top in found[:DIRECTORIES]
    ]


def _months(versions: list[StoredVersion]) -> list[Json]:
    """Return what each month added, the latest ones."""
    sums: dict[str, int] = {}
    for version in versions:
        month = times.local(clock.iso(version.first_at))[:7]
        sums[month] = sums.get(month, 0) + version.bytes
    shown = sorted(sums.items())[-MONTHS:]
    most = max((count for _, count in shown), default=0)
    return [{"month": month, "bytes": count, "share": _share(count, most)} for month, count in shown]


def _share(count: int, most: int) -> int:
    """Return a length from 1 to 100, for a bar."""
    return max(1, round(100 * count / most)) if most else 1


PAGES = (Page("/room", show), Page("/forget", ask_forget), Page("/forget", forget, POST))
LINKS: tuple[Link, ...] = ()
