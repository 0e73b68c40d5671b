"""When waiting for a remote becomes an error: what does not end by itself is not shown as `offline` for ever.

Runs on the exchanger's thread. Without a network there is nothing to be done, however long that lasts.
"""

from __future__ import annotations

import re

from gitsync.engine.exchange.halt_reasons import STATES
from gitsync.model import Problem, RepoState

# So many failures in a row, or so long (seconds), and a person hears of it.
TRIES, AGE_S = 10, 900.0
_NO_NETWORK = re.compile(
    r"could not resolve|name resolution|name or service not known|nodename nor servname|no address associated|"
    r"network is (unreachable|down)|no route to host",
    re.IGNORECASE,
)


class Patience:
    """The failures of one exchange since it last went well."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._tries = 0

    def end(self) -> None:
        """An exchange went well."""
        self._since, self._tries = None, 0

    def state_of(self, problem: Problem, now: float) -> RepoState:
        """Return the state to show for one more failure, which is of `now` (monotonic seconds)."""
        state = STATES.get(problem.code, RepoState.ERROR)
        if state is not RepoState.OFFLINE or _NO_NETWORK.search(problem.message):
            return state
        self._since = now if self._since is None else self._since
        self._tries += 1
        is_old = self._tries >= TRIES or now - self._since >= AGE_S
        return RepoState.ERROR if is_old else state
