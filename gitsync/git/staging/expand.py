"""From noted paths to the files that may differ: both sides of a directory, HEAD's and the disk's. Committer thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from gitsync.git.objects.modes import MODE_GITLINK
from gitsync.git.objects.trees import TREE, NearLookup, TreeEntry, TreeStore, walk
from gitsync.git.rules.ignores import IgnoreRules
from gitsync.git.staging.read import FoundKind, Reader

Report = Callable[[bytes, str], None]


class Expansion:
    """Names each candidate once."""

    def __init__(
        self, reader: Reader, store: TreeStore, head_tree: str | None, ignores: IgnoreRules, on_unreadable: Report
    ) -> None:
        self._reader = reader
        self._store = store
        self._head_tree = head_tree
        self._head = NearLookup(store, head_tree)
        self._ignores = ignores
        self._on_unreadable = on_unreadable
        self._named: set[bytes] = set()
        self._owners: dict[bytes, bytes | None] = {}
        self._replaced: dict[bytes, bytes | None] = {}

    def candidates(self, noted: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the paths to compare for what was noted; a directory stands for everything below it."""
        for path in sorted(noted):
            if path in self._named:
                continue  # with a directory above it, which comes first and has all that is below it
            for candidate in self._expanded(path):
                if candidate not in self._named:
                    self._named.add(candidate)
                    yield candidate

    def _expanded(self, path: bytes) -> Iterator[bytes]:
        owner = self._owner(path)
        if owner is not None:
            yield owner
            return
        entry = self._head.of(path)
        if entry is None and (above := self._in_the_way(path.rpartition(b"/")[0])) is not None:
            yield above
        is_tree = entry is not None and entry.mode == TREE
        if is_tree:
            for below, _ in walk(self._store, self._head_tree, path):
                yield below
        found = self._reader.look(path)
        if found.kind is FoundKind.UNREADABLE:
            self._on_unreadable(path, found.reason)
        elif found.kind is FoundKind.DIRECTORY and not self._is_foreign(path, entry):
            yield from self._on_disk(path)
            if not is_tree and entry is not None:
                yield path
        elif path and not (is_tree and found.kind is FoundKind.ABSENT):
            yield path

    def _in_the_way(self, directory: bytes) -> bytes | None:
        """Return the file of HEAD that is where `directory`, or one above it, is now."""
        at, missing = directory, []
        while at and at not in self._replaced:
            entry = self._head.of(at)
            if entry is not None:
                self._replaced[at] = None if entry.mode == TREE else at
                break
            missing.append(at)
            at = at.rpartition(b"/")[0]
        found = self._replaced.get(at)
        self._replaced.update(dict.fromkeys(missing, found))
        return found

    def _on_disk(self, top: bytes) -> Iterator[bytes]:
        waiting = [top]
        while waiting:
            directory = waiting.pop()
            try:
                names = self._reader.names(directory)
            except (FileNotFoundError, NotADirectoryError):
                continue  # gone again: whatever HEAD has there is compared one by one
            except OSError as error:
                self._on_unreadable(directory, error.strerror or str(error))
                continue
            for name, is_dir in names:
                path = directory + b"/" + name if directory else name
                if name.lower() == b".git":
                    continue
                if not is_dir:
                    yield path
                    continue
                entry = self._head.of(path)
                if self._is_foreign(path, entry):
                    if entry is not None:
                        yield path
                    continue
                if entry is not None and entry.mode != TREE:
                    yield path
                if (entry is not None and entry.mode == TREE) or not self._ignores.is_prunable(path):
                    waiting.append(path)

    def _owner(self, path: bytes) -> bytes | None:
        """Return the nested repository that `path` lies in, if it does."""
        at = path.find(b"/")
        while at > 0:
            above = path[:at]
            if above not in self._owners:
                entry = self._head.of(above)
                self._owners[above] = above if self._is_foreign(above, entry) else None
            if self._owners[above] is not None:
                return above
            at = path.find(b"/", at + 1)
        return None

    def _is_foreign(self, path: bytes, entry: TreeEntry | None) -> bool:
        """Whether the directory `path` is a submodule of HEAD's or, where HEAD has no directory, a repository."""
        if not path or (entry is not None and entry.mode == TREE):
            return False
        if entry is not None and entry.mode == MODE_GITLINK:
            return self._reader.look(path).kind is FoundKind.DIRECTORY
        return self._reader.look(path + b"/.git").kind is not FoundKind.ABSENT and self._ignores.is_nested(path)
