"""Tree objects as raw bytes: parse, look up, walk, edit along paths, compare. Runs where its store runs.

Names are bytes in any encoding, newlines included, except those that git itself refuses.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import NamedTuple, Protocol

TREE = 0o040000
MODES = {b"100644": 0o100644, b"100755": 0o100755, b"120000": 0o120000, b"40000": TREE, b"160000": 0o160000}
_TREE_TYPE = 2

# git refuses these names in an index and at checkout, also in the spellings that Windows file systems accept.
_REFUSED = re.compile(
    rb"(?:\A|[/\\])(?:\.git|git~1)[ .]*(?:[:\\/]|\Z)|(?:\A|/)\.{0,2}(?:/|\Z)|\0", re.IGNORECASE | re.DOTALL
)


# An entry of a raw tree: its mode, its name, and the id in twenty bytes; a blank and a NUL are between them.
_ENTRY = re.compile(rb"([0-7]+) ([^\0]*)\0(.{20})", re.DOTALL)
_ENTRY_MARKS = 2


class TreeEntry(NamedTuple):
    """One entry of a tree: the mode and the hex id of the object."""

    mode: int
    id: str


class EditableTree(Mapping[bytes, TreeEntry]):
    """A tree that is too large to be taken apart for one change; it is not changed itself."""

    @abstractmethod
    def edited(self, changes: Mapping[bytes, TreeEntry | None]) -> Mapping[bytes, TreeEntry]:
        """Return the tree in which each of these names has its entry, or is gone for None."""

    @abstractmethod
    def differing(self, other: EditableTree) -> Iterator[bytes]:
        """Yield every name that may be different in `other`, and some that are not."""


class TreeStore(Protocol):
    """Where tree objects are stored."""

    def tree(self, tree_id: str) -> Mapping[bytes, TreeEntry]:
        """Return the entries of a tree in its order; not to be modified."""

    def write(self, kind: int, data: bytes) -> str:
        """Store an object of libgit2's numeric type and return its hex id."""

    def write_tree(self, entries: Mapping[bytes, TreeEntry]) -> str:
        """Store a tree and return its hex id."""


