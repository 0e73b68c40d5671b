"""The timeline of everything, of a repository, a directory or a file: by day, machine and kind of act."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from gitsync import clock, times
from gitsync.daemon.handlers import moments
from gitsync.daemon.handlers.moments import View
from gitsync.text import clean
from gitsync.web.page import Asked, Link, Page
from gitsync.web.reading import reading
from gitsync.web.states import Json

# A page of the list, and the bars of the strip.
COUNT = 30
BARS = 96
# Commits of one machine and act that are shown before the rest of them is folded.
OPEN = 4
LAST = 250_000_000_000.0
SPANS = {"": "All", "1y": "Year", "30d": "Month", "7d": "Week", "1d": "Day"}
_SPAN_S = {"1y": 366 * 86400.0, "30d": 30 * 86400.0, "7d": 7 * 86400.0, "1d": 86400.0}

ACTS = {
    "edit": ("Edited", "edit"),
    "pull": ("Came in", "pull"),
    "merge": ("Merged", "merge"),
    "restore": ("Brought back", "restore"),
    "undo": ("Undone", "undo"),
    "redo": ("Redone", "undo"),
    "resolve": ("Conflict resolved", "conflict"),
    "forget": ("Not synced any more", "close"),
}


def show(asked: Asked) -> Response:
    """Show what happened, newest first, from a moment on."""
    repo, path = asked.get("repo"), asked.get("path")
    views = [asked.library.view(repo, path)] if repo else asked.library.everything()
    strip = _strip(views, asked)
    before = strip["before"]
    found = moments.timeline(views, before, COUNT)
    return asked.render(
        "timeline.html",
        repo=repo,
        path=path,
        names=asked.library.names(),
        away={} if repo else asked.library.away(),
        strip=strip,
        days=_days(found["commits"]),
        next=None if found["next"] is None else int(found["next"]),
        reading=reading(asked.library, views),
        is_first=before is None,
        acts=ACTS,
        open=OPEN,
        spans=SPANS,
    )


def ready(asked: Asked) -> Response:
    """Say whether the histories are read, and how far, for a page that waits for them."""
    views = [asked.library.view(asked.get("repo"))] if asked.get("repo") else asked.library.everything()
    told = reading(asked.library, views)
    return JSONResponse({"ready": True} if told is None else {"ready": False, **told})


def _strip(views: list[View], asked: Asked) -> Json:
    """Return the bars of the strip, and the moment that is chosen: by `slot`, one of the bars, or by `before`."""
    now = clock.SystemClock().wall()
    before = _number(asked.get("before"))
    end = _number(asked.get("end")) or now
    span = asked.get("span") if asked.get("span") in SPANS else ""
    first = _number(asked.get("first"))
    if first is None:
        oldest = moments.beginning(views)
        first = end - _SPAN_S[span] if span else (end - 86400.0 if oldest is None else oldest)
    first = min(first, end - BARS)
    width = (end - first) / BARS
    slot = _number(asked.get("slot"))
    if slot is not None:
        before = None if slot >= BARS and end >= now - 60 else first + min(slot, BARS) * width
    counts = moments.density(views, first, end, BARS)
    most = max(counts) or 1
    at = BARS if before is None else round((before - first) / width)
    return {
        "before": before,
        "first": int(first),
        "end": int(end),
        "span": span,
        "bars": [
            {
                "count": count,
                # The root, so that one busy day does not flatten all others.
                "height": round(44 * (count / most) ** 0.5 + 3) if count else 0,
                "label": _label(first + place * width, width),
            }
            for place, count in enumerate(counts)
        ],
        "at": max(0, min(BARS, at)),
        "from": _label(first, width),
        "to": "now" if end >= now - 60 else _label(end, width),
    }


def _label(wall: float, width: float) -> str:
    """Return a moment as exactly as a bar of so many seconds is wide."""
    date, _, hour = clock.local(wall).partition(" ")
    year, month, day = date.split("-")
    named = f"{int(day)} {times.MONTHS[int(month) - 1][:3]} {year}"
    return named if width >= 86400 else f"{named} {hour[:5]}"


def _number(text: str) -> float | None:
    """Return an instant of an address, none beyond the year 9999."""
    return min(float(text), LAST) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _days(commits: list[Json]) -> list[Json]:
    """Return commits by day, and in a day by repository, machine and act; what happened last is first in each."""
    days: dict[str, Json] = {}
    now = clock.SystemClock().wall()
    for commit in commits:
        name = times.day(commit["time"], now)
        day = days.setdefault(name, {"name": name, "time": commit["time"], "groups": {}})
        key = (commit["repo"], commit["machine"], commit["act"])
        group = day["groups"].setdefault(key, {"first": commit, "commits": []})
        group["commits"].append(commit | {"is_plain": _says_no_more(commit)})
    return [day | {"groups": list(day["groups"].values())} for day in days.values()]


def _says_no_more(commit: Json) -> bool:
    """Return whether the message says no more than the name of the one file that was changed."""
    return len(commit["files"]) == 1 and commit["message"].partition(" ")[2] == clean(commit["files"][0]["path"])


PAGES = (Page("/timeline", show), Page("/timeline/ready", ready))
LINKS = (Link("/timeline", "Timeline", "clock"),)
