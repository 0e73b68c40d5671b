"""Converts blobs to the content that belongs on disk, with the filters that the attributes ask for.

Runs on the committer thread; owns a scratch directory in the repository's state directory while it works. The
attributes are those of the incoming tree, not those on disk. The git program does the filtering: libgit2 supports
neither external filters (git-lfs, git-crypt) nor working-tree-encoding.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pygit2

from gitsync.errors import OperationError
from gitsync.git.applying.temporaries import Content
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_LINK
from gitsync.git.objects.store import BLOB
from gitsync.git.objects.trees import TREE, TreeEntry, lookup
from gitsync.git.program import GitProgram, failed
from gitsync.git.staging.worktree import Worktree

# git-lfs may have to download a large file.
FILTER_S = 300.0
CACHED_MAX = 1 << 20
_ATTRIBUTES = b".gitattributes"
_ASKED = ("filter", "working-tree-encoding", "ident", "text", "eol", "crlf")
_UNSET = frozenset({b"unspecified", b"unset"})


class Renderer:
    """Renders the files that an integration brings."""

    def __init__(self, worktree: Worktree, tree: str, coming: dict[bytes, TreeEntry]) -> None:
        """Look up the attributes of all incoming paths in `tree`; raise OperationError."""
        self._worktree = worktree
        self._tree = tree
        self._coming = coming
        self._cache: dict[bytes, bytes] = {}
        # Separate from the real work tree, with the attribute files of the incoming tree only.
        self._scratch = tempfile.TemporaryDirectory(prefix="attributes-", dir=worktree.repo_state_dir)
        try:
            self._filtered = self._ask()
        except OperationError:
            self.close()
            raise

    def close(self) -> None:
        """Remove the scratch directory."""
        self._scratch.cleanup()

    def content(self, path: bytes) -> Content:
        """Return the content that belongs on disk at `path`; raise OperationError "filter" or "missing-object"."""
        entry = self._coming[path]
        if entry.mode == MODE_LINK:
            return Content(self._blob(entry), is_link=True)
        data = self._filtered_data(path, entry) if path in self._filtered else self._blob(entry)
        return Content(data, is_executable=entry.mode == MODE_EXECUTABLE)

    def _filtered_data(self, path: bytes, entry: TreeEntry) -> bytes:
        """Return the filtered content; cached, because each path is requested twice and filters are child processes."""
        data = self._cache.get(path)
        if data is None:
            data = self._through_git(path, entry)
            if len(data) <= CACHED_MAX:
                self._cache[path] = data
        return data

    def _blob(self, entry: TreeEntry) -> bytes:
        kind, data = self._worktree.store.read(entry.id)
        if kind != BLOB:
            raise OperationError(f"object {entry.id} of {self._worktree.root} is not a blob", code="missing-object")
        return data

    def _ask(self) -> frozenset[bytes]:
        """Return the paths whose content on disk may differ from their blob."""
        files = [path for path, entry in self._coming.items() if entry.mode != MODE_LINK]
        if not files:
            return frozenset()
        self._lay_out(files)
        done = self._aside().run(
            "check-attr", "-z", "--stdin", *_ASKED, input=b"".join(path + b"\0" for path in files), env=self._no_index()
        )
        if not done.ok:
            raise failed(f"cannot read the attributes of {self._worktree.root}", done)
        values: dict[bytes, dict[bytes, bytes]] = {}
        fields = done.stdout.split(b"\0")
        for path, name, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=False):
            values.setdefault(path, {})[name] = value
        has_crlf = _writes_crlf(self._worktree.repo)
        is_auto = _text(self._worktree.repo, "core.autocrlf") == "true"
        return frozenset(path for path, found in values.items() if _is_filtered(found, has_crlf, is_auto))

    def _lay_out(self, files: Iterable[bytes]) -> None:
        """Write those attribute files of the incoming tree that apply to `files` into the scratch directory."""
        directories = {b""}
        for path in files:
            while (path := path.rpartition(b"/")[0]) and path not in directories:
                directories.add(path)
        for directory in directories:
            where = directory + b"/" + _ATTRIBUTES if directory else _ATTRIBUTES
            entry = lookup(self._worktree.store, self._tree, where)
            if entry is not None and entry.mode not in (TREE, MODE_LINK):
                place = Path(self._scratch.name, os.fsdecode(where))
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(self._blob(entry))

    def _aside(self) -> GitProgram:
        return GitProgram(self._worktree.git_dir, self._scratch.name)

    def _no_index(self) -> dict[str, str]:
        # The user's index may contain other attribute files.
        return {"GIT_INDEX_FILE": os.path.join(self._scratch.name, "no-index")}

    def _through_git(self, path: bytes, entry: TreeEntry) -> bytes:
        argv = ("cat-file", "--filters", b"--path=" + path, entry.id)
        done = self._aside().run(*argv, env=self._no_index(), deadline_s=FILTER_S)
        if not done.ok:
            name = os.fsdecode(path)
            raise failed(f"cannot write {name!r} in {self._worktree.root} through its filter", done, code="filter")
        return done.stdout


def _is_filtered(values: dict[bytes, bytes], has_crlf: bool, is_auto: bool) -> bool:
    if any(values.get(name, b"unset") not in _UNSET for name in (b"filter", b"working-tree-encoding", b"ident")):
        return True
    eol, text, crlf = (values.get(name, b"unspecified") for name in (b"eol", b"text", b"crlf"))
    if text == b"unset" or crlf == b"unset":
        return False
    if eol in (b"crlf", b"lf"):
        return eol == b"crlf"
    is_text = text != b"unspecified" or crlf != b"unspecified" or is_auto
    return is_text and has_crlf


def _writes_crlf(repo: pygit2.Repository) -> bool:
    return _text(repo, "core.autocrlf") == "true" or _text(repo, "core.eol") == "crlf"


def _text(repo: pygit2.Repository, key: str) -> str:
    try:
        return str(repo.config_snapshot[key]).lower()
    except (KeyError, ValueError, pygit2.GitError):
        return ""
