"""From a staged batch to commits, and letting everybody know of them.

Runs on the committer thread.
"""

from __future__ import annotations

import os
import socket

from gitsync.core import manifest
from gitsync.core.message import commit_message, file_message
from gitsync.engine.messages import Committed
from gitsync.engine.repository.repository import LocalRepository
from gitsync.engine.repository.stale_saves import FILE_MODES
from gitsync.git.staging.worktree import Staged, Worktree
from gitsync.model import Change, CommitInfo
from gitsync.text import as_word, shown, size


def commit(repository: LocalRepository, worktree: Worktree, staged: Staged) -> list[CommitInfo]:
    """Commit what was staged, as one commit or one per file, and announce them; return the commits made."""
    config = repository.config
    changes = [Change(change.path, change.kind) for change in staged.changes]
    if not changes:
        return []
    repository.integration.stale.expect(worktree, staged)
    made: list[CommitInfo] = []
    groups: list[tuple[str, frozenset[bytes] | None]]
    if config.granularity == "file":
        groups = [(file_message(change), frozenset({change.path})) for change in changes]
    else:
        # The manifest only names the files that are tracked: they say it themselves, where there are any.
        named = [change for change in changes if change.path != manifest.NAME] or changes
        groups = [(commit_message(named, config.message, host=socket.gethostname()), None)]
    for message, only in groups:
        before = repository.board.local(repository.name).head
        info = worktree.commit(staged, message, author=config.author, only=only)
        if info is not None:
            repository.handle.copies.pass_over(before, info.id, (change.path for change in changes))
            made.append(info)
            announce(repository, info)
    _report_large(repository, staged, made)
    return made


def _report_large(repository: LocalRepository, staged: Staged, made: list[CommitInfo]) -> None:
    """Report new files above `warn_file_size`: history keeps them for good."""
    limit = repository.config.warn_file_size
    if limit is None or not made:
        return
    for path, count in sorted(_new_files(repository.open(), staged).items()):
        if count <= limit:
            continue
        place = repository.place(path)
        line = (
            f"{shown(path)} is large ({size(count)}) and was committed; history keeps it; "
            f"to stop syncing it: gitsyncctl forget {as_word(place)}"
        )
        repository.handle.said.say(line, repository.clock.wall())
        text = f"{repository.name}: {line}"
        repository.board.publish("large-file", repository.name, text, paths=[os.fsdecode(path)], bytes=count)


def _new_files(worktree: Worktree, staged: Staged) -> dict[bytes, int]:
    """Return the size of each new file."""
    new = [change for change in staged.changes if change.old is None and change.entry is not None]
    return {
        change.path: worktree.store.size(change.entry.id) if change.stat is None else change.stat.st_size
        for change in new
        if change.entry is not None and change.entry.mode in FILE_MODES
    }


def announce(repository: LocalRepository, info: CommitInfo) -> None:
    """Show a commit on the board, publish it, and let the exchanger know."""
    context = repository.context
    repository.integration.distance.see_commit(info)
    text = f"committed {context.name} {info.id[:7]}: {info.message}"
    context.board.publish("committed", context.name, text, commit=info.id)
    context.send(Committed(context.name, context.local.branch, info.id))
