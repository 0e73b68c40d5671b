"""Adding and removing home files, asked of the committer thread, which runs this."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from gitsync.core.states import STANDING
from gitsync.engine.home import HomeRepository
from gitsync.engine.local import LocalRepository
from gitsync.engine.messages import Track, Untrack
from gitsync.errors import OperationError
from gitsync.git.trouble import TROUBLE, as_error


def track(repo: LocalRepository | None, asked: Track | Untrack, future: Future[Any]) -> None:
    """Do what is asked and complete `future`, or refuse with the reason; nothing was changed then."""
    if not isinstance(repo, HomeRepository):
        future.set_exception(OperationError("there is no mirror of home files yet", "make one: gitsyncctl init"))
        return
    if repo.machine in STANDING:
        status = repo.board.status(repo.name)
        hint = status.error.hint if status.error else "see: gitsyncctl status home"
        why = status.reason or str(status.state)
        future.set_exception(OperationError(f"home cannot be changed now: {why}", hint, code="held"))
        return
    try:
        future.set_result(repo.track(asked.entries) if isinstance(asked, Track) else repo.untrack(asked.paths))
    except TROUBLE as trouble:
        future.set_exception(as_error(repo.name, trouble))
