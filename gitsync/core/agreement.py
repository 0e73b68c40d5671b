"""What a person has agreed to on this machine of what the mirror's manifest lists. Pure; frozen, so for any thread.

An entry of the manifest is another machine's wish until then: nothing of it leaves this machine's home, and what the
remote has of it comes in only where there is nothing yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from gitsync.core.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Agreement:
    """`paths` with all that is below them, `directories` among them; `declined` paths are asked about no more.

    `versions` are blob ids by path, of files that ask about each version that comes in.
    """

    paths: frozenset[bytes] = frozenset()
    directories: frozenset[bytes] = frozenset()
    declined: frozenset[bytes] = frozenset()
    versions: Mapping[bytes, str] = field(default_factory=dict)

    def holds(self, path: bytes) -> bool:
        """Whether a path was agreed to, itself or with a directory above it."""
        return path in self.paths or any(above in self.paths for above in _above(path))

    def is_declined(self, path: bytes) -> bool:
        """Whether a path is not to be asked about, itself or with a directory above it."""
        return path in self.declined or any(above in self.declined for above in _above(path))

    def below(self, directory: bytes) -> list[bytes]:
        """Return the agreed paths below a directory, sorted."""
        return sorted(path for path in self.paths if path.startswith(directory + b"/"))

    def agree(
        self,
        paths: Iterable[bytes],
        directories: Iterable[bytes] = (),
        versions: Mapping[bytes, str] | None = None,
    ) -> Agreement:
        """Return what is agreed to with these files and directories, and with these versions of files."""
        trees = frozenset(directories)
        wanted = frozenset(paths) | trees
        declined = frozenset(path for path in self.declined if not _is_covered(path, wanted))
        return Agreement(self.paths | wanted, self.directories | trees, declined, {**self.versions, **(versions or {})})

    def decline(self, paths: Iterable[bytes]) -> Agreement:
        """Return what is agreed to when these paths are asked about no more."""
        return replace(self, declined=self.declined | frozenset(paths))

    def withdraw(self, paths: Iterable[bytes]) -> Agreement:
        """Return what is agreed to without these paths and all that is below them."""
        gone = frozenset(paths)
        kept = frozenset(path for path in self.paths if not _is_covered(path, gone))
        return replace(self, paths=kept, directories=self.directories & kept)


def _above(path: bytes) -> Iterator[bytes]:
    while path := path.rpartition(b"/")[0]:
        yield path


def _is_covered(path: bytes, by: frozenset[bytes]) -> bool:
    return path in by or any(above in by for above in _above(path))


def to_all(manifest: Manifest) -> Agreement:
    """Return the agreement to all that a manifest lists."""
    entries = [entry for entry in manifest.entries.values() if not entry.is_gone]
    return Agreement().agree(
        [entry.path for entry in entries if not entry.is_directory],
        [entry.path for entry in entries if entry.is_directory],
    )
