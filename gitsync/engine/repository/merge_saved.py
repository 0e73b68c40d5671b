"""Merges what a pull brought into files that were saved from an older text, or reports such a save.

Runs on the committer thread, between commits; what is remembered of pulls is in `stale_saves`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from gitsync.config.options import MIRROR_NAME
from gitsync.core.stale_save import merge_stale
from gitsync.core.states import WorktreeEvent
from gitsync.engine.repository.commit import announce
from gitsync.engine.repository.repository import LocalRepository
from gitsync.engine.repository.stale_saves import FILE_MODES, Record
from gitsync.errors import OperationError
from gitsync.git.applying.apply import OvertakenError, put
from gitsync.git.merging.text_merge import LineMerger, MergeKind
from gitsync.git.objects.store import BLOB
from gitsync.git.objects.trees import TreeEntry, edit_tree, lookup
from gitsync.git.repository import head_tree
from gitsync.git.staging.worktree import Worktree
from gitsync.git.unexpected import UNEXPECTED_ERRORS
from gitsync.text import as_word, counted, shown

# Larger files (bytes) are not merged.
SIZE_MAX = 4 << 20
SHOWN_NAMES = 3

E_ = WorktreeEvent


def merge_saved(repo: LocalRepository) -> None:
    """Merge what arrived into files that were saved without it; raise one of UNEXPECTED_ERRORS."""
    stale, worktree = repo.integration.stale, repo.open()
    _, head, tree = head_tree(worktree)
    assert head is not None
    records = stale.saved()
    found: dict[bytes, tuple[TreeEntry, bytes]] = {}
    for path, record in records.items():
        entry = lookup(worktree.store, tree, path)
        text = None if entry is None else _merged(worktree, head, path, entry, record)
        if entry is not None and text is not None:
            found[path] = entry, text
    taken = {path for path in found if repo.config.stale_saves == "keep" or records[path].get("is_again")}
    new = {
        path: TreeEntry(entry.mode, worktree.store.write(BLOB, text))
        for path, (entry, text) in found.items()
        if path not in taken
    }
    if new and not _put(repo, worktree, edit_tree(worktree.store, tree, dict(new)), new, records):
        return
    stale.settle({path: entry.id for path, entry in new.items()}, repo.clock.wall())
    for path in sorted(taken):
        _say_kept(repo, path, records[path])
    repo.context.show(notes=repo.notes())


def _merged(worktree: Worktree, head: str, path: bytes, entry: TreeEntry, record: Record) -> bytes | None:
    """Return the saved file with what had arrived, None where nothing of it is missing."""
    if entry.id != record["saved"] or entry.id == record["arrived"] or entry.mode not in FILE_MODES:
        return None
    store, lines = worktree.store, LineMerger(worktree, (head,))
    blobs = [*record["versions"], record["arrived"], entry.id]
    if any(not store.has(blob) or store.size(blob) > SIZE_MAX for blob in blobs):
        return None
    *versions, arrived, saved = (store.read(blob)[1] for blob in blobs)
    if lines.kind(path) is MergeKind.WHOLE or not all(map(lines.is_text, (*versions, arrived, saved))):
        return None
    found = (merge_stale(version, arrived, saved) for version in versions)
    return next((text for text in found if text is not None), None)


def _put(
    repo: LocalRepository,
    worktree: Worktree,
    tree: str,
    new: Mapping[bytes, TreeEntry],
    records: Mapping[bytes, Record],
) -> bool:
    """Commit the merge and write it; return whether nothing is left to do: an edit since then is committed first."""
    names = _names(repo, new)
    source = ", ".join(sorted({str(records[path]["source"]) for path in new}))
    message = f"Merge {names} with what arrived before\n\nSaved from a text that was older than {source}.\n"
    repo.advance(E_.INTEGRATION_BEGUN)
    try:
        done = put(worktree, tree, message=message, reason="stale-save", author=repo.config.author)
    except OvertakenError as overtaken:
        repo.buffer.note(overtaken.paths)
        repo.advance(E_.OVERTAKEN)
        return False
    except OperationError as error:
        repo.advance(E_.INTEGRATION_REFUSED)
        if error.code != "blocked":
            raise
        for path in new:
            _say_kept(repo, path, records[path])
        return True
    except UNEXPECTED_ERRORS:
        repo.advance(E_.INTEGRATION_REFUSED)
        raise
    repo.advance(E_.INTEGRATED)
    if done.commit is not None:
        announce(repo, done.commit)
        repo.count(worktree)
    was = "was" if len(new) == 1 else "were"
    line = (
        f"{names} {was} saved from a text older than what came from {source}; both are in it now; "
        f"to take that back: gitsyncctl undo {as_word(repo.name)}"
    )
    _say(repo, line, new, commit=done.head)
    return True


def _say_kept(repo: LocalRepository, path: bytes, record: Record) -> None:
    place = repo.place(path)
    line = (
        f"{shown(path)} was saved without what came from {record['source']}; "
        f"to bring that back: gitsyncctl restore {as_word(place)} --rev {str(record['held'])[:10]}"
    )
    _say(repo, line, [path])


def _say(repo: LocalRepository, line: str, paths: Iterable[bytes], **details: Any) -> None:
    repo.handle.said.say(line, repo.clock.wall())
    listed = [os.fsdecode(path) for path in sorted(paths)]
    repo.board.publish("stale-save", repo.name, f"{repo.name}: {line}", paths=listed, **details)
    repo.context.show(notes=repo.notes())


def _names(repo: LocalRepository, paths: Iterable[bytes]) -> str:
    lead = "~/" if repo.name == MIRROR_NAME else ""
    listed = sorted(paths)
    names = ", ".join(lead + shown(path) for path in listed[:SHOWN_NAMES])
    more = len(listed) - SHOWN_NAMES
    return names if more <= 0 else f"{names} and {counted(more, 'other file')}"
