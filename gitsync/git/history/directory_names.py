"""Finds the names of a directory before it was renamed: git knows renamings of files only. Reads, never writes.

Runs on the calling thread; owns nothing. A directory was renamed in a commit when most of the files that were
renamed into it then came from one other directory, under the same names below it.
"""

from __future__ import annotations

from collections import Counter

from gitsync.git.history.log import History
from gitsync.git.history.versions import records
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
