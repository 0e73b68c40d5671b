"""Which paths of home are tracked on this machine, and what adding and removing entries comes to.

Pure, so on no thread and owner of nothing; frozen, so any thread may hold one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitsync.core.manifest import Manifest, ManifestEntry


class Coverage:
    """The manifest as seen from the machine called `host`; `apart` are directories that belong to nobody's home files:
    the mirror itself, gitsync's own state."""

    def __init__(self, manifest: Manifest, host: str, apart: Iterable[bytes] = ()) -> None:
        self._entries = {path: entry for path, entry in manifest.entries.items() if not entry.is_gone}
        self._host = host
        self._apart = tuple(apart)
        self.active = tuple(entry for _, entry in sorted(self._entries.items()) if entry.is_for(host))
        self.files = frozenset(entry.path for entry in self.active if not entry.is_directory)
        self.directories = frozenset(entry.path for entry in self.active if entry.is_directory)
        self._above = frozenset(above for entry in self.active for above in parents(entry.path))

    def entry(self, path: bytes) -> ManifestEntry | None:
        """Return the entry that makes `path` tracked here: its own, else that of the nearest directory above it."""
        if self.is_apart(path):
            return None
        for at in (path, *parents(path)):
            found = self._entries.get(at)
            if found is not None and (at == path or found.is_directory):
                return found if found.is_for(self._host) else None
        return None

    def concerns(self, path: bytes) -> bool:
        """Whether what happens at `path` can change something tracked here: it is tracked, or the way to it."""
        return path in self._above or self.entry(path) is not None

    def is_apart(self, path: bytes) -> bool:
        """Whether `path` lies in a directory that is never tracked."""
        return any(path == apart or path.startswith(apart + b"/") for apart in self._apart)

    def is_watched(self, directory: bytes) -> bool:
        """Whether something tracked here is, or may come to be, in `directory` or below it."""
        if directory == b"" or directory in self._above:
            return not self.is_apart(directory)
        found = self.entry(directory)
        return found is not None and found.is_directory


def parents(path: bytes) -> list[bytes]:
    """Return the directories above `path`, the nearest first, home itself left out."""
    found = []
    while path := path.rpartition(b"/")[0]:
        found.append(path)
    return found


@dataclass(frozen=True, slots=True)
class Added:
    """What adding came to: `manifest` as it is then, `replaced` narrower entries by the one that covers them now,
    `covered` paths by the directory that had them already, `added` the new entries."""

    manifest: Manifest
    added: tuple[ManifestEntry, ...]
    replaced: Mapping[bytes, tuple[bytes, ...]]
    covered: Mapping[bytes, bytes]


def add(manifest: Manifest, wanted: Iterable[ManifestEntry]) -> Added:
    """Return the manifest with the `wanted` entries; a more general one replaces the narrower ones that it covers."""
    entries = dict(manifest.entries)
    added: list[ManifestEntry] = []
    replaced: dict[bytes, tuple[bytes, ...]] = {}
    covered: dict[bytes, bytes] = {}
    # Directories first, the highest first: what is below one of them is covered whatever the order it was named in.
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
    """Whether every host that has `other` has `one`."""
    return not one.hosts or (bool(other.hosts) and other.hosts <= one.hosts)


def remove(manifest: Manifest, paths: Iterable[bytes]) -> Manifest:
    """Return the manifest without these entries and without the permissions that were kept for them."""
    gone = frozenset(paths)
    modes = {
        path: mode
        for path, mode in manifest.modes.items()
        if not any(path == at or path.startswith(at + b"/") for at in gone)
    }
    return Manifest({path: entry for path, entry in manifest.entries.items() if path not in gone}, modes)
