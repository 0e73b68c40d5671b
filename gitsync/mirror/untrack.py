"""Takes entries out of the manifest and their files out of the mirror. Home is not touched. On the committer thread."""

from __future__ import annotations

import os
from collections.abc import Iterable

from gitsync.core.coverage import Coverage, parents, remove
from gitsync.core.manifest import Manifest, ManifestEntry
from gitsync.errors import UsageError
from gitsync.git.applying import atomic_replace
from gitsync.git.objects.trees import walk
from gitsync.mirror.mirror_sync import MirrorSync
from gitsync.mirror.place import Placement
from gitsync.text import as_word, nearest, shown


def entries_at(manifest: Manifest, paths: Iterable[bytes]) -> tuple[ManifestEntry, ...]:
    """Return the entries that `paths` mean: their own, or those below one of them. Raise UsageError for none."""
    found: dict[bytes, ManifestEntry] = {}
    tracked = {path: entry for path, entry in manifest.entries.items() if not entry.is_gone}
    for path in paths:
        meant = [at for at in tracked if at == path or at.startswith(path + b"/")]
        if not meant:
            raise _unknown(tracked, path)
        found |= {at: tracked[at] for at in meant}
    return tuple(found[at] for at in sorted(found))


def _unknown(tracked: dict[bytes, ManifestEntry], path: bytes) -> UsageError:
    above = next((at for at in parents(path) if at in tracked and tracked[at].is_directory), None)
    if above is not None:
        return UsageError(
            f"~/{shown(path)} is tracked because of its directory ~/{shown(above)}",
            f"remove that (gitsyncctl remove ~/{as_word(shown(above))}), or list the file in exclude of [home]",
            code="covered",
        )
    names = [os.fsdecode(at) for at in tracked]
    near = nearest(os.fsdecode(path), names)
    hint = f"did you mean ~/{shown(os.fsencode(near[0]))}?" if near else "see what is: gitsyncctl list"
    return UsageError(f"~/{shown(path)} is not tracked", hint, code="not-tracked")


def untrack(keeper: MirrorSync, entries: tuple[ManifestEntry, ...]) -> frozenset[bytes]:
    """Take the entries out; return the paths of the mirror that are gone from it. Raise OperationError."""
    kept = remove(keeper.manifest, [entry.path for entry in entries])
    coverage = Coverage(kept, keeper.host, keeper.places.apart)
    tree = keeper.head_tree
    with keeper:
        files = {path for entry in entries for path, _ in walk(keeper.worktree.store, tree, entry.path)}
        files |= {entry.path for entry in entries if keeper.mirror.look(entry.path, is_calm=True).version.is_there}
        gone = {path: keeper.mirror.look(path, is_calm=True) for path in files if coverage.entry(path) is None}
        removals = [
            Placement(path, seen.fingerprint, atomic_replace.ABSENT)
            for path, seen in gone.items()
            if seen.version.is_there
        ]
        # The entries go last: after a death before that, the files are brought over again, and nothing was removed.
        keeper.into_mirror.place(removals, gone={above for path in gone for above in parents(path)})
        keeper.write(kept)
        keeper.set_agreement(keeper.agreement.withdraw(entry.path for entry in entries))
        for path in gone:
            keeper.broken.pop(path, None)
            keeper.notes.pop(path, None)
    return frozenset(gone)
