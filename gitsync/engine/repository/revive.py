"""A restore while a brake holds the repository because files are missing: they are written back, and looked at again.

Runs on the committer thread.
"""

from __future__ import annotations

from gitsync.engine.repository.commit import announce
from gitsync.engine.repository.repository import LocalRepository
from gitsync.git.changes.missing import write_missing
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error


def revive_next(repo: LocalRepository) -> None:
    """Make the restore that was asked for first; nothing that is missing is committed by it."""
    wanted = repo.requests.first()
    try:
        worktree = repo.open()
        before = worktree.facts().head
        write_missing(worktree, wanted.revives)
        repo.revive(wanted.revives)
        answer = wanted.act(worktree)
        made = worktree.last_commit()
    except UNEXPECTED_ERRORS as trouble:
        repo.requests.fail(as_error(repo.name, trouble))
        return
    if made is not None and made.id != before:
        announce(repo, made)
        repo.count(worktree)
    repo.hold.see_root()
    repo.context.show(error=None, asked=())
    repo.requests.succeed(answer)
