"""Adds files that return to the mirror to the manifest: that they are tracked, and their permissions.

Runs on the committer thread; owns nothing. It becomes part of the commit that brings them back, so that home never has
a file with other permissions than it had.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gitsync.core.coverage import Coverage, parents
from gitsync.core.manifest import NAME, Manifest, ManifestEntry, render
from gitsync.git.objects.modes import MODE_FILE
from gitsync.git.objects.store import BLOB
from gitsync.git.objects.trees import TreeEntry
from gitsync.git.staging.worktree import Worktree
from gitsync.mirror.agreed_versions import tree_of
from gitsync.mirror.manifests import manifest_in
from gitsync.mirror.metadata import is_mirror_metadata


def listed_below(then: Manifest, path: bytes, top: bytes) -> ManifestEntry:
    """Return the entry by which `path` is tracked again: the one that it had, if that is at or below `top`, which is
    all that was asked for."""
    for at in (path, *parents(path)):
        known = then.entries.get(at)
        if known is not None and (at == path or known.is_directory) and (at == top or at.startswith(top + b"/")):
            return replace(known, is_gone=False)
    return ManifestEntry(path)


def relisted(
    worktree: Worktree, tree: str | None, wanted: Iterable[tuple[bytes, bytes, str]], host: str
) -> dict[bytes, TreeEntry]:
    """Return the manifest's new entry for the mirror's `tree` when each `wanted` path, asked for by the one at or above
    it, is as in its commit."""
    now = manifest_in(worktree, tree)
    coverage = Coverage(now, host)
    entries, modes = dict(now.entries), dict(now.modes)
    told: dict[str, Manifest] = {}
    for path, top, commit in wanted:
        if path == NAME:
            return {}  # it comes back as it was
        if is_mirror_metadata(path) and path not in entries:
            continue
        if commit not in told:
            told[commit] = manifest_in(worktree, tree_of(worktree, commit))
        then = told[commit]
        if coverage.entry(path) is None:
            entry = listed_below(then, path, top)
            entries[entry.path] = entry
        modes.pop(path, None)
        if path in then.modes:
            modes[path] = then.modes[path]
    found = Manifest(entries, modes)
    if found == now:
        return {}
    return {NAME: TreeEntry(MODE_FILE, worktree.store.write(BLOB, render(found)))}
