"""Times as a person reads them, in the local time zone. Pure; any thread may use it."""

from __future__ import annotations

from gitsync import clock


def local(iso: str) -> str:
    """Return an ISO 8601 instant as "2026-02-03 14:05:06" in local time; what is no such instant stays as it is."""
    try:
        wall = clock.parse_iso(iso)
    except ValueError:
        return iso
    return clock.iso(wall + 60 * clock.local_offset_minutes(wall))[:19].replace("T", " ")