class _Edit:
    """An edit of one name: its new entry (None: remove it), and the edits below it."""

    __slots__ = ("below", "entry", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        self.entry: TreeEntry | None = None
        self.below: dict[bytes, _Edit] = {}


def is_refused(path: bytes) -> bool:
    """Whether git refuses `path` in a tree: it is empty, contains `.` or `..`, or a file system could take it for
    `.git`.
    """
    return _REFUSED.search(path) is not None


def parse(raw: bytes) -> dict[bytes, TreeEntry]:
    """Return the entries of a raw tree; raise ValueError for invalid data."""
    found = _ENTRY.findall(raw)
    # What is not an entry was passed over.
    if sum(map(len, chain.from_iterable(found))) + _ENTRY_MARKS * len(found) != len(raw):
        raise ValueError("the tree object is truncated")
    modes = MODES
    # Half the time of a call of the class, of which a pull of a large tree takes tens of thousands.
    made = partial(tuple.__new__, TreeEntry)
    return {name: made((modes.get(mode) or int(mode, 8), object_id.hex())) for mode, name, object_id in found}


def serialize(entries: Mapping[bytes, TreeEntry]) -> bytes:
    """Return the raw tree of `entries`, in git's order."""
    ordered = sorted((name + b"/" if entry.mode == TREE else name, name, entry) for name, entry in entries.items())
    return b"".join(b"%o %b\0%b" % (entry.mode, name, bytes.fromhex(entry.id)) for _, name, entry in ordered)


def edit_tree(store: TreeStore, root_id: str | None, changes: Mapping[bytes, TreeEntry | None]) -> str:
    """Set or remove (None) each path of `changes` in the tree `root_id` (None: the empty tree); return the new tree's
    id.

    Reads and writes only the trees along those paths. An entry replaces whatever was there, also a file a directory or
    the reverse. A directory disappears with its last file, not by None at its own path. Raise ValueError for a path
    that git refuses, and for a path below a changed file.
    """
    top = _Edit()
    for path, entry in changes.items():
        if is_refused(path):
            raise ValueError(f"git refuses the path {path!r}")
        node = top
        for part in path.split(b"/"):
            node = node.below.setdefault(part, _Edit())
        node.is_set, node.entry = True, entry
    edited = _edited(store, root_id, top.below)
    return edited if edited is not None else store.write(_TREE_TYPE, b"")


def _edited(store: TreeStore, tree_id: str | None, edits: dict[bytes, _Edit]) -> str | None:
    """Return the id of the edited tree, None when it is empty."""
    before = store.tree(tree_id) if tree_id is not None else {}
    changed: dict[bytes, TreeEntry | None] = {}
    for name, edit in edits.items():
        old = before.get(name)
        entry = _edited_entry(store, name, old, edit)
        if entry != old:
            changed[name] = entry
    if tree_id is not None and not changed:
        return tree_id if before else None
    after = before.edited(changed) if isinstance(before, EditableTree) else _changed(before, changed)
    return store.write_tree(after) if after else None


def _edited_entry(store: TreeStore, name: bytes, entry: TreeEntry | None, edit: _Edit) -> TreeEntry | None:
    if edit.is_set and (edit.entry is not None or entry is None or entry.mode != TREE):
        entry = edit.entry
    if not edit.below:
        return entry
    below = _edited(store, entry.id if entry and entry.mode == TREE else None, edit.below)
    if below is not None:
        if edit.is_set and edit.entry is not None and edit.entry.mode != TREE:
            raise ValueError(f"both a file and a directory: {name!r}")
        return TreeEntry(TREE, below)
    return None if entry is not None and entry.mode == TREE else entry


def _changed(before: Mapping[bytes, TreeEntry], changes: Mapping[bytes, TreeEntry | None]) -> dict[bytes, TreeEntry]:
    after = {**before, **changes}
    return {name: entry for name, entry in after.items() if entry is not None}


def lookup(store: TreeStore, root_id: str | None, path: bytes) -> TreeEntry | None:
    """Return the entry at `path`, also of a tree, or None; the root itself is b""."""
    if root_id is None:
        return None
    entry: TreeEntry | None = TreeEntry(TREE, root_id)
    for part in path.split(b"/") if path else ():
        if entry is None or entry.mode != TREE:
            return None
        entry = store.tree(entry.id).get(part)
    return entry


class NearLookup:
    """Looks entries up in one tree; neighbours, asked for one after the other, without coming down from its root."""

    def __init__(self, store: TreeStore, root_id: str | None) -> None:
        self.root_id = root_id
        self._store = store
        self._above: bytes | None = None
        self._entries: Mapping[bytes, TreeEntry] = {}

    def of(self, path: bytes) -> TreeEntry | None:
        """Return what `lookup` returns of `path`."""
        above, _, name = path.rpartition(b"/")
        if not name:
            return lookup(self._store, self.root_id, path)
        if above != self._above:
            found = lookup(self._store, self.root_id, above)
            is_tree = found is not None and found.mode == TREE
            self._entries = self._store.tree(found.id) if found is not None and is_tree else {}
            self._above = above
        return self._entries.get(name)


def walk(store: TreeStore, root_id: str | None, prefix: bytes = b"") -> Iterator[tuple[bytes, TreeEntry]]:
    """Yield path and entry of everything except trees at and below `prefix`, in no guaranteed order."""
    entry = lookup(store, root_id, prefix)
    if entry is None:
        return
    waiting = [(prefix, entry)]
    while waiting:
        path, entry = waiting.pop()
        if entry.mode != TREE:
            yield path, entry
            continue
        below = path + b"/" if path else b""
        waiting.extend((below + name, child) for name, child in store.tree(entry.id).items())


def diff(
    store: TreeStore, old_id: str | None, new_id: str | None
) -> dict[bytes, tuple[TreeEntry | None, TreeEntry | None]]:
    """Return the differences of two trees by path, trees themselves left out, as (old, new).

    Subtrees that are equal are not read.
    """
    found: dict[bytes, tuple[TreeEntry | None, TreeEntry | None]] = {}
    waiting = [(b"", old_id, new_id)]
    while waiting:
        prefix, old, new = waiting.pop()
        if old == new:
            continue
        ours = store.tree(old) if old is not None else {}
        theirs = store.tree(new) if new is not None else {}
        for name in _names(ours, theirs):
            left, right = ours.get(name), theirs.get(name)
            if left == right:
                continue
            path = prefix + name
            was = left.id if left is not None and left.mode == TREE else None
            now = right.id if right is not None and right.mode == TREE else None
            if was is not None or now is not None:
                waiting.append((path + b"/", was, now))
            gone = left if left is not None and was is None else None
            come = right if right is not None and now is None else None
            if gone is not None or come is not None:
                found[path] = (gone, come)
    return found


def _names(ours: Mapping[bytes, TreeEntry], theirs: Mapping[bytes, TreeEntry]) -> Iterable[bytes]:
    if isinstance(ours, EditableTree) and isinstance(theirs, EditableTree):
        return set(ours.differing(theirs))
    return ours.keys() | theirs.keys()
