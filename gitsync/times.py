"""Times as a person reads them, in the local time zone. Pure; any thread may use it."""

from __future__ import annotations

from gitsync import clock, text

_DAYS = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")  # the epoch began on a Thursday
_LONG_DAYS = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")
_NAMES = "January February March April May June July August September October November December"
MONTHS = tuple(_NAMES.split())
_DAY_S = 86400


def local(iso: str) -> str:
    """Return an ISO 8601 instant as "2026-02-03 14:05:06" in local time; other texts are returned unchanged."""
    try:
        wall = clock.parse_iso(iso)
    except ValueError:
        return iso
    return clock.local(wall)


def short(iso: str, now: float) -> str:
    """Return an instant as "today 14:05", "yesterday 18:00", "Tue 2026-02-03 14:05" or, long ago, "2025-02-03"."""
    try:
        wall = clock.parse_iso(iso)
    except ValueError:
        return iso
    day, today = _day(wall), _day(now)
    date, _, hour = clock.local(wall)[:16].partition(" ")
    if day == today:
        return f"today {hour}"
    if day == today - 1:
        return f"yesterday {hour}"
    return f"{_DAYS[day % 7]} {date} {hour}" if 0 <= today - day < 200 else date


def with_age(iso: str, now: float) -> str:
    """Return an instant and how long ago it is: "today 14:05, 3 h ago"."""
    try:
        age = now - clock.parse_iso(iso)
    except ValueError:
        return iso
    return f"{short(iso, now)}, {text.ago(age)}"


def _day(wall: float) -> int:
    return int(wall + 60 * clock.local_offset_minutes(wall)) // _DAY_S


def day(iso: str, now: float | None = None) -> str:
    """Return the day of an instant as a heading: "Today", "Tuesday 3 February", "Monday 3 March 2025"."""
    now = clock.SystemClock().wall() if now is None else now
    try:
        wall = clock.parse_iso(iso)
    except ValueError:
        return iso
    number, today = _day(wall), _day(now)
    if today - number in (0, 1):
        return ("Today", "Yesterday")[today - number]
    year, month, date = clock.local(wall)[:10].split("-")
    named = f"{_LONG_DAYS[number % 7]} {int(date)} {MONTHS[int(month) - 1]}"
    return named if clock.local(now)[:4] == year else f"{named} {year}"
