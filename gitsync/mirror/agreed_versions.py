"""The versions of home and mirror when they were last equal: the base of every decision.

Runs on the committer thread; owns `agreed.json` in the notes directory. The equal versions are those of one commit of
the mirror, except for the paths that are listed separately. Losing the file loses no content: without it whatever
differs counts as never seen alike, and is merged instead of being brought over.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from gitsync.core.coverage import Coverage
from gitsync.core.dotfiles import ABSENT, FileKind, Fingerprint, usual_mode
from gitsync.core.manifest import Manifest
from gitsync.git.files import write_durably
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_GITLINK, MODE_LINK, MODE_TREE
from gitsync.git.objects.trees import NearLookup, TreeEntry
from gitsync.git.probe import Probe, no_probe
from gitsync.git.staging.worktree import Worktree
from gitsync.mirror.manifests import manifest_in

logger = logging.getLogger(__name__)
NAME = "agreed.json"


class AgreedVersions:
    """The base of one mirror on this machine; `host` is this machine's name in the manifest."""

    def __init__(self, repo_state_dir: Path, host: str, probe: Probe = no_probe) -> None:
        self._probe = probe
        self._path = repo_state_dir / NAME
        self._host = host
        self.commit, self._apart = _read(self._path)
        self._seen_through: tuple[str | None, NearLookup, Manifest, Coverage] | None = None

    @property
    def unsettled(self) -> frozenset[bytes]:
        """Return the paths for which the commit does not count."""
        return frozenset(self._apart)

    def manifest(self, worktree: Worktree) -> Manifest:
        """Return the manifest of the commit that was last alike."""
        return self._through(worktree)[1]

    def base(self, worktree: Worktree, path: bytes) -> Fingerprint:
        """Return what both had of a file when they were last alike; ABSENT also when they never were."""
        if path in self._apart:
            return self._apart[path]
        tree, manifest, coverage = self._through(worktree)
        if coverage.entry(path) is None:
            return ABSENT
        return version_of(tree.of(path), manifest.modes.get(path))

    def note(self, versions: Mapping[bytes, Fingerprint]) -> None:
        """Remember that both have these versions now, although they are not committed yet."""
        if any(self._apart.get(path) != version for path, version in versions.items()):
            self._apart |= versions
            self._write()

    def settle(self, commit: str | None, unsettled: Mapping[bytes, Fingerprint]) -> None:
        """Both have what `commit` has, but for the `unsettled` paths, which keep these bases."""
        if (commit, unsettled) != (self.commit, self._apart):
            self.commit, self._apart = commit, dict(unsettled)
            self._write()

    def _through(self, worktree: Worktree) -> tuple[NearLookup, Manifest, Coverage]:
        if self._seen_through is None or self._seen_through[0] != self.commit:
            tree = None
            if self.commit is not None and worktree.store.has(self.commit):
                tree = tree_of(worktree, self.commit)
            manifest = manifest_in(worktree, tree)
            near = NearLookup(worktree.store, tree)
            self._seen_through = self.commit, near, manifest, Coverage(manifest, self._host)
        return self._seen_through[1:]

    def _write(self) -> None:
        kept = {os.fsdecode(path): [str(v.kind), v.id, v.mode] for path, v in self._apart.items()}
        self._probe("note", b"")
        write_durably(self._path, json.dumps({"commit": self.commit, "apart": kept}).encode("ascii"))
        self._probe("noted", b"")


def tree_of(worktree: Worktree, commit: str | None) -> str | None:
    """Return the tree of a commit, None of none."""
    return None if commit is None else worktree.store.read(commit)[1][5:45].decode("ascii")


def version_of(entry: TreeEntry | None, mode: int | None = None) -> Fingerprint:
    """Return what a tree says of a path, with the permissions that the manifest says, if it does."""
    if entry is None or entry.mode in (MODE_TREE, MODE_GITLINK):
        return ABSENT
    if entry.mode == MODE_LINK:
        return Fingerprint(FileKind.LINK, entry.id)
    usual = usual_mode(is_executable=entry.mode == MODE_EXECUTABLE)
    return Fingerprint(FileKind.FILE, entry.id, usual if mode is None else mode)


def _read(path: Path) -> tuple[str | None, dict[bytes, Fingerprint]]:
    try:
        found = json.loads(path.read_bytes())
        apart = {
            os.fsencode(at): Fingerprint(FileKind(kind), id, mode) for at, (kind, id, mode) in found["apart"].items()
        }
        return found["commit"], apart
    except FileNotFoundError:
        return None, {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning("cannot read %s: %s; comparing home and mirror again", path, error)
        return None, {}
