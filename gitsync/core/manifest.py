"""The mirror's list of tracked paths: one entry per line, sorted, so that changes of two machines merge by line.

Pure; any thread. There are three kinds of lines; the path comes last and extends to the end of the line:

track HOSTS PATH    tracked on these hosts (names separated by commas; * is every host); a directory ends in "/" gone *
PATH         a file that was tracked and deleted: machines that have it unchanged delete it too mode OCTAL PATH
permissions that git does not store: of a file other than 644 and 755, of a directory other than 755

A path that is not listed is not tracked, and no machine's copy of it is touched: `remove` results in that. Modification
times are not stored: each save would change a line that every machine has to merge, and no decision needs them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from gitsync.core.dotfiles import SHARED_BITS

NAME = b".gitsync-manifest"
HEADER = b"# gitsync manifest 1: what is tracked of the home directory, one entry a line, sorted"
_ESCAPED = re.compile(rb"[\x00-\x1f\x7f\\]| \Z")
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A path, relative to home and without a trailing slash; empty `hosts` means every host."""

    path: bytes
    is_directory: bool = False
    hosts: frozenset[str] = frozenset()
    is_gone: bool = False

    def is_for(self, host: str) -> bool:
        """Whether the machine `host` has this entry."""
        return not self.hosts or host in self.hosts

    @property
    def shown(self) -> bytes:
        """Return the path, with a trailing slash for a directory."""
        return self.path + b"/" if self.is_directory else self.path


@dataclass(frozen=True, slots=True)
class Manifest:
    """Entries by path, and permissions by path (with a trailing slash for a directory)."""

    entries: Mapping[bytes, ManifestEntry] = field(default_factory=dict)
    modes: Mapping[bytes, int] = field(default_factory=dict)


def parse(data: bytes) -> tuple[Manifest, bool]:
    """Return what can be parsed of a manifest, and whether it is complete and starts with the header."""
    entries: dict[bytes, ManifestEntry] = {}
    modes: dict[bytes, int] = {}
    lines = data.split(b"\n")
    is_whole = lines[0] == HEADER and lines[-1] == b""
    for line in lines:
        if line and not line.startswith(b"#"):
            is_whole &= _parse_line(line, entries, modes)
    return Manifest(entries, modes), is_whole


def _parse_line(line: bytes, entries: dict[bytes, ManifestEntry], modes: dict[bytes, int]) -> bool:
    kind, _, rest = line.partition(b" ")
    what, _, text = rest.partition(b" ")
    path = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), text)
    bare = path.removesuffix(b"/")
    if not is_sound(bare):
        return False
    if kind == b"mode" and re.fullmatch(rb"[0-7]{3,4}", what):
        modes[path] = int(what, 8) & SHARED_BITS
        return True
    hosts = frozenset() if what == b"*" else frozenset(what.decode("ascii", "replace").split(","))
    if kind not in (b"track", b"gone") or not all(map(is_host, hosts)):
        return False
    entries[bare] = ManifestEntry(bare, path != bare, hosts, kind == b"gone")
    return True


def render(manifest: Manifest) -> bytes:
    """Return the manifest as bytes; parsing and rendering changes nothing."""
    lines = [
        b"%s %s %s"
        % (b"gone" if entry.is_gone else b"track", ",".join(sorted(entry.hosts)).encode() or b"*", _escape(entry.shown))
        for entry in manifest.entries.values()
    ]
    lines += [b"mode %04o %s" % (mode, _escape(path)) for path, mode in manifest.modes.items()]
    return b"\n".join([HEADER, *sorted(lines), b""])


def _escape(path: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: b"\\x%02x" % found[0][0], path)


def is_sound(path: bytes) -> bool:
    """Whether `path` is a valid entry: relative, without `.`, `..` or `.git`, and not the manifest itself."""
    parts = path.split(b"/")
    return (
        path != NAME
        and b"\0" not in path
        and not any(part in (b"", b".", b"..") or part.lower() == b".git" for part in parts)
    )


def is_host(name: str) -> bool:
    """Whether `name` is valid in a list of hosts."""
    return _HOST.fullmatch(name) is not None


def merge(base: Manifest, ours: Manifest, theirs: Manifest) -> Manifest:
    """Merge both sides' changes; the result does not depend on which side is called ours.

    If both changed one entry, a tracked one wins over a deleted or removed one, and a removed one over a deleted one,
    because it leaves files alone; lists of hosts are united. Of permissions, only those that both grant remain.
    """
    return Manifest(
        _merge(base.entries, ours.entries, theirs.entries, _settle),
        _merge(base.modes, ours.modes, theirs.modes, lambda one, other: one & other),
    )


def _merge(
    base: Mapping[bytes, V], ours: Mapping[bytes, V], theirs: Mapping[bytes, V], settle: Callable[[V, V], V]
) -> dict[bytes, V]:
    merged: dict[bytes, V] = {}
    for path in base.keys() | ours.keys() | theirs.keys():
        was, one, other = base.get(path), ours.get(path), theirs.get(path)
        if one == other or other == was:
            found = one
        elif one == was:
            found = other
        elif one is None or other is None:
            found = _keep(one if other is None else other)
        else:
            found = settle(one, other)
        if found is not None:
            merged[path] = found
    return merged


def _keep(changed: V | None) -> V | None:
    """Return the entry that remains when one side removed it and the other changed it."""
    return None if isinstance(changed, ManifestEntry) and changed.is_gone else changed


def _settle(one: ManifestEntry, other: ManifestEntry) -> ManifestEntry:
    if one.is_gone != other.is_gone:
        return other if one.is_gone else one
    hosts = one.hosts | other.hosts if one.hosts and other.hosts else frozenset()
    return ManifestEntry(one.path, one.is_directory or other.is_directory, hosts, one.is_gone)


def merge_bytes(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """Merge three manifests as they are in git; of a damaged one, the valid lines are used."""
    return render(merge(*(parse(side)[0] for side in (base, ours, theirs))))


def with_modes(manifest: Manifest, modes: Mapping[bytes, int], usual: Callable[[bytes], int]) -> Manifest:
    """Return the manifest with the permissions of these paths; `usual` permissions need no line."""
    kept = {path: mode for path, mode in manifest.modes.items() if path not in modes}
    kept |= {path: mode for path, mode in modes.items() if mode != usual(path)}
    return manifest if kept == manifest.modes else Manifest(manifest.entries, kept)
