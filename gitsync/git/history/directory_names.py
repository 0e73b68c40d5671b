"""Finds the names of a directory before it was renamed: git knows renamings of files only. Reads, never writes.

Runs on the calling thread; owns nothing. A directory was renamed in a commit when most of the files that were
renamed into it then came from one other directory, under the same names below it.
"""

from __future__ import annotations

from collections import Counter

from gitsync.git.history.log import History
from gitsync.git.history.versions import FileVersion, Record, records, summary
from gitsync.git.objects.modes import MODE_TREE


def directory_name_in(history: History, commit: str, head: str, path: bytes) -> bytes | None:
    """Return what the directory `path` of `head` was called in `commit`, an ancestor; None where it was not there."""
    name = path
    if _is_directory(history, commit, name):
        return name
    for record in records(history, b"", start=f"{commit}..{head}", only="R"):
        renamed = {touched.path: touched.was for touched in record.touched if touched.was is not None}
        name = _name_before(name, renamed) or name
    return name if name != path and _is_directory(history, commit, name) else None


def directory_records(history: History, path: bytes, *, limit: int = 0) -> list[tuple[Record, bytes]]:
    """Return the newest commits that changed the directory `path`, with its name then; `limit` 0 means no limit."""
    found: list[tuple[Record, bytes]] = []
    start, name = "HEAD", path
    while True:
        here = records(history, name, start=start, limit=max(0, limit - len(found)))
        found += [(record, name) for record in here]
        if not here or not here[-1].parents or (limit and len(found) >= limit):
            return found
        last = here[-1]
        [whole] = records(history, b"", start=last.commit, limit=1)
        before = _name_before(name, {item.path: item.was for item in whole.touched if item.was is not None})
        if before is None or _is_directory(history, last.parents[0], name):
            return found
        start, name = last.parents[0], before


def directory_versions(history: History, path: bytes) -> list[FileVersion]:
    """Return the versions of a directory, newest first, over its renamings.

    They have no entry: a directory's tree costs one child per version, so it is looked up only for those that are used.
    """
    found = directory_records(history, path)
    return [FileVersion(item.commit, item.at, item.subject, name, summary(item), None) for item, name in found]


def _name_before(name: bytes, renamed: dict[bytes, bytes]) -> bytes | None:
    """Return where most of the files that were renamed into `name` came from, None where none was."""
    found: Counter[bytes] = Counter()
    for path, was in renamed.items():
        below = path.removeprefix(name + b"/")
        if below != path and was.endswith(b"/" + below):
            found[was.removesuffix(b"/" + below)] += 1
    return found.most_common(1)[0][0] if found else None


def _is_directory(history: History, commit: str, path: bytes) -> bool:
    entry = history.entry(commit, path)
    return entry is not None and entry.mode == MODE_TREE
