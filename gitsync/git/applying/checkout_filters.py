"""What a blob looks like on disk at a path: the bytes as they are, or through what the attributes ask for.

Runs on the committer thread; owns a scratch directory in the notes directory while it works. The attributes are those
of the tree that is coming, not of the one on disk. Filters, encodings and `$Id$` are left to the git program: libgit2
knows neither external filters (git-lfs, git-crypt) nor working-tree-encoding.
"""

from __future__ import annotations

from pathlib import Path

from gitsync.errors import OperationError
from gitsync.git.applying.temporaries import Content
from gitsync.git.objects.batch_read import BlobRun
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_LINK
from gitsync.git.objects.store import BLOB, object_id_of
from gitsync.git.objects.trees import TreeEntry
from gitsync.git.patience import SLOW_HINT
from gitsync.git.program import failed
from gitsync.git.rules import config
from gitsync.git.rules.attributes import NOTHING, LaidOut, eol_settings
from gitsync.git.rules.line_ends import Eol, to_work_tree
from gitsync.git.staging.worktree import Worktree

# git-lfs may have to fetch a large file.
FILTER_S = 300.0
CACHED_MAX = 1 << 20
# Each content is needed twice: to be compared, and to be written.
KEPT_BYTES = 16 << 20


class Renderer:
    """Gives the contents of the paths that an integration brings."""

    def __init__(self, worktree: Worktree, tree: str, coming: dict[bytes, TreeEntry], base: str | None = None) -> None:
        """Look up the attributes of all `coming` paths in `tree`; raise OperationError."""
        self._worktree = worktree
        self._coming = coming
        self._cache: dict[bytes, bytes] = {}
        self._kept: dict[bytes, Content] = {}
        self._kept_bytes = 0
        self._blobs = BlobRun(worktree.program, [(path, entry.id) for path, entry in sorted(coming.items())])
        settings = config.read(Path(worktree.root))
        self._settings = eol_settings(settings)
        self._has_links = settings.is_true("core.symlinks", True)
        # Beside the real work tree, with the attribute files of the coming tree and nothing else.
        self._laid = LaidOut(worktree.store, tree, worktree.repo_state_dir, worktree.root, base)
        try:
            files = [path for path, entry in coming.items() if entry.mode != MODE_LINK]
            self._told = self._laid.of(files, settings)
        except OperationError:
            self.close()
            raise

    def close(self) -> None:
        """Remove the scratch directory, and end the child that reads blobs."""
        self._blobs.close()
        self._laid.close()

    def content(self, path: bytes) -> Content:
        """Return what is to be on disk at `path`; raise OperationError "filter" or "missing-object"."""
        content = self._kept.get(path)
        if content is None:
            content = self._content(path, self._coming[path])
            if self._kept_bytes + len(content.data) <= KEPT_BYTES:
                self._kept_bytes += len(content.data)
                self._kept[path] = content
        return content

    def _content(self, path: bytes, entry: TreeEntry) -> Content:
        if entry.mode == MODE_LINK:
            # As git: where links are not wanted, a file holds the target.
            return Content(self._blob(path, entry), is_link=self._has_links)
        return Content(self._data(path, entry), is_executable=entry.mode == MODE_EXECUTABLE)

    def may_change_back(self, path: bytes) -> bool:
        """Whether what is written at `path` may come to another blob on its way back."""
        told = self._told.get(path, NOTHING)
        if told.filter or told.encoding:
            return True
        entry = self._coming[path]
        if entry.mode == MODE_LINK or self._worktree.filters.is_plain(told):
            return False
        stored = self._worktree.filters.stored(told, self._data(path, entry), entry.id)
        return object_id_of(BLOB, stored) != entry.id

    def _data(self, path: bytes, entry: TreeEntry) -> bytes:
        told = self._told.get(path, NOTHING)
        if told.filter or told.encoding:
            return self._filtered_data(path, entry)
        eol = told.line_ends(self._settings)
        if not told.is_ident and eol is Eol.BINARY:
            return self._blob(path, entry)
        data = self._blob(path, entry)
        if told.is_ident and b"$Id" in data:
            return self._filtered_data(path, entry)
        return to_work_tree(data, eol, self._settings)

    def _filtered_data(self, path: bytes, entry: TreeEntry) -> bytes:
        """A path is asked for twice, and a filter is a child or more."""
        data = self._cache.get(path)
        if data is None:
            data = self._through_git(path, entry)
            if len(data) <= CACHED_MAX:
                self._cache[path] = data
        return data

    def _blob(self, path: bytes, entry: TreeEntry) -> bytes:
        data = self._blobs.take(path)
        if data is not None:
            return data
        kind, data = self._worktree.store.read(entry.id)
        if kind != BLOB:
            raise OperationError(f"object {entry.id} of {self._worktree.root} is not a blob", code="missing-object")
        return data

    def _through_git(self, path: bytes, entry: TreeEntry) -> bytes:
        argv = ("cat-file", "--filters", b"--path=" + path, entry.id)
        laid, told = self._laid, self._told.get(path, NOTHING)
        what = f"cannot write {path.decode('utf-8', 'surrogateescape')!r} in {self._worktree.root} through its filter"
        try:
            done = self._worktree.store.patience.run(
                f"the filter {told.filter!r}" if told.filter else "git",
                lambda is_cancelled: laid.program.run(
                    *argv, env=laid.env, deadline_s=FILTER_S, is_cancelled=is_cancelled
                ),
            )
        except OperationError as error:
            raise OperationError(f"{what}: {error.message}", SLOW_HINT, code="filter") from error
        if not done.ok:
            raise failed(what, done, code="filter")
        return done.stdout
