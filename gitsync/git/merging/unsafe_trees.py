"""Refuses trees that must not be checked out: names that git forbids, and trees that are bombs.

Pure but for the tree objects it reads; runs where its store runs. libgit2 writes names that git refuses, and its fetch
checks nothing, so every incoming tree is checked here first.
"""

from __future__ import annotations

import re
import unicodedata

from gitsync.core.temporary import TEMP_PREFIX
from gitsync.git.objects.trees import TREE, TreeEntry, TreeStore

# The limit of common file systems for a name; depth and number of files are beyond anything that people have.
MAX_NAME = 255
MAX_DEPTH = 400
MAX_FILES = 5_000_000

_MODES = frozenset({0o100644, 0o100755, 0o120000, 0o160000, TREE, 0o100664})
# Code points that HFS+ ignores when it compares names.
_IGNORED_BY_HFS = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF], None)
# Nothing of what `_refused` looks for can be in such a name.
_USUAL = re.compile(rb"[\w-][\w.-]{0,200}", re.ASCII)
_NTFS = re.compile(rb"(\.git|git~[1-4])[ .]*(:.*)?", re.IGNORECASE | re.DOTALL)


def refusal(name: bytes) -> str:
    """Return why a file or directory must not be called `name`, "" when it may."""
    return "" if _USUAL.fullmatch(name) else _refused(name)


def _refused(name: bytes) -> str:
    if name in (b"", b".", b".."):
        return "the name is empty or special"
    if b"/" in name or b"\0" in name:
        return "the name contains a slash"
    if len(name) > MAX_NAME:
        return "the name is too long"
    if name.startswith(TEMP_PREFIX):
        return "the name is reserved for gitsync's temporary files"
    plain = name.decode("utf-8", "surrogateescape").translate(_IGNORED_BY_HFS)
    if plain.lower() == ".git" or _NTFS.fullmatch(name):
        return "a file system may take it for .git"
    return ""


def faults(store: TreeStore, base: str | None, target: str, *, is_case_blind: bool = False) -> list[tuple[bytes, str]]:
    """Return the paths of tree `target` that must not be checked out over tree `base`, as (path, why).

    Only what differs is read. `is_case_blind` is for case-insensitive file systems.
    """
    if _count(store, base, target, {}, 0) > MAX_FILES:
        return [(b"", "it has too many files, or directories nested too deeply")]
    found: list[tuple[bytes, str]] = []
    waiting: list[tuple[bytes, str | None, str]] = [(b"", base, target)]
    while waiting:
        prefix, old, new = waiting.pop()
        ours = store.tree(old) if old is not None else {}
        theirs = store.tree(new)
        folded: dict[str, bytes] = {}
        for name, entry in theirs.items():
            if is_case_blind and (other := folded.setdefault(_fold(name), name)) != name:
                found.append((prefix + name, f"the same as {other!r} except for case"))
            was = ours.get(name)
            if was == entry:
                continue
            if why := refusal(name) or ("" if entry.mode in _MODES else f"unknown mode {entry.mode:o}"):
                found.append((prefix + name, why))
            elif entry.mode == 0o120000 and name.lower() == b".gitmodules":
                found.append((prefix + name, "git refuses a link of that name"))
            elif entry.mode == TREE:
                waiting.append((prefix + name + b"/", _tree(was), entry.id))
    return found


def _count(
    store: TreeStore, base: str | None, target: str, known: dict[tuple[str | None, str], int], depth: int
) -> int:
    """Return how many files of `target` are not in `base`; a tree that occurs twice is walked once."""
    if base == target:
        return 0
    key = (base, target)
    if key not in known:
        if depth > MAX_DEPTH:
            return MAX_FILES + 1
        ours = store.tree(base) if base is not None else {}
        theirs = store.tree(target)
        below = [(name, entry) for name, entry in theirs.items() if entry.mode == TREE]
        total = len(theirs) - len(below)
        for name, entry in below:
            total += _count(store, _tree(ours.get(name)), entry.id, known, depth + 1)
        known[key] = total
    return known[key]


def _tree(entry: TreeEntry | None) -> str | None:
    return entry.id if entry is not None and entry.mode == TREE else None


def _fold(name: bytes) -> str:
    return unicodedata.normalize("NFC", name.decode("utf-8", "surrogateescape")).casefold()
