"""What the committer knows of one path at this moment, and nobody else: is it noted, since when, what holds it back.

Runs on the committer thread, when it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitsync.engine.committing import STAGED_GRACE_S

if TYPE_CHECKING:
    from gitsync.engine.local import LocalRepository


@dataclass(frozen=True, slots=True)
class Known:
    """Seconds from now: since when the path waits (None: it is not noted), when it is due, and until when a path
    that the user staged is left to him."""

    waited_s: float | None
    due_s: float
    staged_left_s: float | None


def know(repo: LocalRepository, path: bytes) -> Known:
    """Return what is known of `path` of a repository."""
    now = repo.clock.now()
    pending = repo.peek()
    waited_s: float | None = None
    due_s = 0.0
    if repo.staging is not None and repo.batch.holds(path):
        waited_s = now - repo.pending_since
    elif pending.count and repo.holds(path):
        waited_s = now - pending.first_at
        due_s = max(0.0, repo.due_at(pending.first_at, pending.last_at) - now)
    since = repo.batch.staged_since(path)
    return Known(waited_s, due_s, None if since is None else max(0.0, since + STAGED_GRACE_S - now))
