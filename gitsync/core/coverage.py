"""Which home paths this machine tracks, and the effect of adding and removing entries.

Pure and frozen; any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitsync.core.manifest import Manifest, ManifestEntry

if TYPE_CHECKING:
    from gitsync.core.agreement import Agreement


# How many answers about paths are kept.
_KEPT = 20_000


class Coverage:
    """The manifest as seen from the machine `host`; `apart` are directories that are never tracked: the mirror itself
    and gitsync's own state. `own` are gitsync's own files of this machine, tracked where an entry names them.

    With an `agreement` only what was agreed to is tracked here.
    """

    def __init__(
        self,
        manifest: Manifest,
        host: str,
        apart: Iterable[bytes] = (),
        agreement: Agreement | None = None,
        own: Iterable[bytes] = (),
    ) -> None:
        self._entries = {path: entry for path, entry in manifest.entries.items() if not entry.is_gone}
        self._host = host
        self._apart = tuple(apart)
        self._own = tuple(own)
        self._agreement = agreement
        here = [entry for _, entry in sorted(self._entries.items()) if entry.is_for(host)]
        self.active = tuple(part for entry in here for part in self._agreed_parts(entry))
        self.files = frozenset(entry.path for entry in self.active if not entry.is_directory)
        self.directories = frozenset(entry.path for entry in self.active if entry.is_directory)
        self._above = frozenset(above for entry in self.active for above in parents(entry.path))
        self._known: dict[bytes, ManifestEntry | None] = {}  # answers of `entry`, which never change
        self._above_known: dict[bytes, ManifestEntry | None] = {}  # the nearest directory's entry, by directory

    def _agreed_parts(self, entry: ManifestEntry) -> list[ManifestEntry]:
        """Return the entry where it was agreed to, else an entry for each part of it that was."""
        if self._agreement is None or self._agreement.holds(entry.path):
            return [entry]
        trees = self._agreement.directories
        return [replace(entry, path=path, is_directory=path in trees) for path in self._agreement.below(entry.path)]

    def entry(self, path: bytes) -> ManifestEntry | None:
        """Return the entry by which `path` is tracked here: its own, else that of the nearest directory above it."""
        if path not in self._known:
            found = self.listed(path)
            if len(self._known) >= _KEPT:
                self._known, self._above_known = {}, {}
            self._known[path] = found if self._agreement is None or self._agreement.holds(path) else None
        return self._known[path]

    def offered(self, path: bytes) -> ManifestEntry | None:
        """Return the entry by which `path` would be tracked here if it was agreed to, None where it is, or never is."""
        return None if self.entry(path) is not None else self.listed(path)

    def listed(self, path: bytes) -> ManifestEntry | None:
        """Return the entry for this machine that has `path`, agreed to or not."""
        if self._apart and self.is_apart(path):
            return None
        found = self._entries.get(path)
        if found is None:
            above = path.rpartition(b"/")[0]
            if above not in self._above_known:
                nearest = (self._entries.get(at) for at in (above, *parents(above)))
                self._above_known[above] = next((entry for entry in nearest if entry and entry.is_directory), None)
            found = self._above_known[above]
        is_here = found is not None and found.is_for(self._host) and not self._is_left_out(path, found.path)
        return found if is_here else None

    def _is_left_out(self, path: bytes, at: bytes) -> bool:
        """Whether `path` is gitsync's own, and the entry at `at` does not name that."""
        return any(_is_in(path, own) and not _is_in(at, own) for own in self._own)

    def is_own(self, path: bytes) -> bool:
        """Whether `path` is gitsync's configuration of this machine, or what it installed."""
        return any(_is_in(path, own) for own in self._own)

    def own_below(self) -> list[bytes]:
        """Return what is gitsync's own, and is left out of a tracked directory."""
        above = self.directories
        return [own for own in self._own if any(at in above for at in parents(own)) and self.listed(own) is None]

    def concerns(self, path: bytes) -> bool:
        """Whether a change at `path` can affect a tracked file: it is tracked, or above a tracked path."""
        return path in self._above or self.entry(path) is not None

    def is_apart(self, path: bytes) -> bool:
        """Whether `path` is in a directory that is never tracked."""
        return any(path == apart or path.startswith(apart + b"/") for apart in self._apart)

    def is_watched(self, directory: bytes) -> bool:
        """Whether `directory` is, contains, or may come to contain something tracked here, or is in a file's place."""
        if directory == b"" or directory in self._above:
            return not self.is_apart(directory)
        found = self.entry(directory)
        return found is not None and (found.is_directory or found.path == directory)


def _is_in(path: bytes, top: bytes) -> bool:
    return path == top or path.startswith(top + b"/")


def parents(path: bytes) -> list[bytes]:
    """Return the directories above `path`, nearest first, without home itself."""
    found = []
    while path := path.rpartition(b"/")[0]:
        found.append(path)
    return found


@dataclass(frozen=True, slots=True)
class Added:
    """The result of adding: the new `manifest`, narrower entries `replaced` by a wider one, paths already `covered` by
    a directory, and the `added` entries.
    """

    manifest: Manifest
    added: tuple[ManifestEntry, ...]
    replaced: Mapping[bytes, tuple[bytes, ...]]
    covered: Mapping[bytes, bytes]


def add(manifest: Manifest, wanted: Iterable[ManifestEntry]) -> Added:
    """Return the manifest with the `wanted` entries; a wider entry replaces the narrower ones that it covers."""
    entries = dict(manifest.entries)
    added: list[ManifestEntry] = []
    replaced: dict[bytes, tuple[bytes, ...]] = {}
    covered: dict[bytes, bytes] = {}
    # Directories first, from the top: what is below one of them is covered, whatever the order of the arguments.
    for entry in sorted(wanted, key=lambda one: (not one.is_directory, one.path.count(b"/"), one.path)):
        above = [at for at in parents(entry.path) if (found := entries.get(at)) and found.is_directory]
        nearest = next((entries[at] for at in above if not entries[at].is_gone), None)
        if nearest is not None and _is_wider(nearest, entry):
            covered[entry.path] = nearest.path
            continue
        if entries.get(entry.path) == entry:
            covered[entry.path] = entry.path
            continue
        if entry.is_directory:
            below = entry.path + b"/"
            narrower = [at for at, other in entries.items() if at.startswith(below) and _is_wider(entry, other)]
            told = tuple(sorted(at for at in narrower if not entries[at].is_gone))
            for at in narrower:
                del entries[at]
            if told:
                replaced[entry.path] = told
        entries[entry.path] = entry
        added.append(entry)
    return Added(Manifest(entries, manifest.modes), tuple(added), replaced, covered)


def _is_wider(one: ManifestEntry, other: ManifestEntry) -> bool:
    """Whether every host of `other` is also one of `one`."""
    return not one.hosts or (bool(other.hosts) and other.hosts <= one.hosts)


def remove(manifest: Manifest, paths: Iterable[bytes]) -> Manifest:
    """Return the manifest without these entries and their permissions."""
    gone = frozenset(paths)
    modes = {
        path: mode
        for path, mode in manifest.modes.items()
        if not any(path == at or path.startswith(at + b"/") for at in gone)
    }
    return Manifest({path: entry for path, entry in manifest.entries.items() if path not in gone}, modes)
