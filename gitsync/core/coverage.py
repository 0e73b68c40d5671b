"""Which home paths this machine tracks, and the effect of adding and removing entries.

Pure and frozen; any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitsync.core.manifest import Manifest, ManifestEntry


class Coverage:
    """The manifest as seen from the machine `host`; `apart` are directories that are never tracked: the mirror itself
    and gitsync's own state.
    """

    def __init__(self, manifest: Manifest, host: str, apart: Iterable[bytes] = ()) -> None:
        self._entries = {path: entry for path, entry in manifest.entries.items() if not entry.is_gone}
        self._host = host
        self._apart = tuple(apart)
        self.active = tuple(entry for _, entry in sorted(self._entries.items()) if entry.is_for(host))
        self.files = frozenset(entry.path for entry in self.active if not entry.is_directory)
        self.directories = frozenset(entry.path for entry in self.active if entry.is_directory)
        self._above = frozenset(above for entry in self.active for above in parents(entry.path))

    def entry(self, path: bytes) -> ManifestEntry | None:
        """Return the entry that tracks `path` here: its own, else that of the nearest directory above it."""
        if self.is_apart(path):
            return None
        for at in (path, *parents(path)):
            found = self._entries.get(at)
            if found is not None and (at == path or found.is_directory):
                return found if found.is_for(self._host) else None
        return None

    def concerns(self, path: bytes) -> bool:
        """Whether a change at `path` can affect a tracked file: it is tracked, or above a tracked path."""
        return path in self._above or self.entry(path) is not None

    def is_apart(self, path: bytes) -> bool:
        """Whether `path` is in a directory that is never tracked."""
        return any(path == apart or path.startswith(apart + b"/") for apart in self._apart)

    def is_watched(self, directory: bytes) -> bool:
        """Whether `directory` is, contains, or may come to contain something tracked here."""
        if directory == b"" or directory in self._above:
            return not self.is_apart(directory)
        found = self.entry(directory)
        return found is not None and found.is_directory


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
