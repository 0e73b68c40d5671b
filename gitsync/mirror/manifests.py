"""The manifest in the mirror: read from the work tree or a commit, repaired, written. Runs on the committer thread."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import gitsync.core.manifest as manifests
from gitsync.config.legacy.trakk import default_file, parse_index, parse_trakk
from gitsync.core.coverage import add
from gitsync.core.manifest import NAME, Manifest, ManifestEntry
from gitsync.errors import ConfigError
from gitsync.git.objects.modes import MODE_GITLINK
from gitsync.git.objects.trees import lookup, walk
from gitsync.git.repository import head_of
from gitsync.git.staging.worktree import Worktree
from gitsync.mirror.metadata import TRAKK_INDEX, is_mirror_metadata

logger = logging.getLogger(__name__)
EMPTY = Manifest()
# How far back a version is looked for that can be read.
_PATIENCE = 200


def manifest_in(worktree: Worktree, tree: str | None) -> Manifest:
    """Return what can be read of the manifest in a tree."""
    return _in_tree(worktree, tree)[0]


def _in_tree(worktree: Worktree, tree: str | None) -> tuple[Manifest, bool]:
    entry = lookup(worktree.store, tree, NAME)
    if entry is None:
        return EMPTY, False
    return manifests.parse(worktree.store.read(entry.id)[1])


class ManifestFile:
    """The manifest in the work tree, read again whenever the file has changed."""

    def __init__(self, root: bytes) -> None:
        self._path = root + b"/" + NAME
        self._moment: tuple[int, int, int, int] | None = None
        self.manifest = EMPTY
        self.is_whole = False

    def read(self) -> bool:
        """Read it where it has changed; return whether it had. A manifest that cannot be read is not whole."""
        moment = self._look()
        if moment == self._moment and moment is not None:
            return False
        before = self.manifest, self.is_whole
        self._moment = moment
        self.manifest, self.is_whole = EMPTY, False
        if moment is not None:
            handle = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(handle, "rb") as stream:
                self.manifest, self.is_whole = manifests.parse(stream.read())
        return before != (self.manifest, self.is_whole)

    def _look(self) -> tuple[int, int, int, int] | None:
        try:
            facts = os.lstat(self._path)
        except FileNotFoundError:
            return None
        return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def mend(worktree: Worktree, found: Manifest, *, is_every_file_tracked: bool) -> Manifest:
    """Return what a damaged or missing manifest should be: what could be read of it, and the last whole one committed.

    Where none ever was, what TRAKK listed; else every file of HEAD's when `is_every_file_tracked`, and none otherwise.
    """
    last = _last_whole(worktree)
    if last is not None:
        return Manifest({**last.entries, **found.entries}, {**last.modes, **found.modes})
    _, head = head_of(worktree.repo)
    tree = None if head is None else worktree.store.read(head)[1][5:45].decode("ascii")
    listed = trakk_entries(worktree.root) or _trakk_index(worktree.root)
    if listed is None and is_every_file_tracked:
        listed = [
            ManifestEntry(path)
            for path, entry in walk(worktree.store, tree)
            if entry.mode != MODE_GITLINK and not is_mirror_metadata(path)
        ]
    return Manifest({**add(EMPTY, listed or ()).manifest.entries, **found.entries}, found.modes)


def _last_whole(worktree: Worktree) -> Manifest | None:
    _, commit = head_of(worktree.repo)
    for _ in range(_PATIENCE):
        if commit is None or not worktree.store.has(commit):
            return None
        head, _, _ = worktree.store.read(commit)[1].partition(b"\n\n")
        manifest, is_whole = _in_tree(worktree, head[5:45].decode("ascii"))
        if is_whole:
            return manifest
        parents = [line[7:].decode("ascii") for line in head.split(b"\n") if line.startswith(b"parent ")]
        commit = parents[0] if parents else None
    return None


def trakk_entries(root: str) -> list[ManifestEntry] | None:
    """Return what TRAKK's configuration tracks in the mirror at `root`, None when it has another mirror, or none."""
    path = default_file()
    try:
        found = parse_trakk(path) if path.is_file() else None
    except ConfigError as error:
        logger.debug("%s", error.message)  # loading the configuration tells it
        return None
    return list(found.entries) if found is not None and os.path.realpath(found.repository) == root else None


def _trakk_index(root: str) -> list[ManifestEntry] | None:
    """Return what TRAKK listed in its index in the mirror at `root`; None when there is none, or it is damaged."""
    path = Path(root, os.fsdecode(TRAKK_INDEX))
    try:
        return parse_index(path)[0] if path.is_file() else None
    except ConfigError as error:
        logger.warning("%s", error.message)
        return None
