"""What takes the room in a history, as the page shows it: files and directories, the largest first, and months.

Runs in a process of its own: a long history takes much memory.
"""

from __future__ import annotations

import os

from gitsync import clock, times
from gitsync.daemon.handlers.context import Json, Selection
from gitsync.daemon.handlers.resolve_path import whole
from gitsync.git.history.size import FileSize, StoredVersions, file_sizes, stored_versions, total_bytes

FILES = 40
DIRECTORIES = 12
MONTHS = 24
QUARTER_S = 900


def room(context: Selection, repo: str) -> Json:
    """Return what is large in one history."""
    history = whole(context, repo).history()
    versions = stored_versions(history)
    files = file_sizes(history, versions=versions)
    most = files[0].bytes if files else 0
    return {
        "total": total_bytes(history),
        "files": [
            {
                "path": os.fsdecode(item.path),
                "versions": item.versions,
                "bytes": item.bytes,
                "is_present": item.is_present,
                "share": _share(item.bytes, most),
            }
            for item in files[:FILES]
        ],
        "count": len(files),
        "directories": _directories(files),
        "months": _months(versions),
    }


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


def _months(versions: StoredVersions) -> list[Json]:
    """Return what each month added, the latest ones."""
    # By the quarter of an hour first: no clock is set back by less.
    quarters: dict[int, int] = {}
    for version in versions:
        quarter = int(version.first_at) // QUARTER_S
        quarters[quarter] = quarters.get(quarter, 0) + version.bytes
    sums: dict[str, int] = {}
    for quarter, count in quarters.items():
        month = times.local(clock.iso(float(quarter * QUARTER_S)))[:7]
        sums[month] = sums.get(month, 0) + count
    shown = sorted(sums.items())[-MONTHS:]
    most = max((count for _, count in shown), default=0)
    return [{"month": month, "bytes": count, "share": _share(count, most)} for month, count in shown]


def _share(count: int, most: int) -> int:
    """Return a length from 1 to 100, for a bar."""
    return max(1, round(100 * count / most)) if most else 1
