"""Whether a tree from elsewhere may come into a work tree at all: names that git forbids, trees that are bombs.

Pure but for the tree objects it reads; runs where its store runs. libgit2 writes what git refuses, and a fetch through
it checks nothing, so nothing reaches the work tree before it was looked at here.
"""

from __future__ import annotations

import re
import unicodedata

from gitsync.git.files import TEMP_PREFIX
from gitsync.git.objects.trees import TREE, TreeEntry, TreeStore

# The file systems' own limit of a name, and a depth and a number of files beyond what a person has.
MAX_NAME = 255
MAX_DEPTH = 400
MAX_FILES = 5_000_000

_MODES = frozenset({0o100644, 0o100755, 0o120000, 0o160000, TREE, 0o100664})
# What HFS+ passes over when it compares names.
_IGNORED_BY_HFS = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF], None)
_NTFS = re.compile(rb"(\.git|git~[1-4])[ .]*(:.*)?", re.IGNORECASE | re.DOTALL)


def refusal(name: bytes) -> str:
    """Return why `name` may not be a file's or directory's, "" when it may."""
    if name in (b"", b".", b".."):
        return "it is no name"
    if b"/" in name or b"\0" in name:
        return "a name with a slash in it"
    if len(name) > MAX_NAME:
        return "the name is too long"
    if name.startswith(TEMP_PREFIX):
        return "the name of a temporary file of gitsync's"
    plain = name.decode("utf-8", "surrogateescape").translate(_IGNORED_BY_HFS)
    if plain.lower() == ".git" or _NTFS.fullmatch(name):
        return "a file system may take it for .git"
    return ""


def faults(store: TreeStore, base: str | None, target: str, *, is_case_blind: bool = False) -> list[tuple[bytes, str]]:
    """Return what of tree `target` may not come into a work tree that has tree `base`, as (path, why).

    Only what differs is looked at. `is_case_blind` is for file systems that take A and a for one name.
    """
    if _count(store, base, target, {}, 0) > MAX_FILES:
        return [(b"", "it has more files, or deeper directories, than can be meant")]
    found: list[tuple[bytes, str]] = []
    waiting: list[tuple[bytes, str | None, str]] = [(b"", base, target)]
    while waiting:
        prefix, old, new = waiting.pop()
        ours = store.tree(old) if old is not None else {}
        theirs = store.tree(new)
        folded: dict[str, bytes] = {}
        for name, entry in theirs.items():
            if is_case_blind and (twin := folded.setdefault(_fold(name), name)) != name:
                found.append((prefix + name, f"the same as {twin!r} but for upper and lower case"))
            was = ours.get(name)
            if was == entry:
                continue
            if why := refusal(name) or ("" if entry.mode in _MODES else f"of an unknown kind ({entry.mode:o})"):
                found.append((prefix + name, why))
            elif entry.mode == 0o120000 and name.lower() == b".gitmodules":
                found.append((prefix + name, "git refuses a link of that name"))
            elif entry.mode == TREE:
                waiting.append((prefix + name + b"/", _tree(was), entry.id))
    return found


def _count(
    store: TreeStore, base: str | None, target: str, known: dict[tuple[str | None, str], int], depth: int
) -> int:
    """Return how many files of `target` are not those of `base`; a tree that is met again is not walked again."""
    if base == target:
        return 0
    key = (base, target)
    if key not in known:
        if depth > MAX_DEPTH:
            return MAX_FILES + 1
        ours = store.tree(base) if base is not None else {}
        total = 0
        for name, entry in store.tree(target).items():
            total += 1 if entry.mode != TREE else _count(store, _tree(ours.get(name)), entry.id, known, depth + 1)
        known[key] = total
    return known[key]


def _tree(entry: TreeEntry | None) -> str | None:
    return entry.id if entry is not None and entry.mode == TREE else None


def _fold(name: bytes) -> str:
    return unicodedata.normalize("NFC", name.decode("utf-8", "surrogateescape")).casefold()
