"""How far the reading of a history is, in words: on a page that waits for it, and for its script.

Runs on worker threads; owns nothing.
"""

from __future__ import annotations

from gitsync import clock, times
from gitsync.daemon.handlers.moments import View
from gitsync.web.library import Library
from gitsync.web.states import Json


def reading(library: Library, views: list[View]) -> Json | None:
    """Return what is said while one of these histories is read, and the part that is read in hundredths.

    None where all are read.
    """
    unread = [view for view in views if view.outline is None and view.history.head()]
    if not unread:
        return None
    told = [library.progress(view.place.root) for view in unread]
    latest = max((each for each in told if each), key=lambda each: each["at"] - each["first"], default=None)
    if latest is None:
        return {"said": "The history is being read.", "share": None}
    year, month, _ = clock.local(latest["at"])[:10].split("-")
    span = clock.SystemClock().wall() - latest["first"]
    share = round(100 * (latest["at"] - latest["first"]) / span) if span > 0 else 0
    said = f"The history is being read: up to {times.MONTHS[int(month) - 1]} {year} so far."
    return {"said": said, "share": min(max(share, 0), 99)}
