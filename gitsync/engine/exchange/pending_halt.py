"""A question about a remote that only a person can answer: asked once, remembered over restarts, and answered by one
acceptance.

Runs on the exchanger's thread, with that exchanger's memory.
"""

from __future__ import annotations

import logging

from gitsync.config.options import RepoConfig
from gitsync.engine.exchange.halt_reasons import RENAMED, REWRITTEN, UNSIGNED, Halt, Halting
from gitsync.engine.exchange.remote_branch import Limits, RemoteBranch
from gitsync.engine.memory import ExchangeMemory
from gitsync.engine.messages import Resume
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.model import Question

logger = logging.getLogger(__name__)


class PendingHalt:
    """The open question of one exchange, if there is one, and the one that was just accepted."""

    def __init__(self, memory: ExchangeMemory) -> None:
        self._memory = memory
        self.open = Halt.from_json(memory.get("halt"))
        self._accepted: Halt | None = None
        # Whether the remote's history is to take the place of the one here.
        self.is_taking = False

    @property
    def is_joining(self) -> bool:
        """Whether a person has accepted to merge what was rewritten or shares no history."""
        return self._accepted is not None and not self._accepted.is_about_absence

    @property
    def is_accepted(self) -> bool:
        """Whether a person has accepted what the last question was about."""
        return self._accepted is not None

    @property
    def is_followed(self) -> bool:
        """Whether a person has accepted to follow a branch to its new name."""
        return self._accepted is not None and self._accepted.problem.code == RENAMED

    def ask(self, halting: Halting, key: str, seen: str | None) -> None:
        """Open the question that `halting` is; `seen` is the remote's commit now, `key` the place."""
        self.open, self._accepted = Halt(halting.problem, key, seen, halting.count, halting.paths), None
        self.is_taking = False
        self._memory.remember(halt=self.open.to_json())

    def questions(self, branch: str) -> tuple[Question, ...]:
        """Return the open question as it is shown; `branch` is the local one."""
        return () if self.open is None else (self.open.question(branch),)

    def drop(self, answer: Resume) -> bool:
        """Go on, with or without a person's acceptance; return whether there was a question."""
        asked, self.open = self.open, None
        if asked is not None and answer.is_accepted and (not answer.ids or asked.id in answer.ids):
            # From here on, what was seen then counts as taken in: any other change over there asks again. A branch that
            # is to be followed to its new name stays missed until that is done.
            if asked.problem.code == UNSIGNED and asked.seen is not None:
                self._memory.trust(asked.seen)
                return True
            self.is_taking = answer.is_taking and asked.problem.code == REWRITTEN
            if self.is_taking:
                # Until it is done, what was there before is the base of what was changed here since; the question stays
                # remembered, and a start before that asks it again.
                pass
            elif asked.problem.code == RENAMED:
                self._memory.remember(halt=None)
            else:
                self._memory.take_in(asked.key, asked.seen, halt=None)
            self._accepted = asked
        return asked is not None

    def settle(self) -> None:
        """An exchange ended well: nothing is open and nothing is left of an acceptance."""
        self.open = self._accepted = None
        self.is_taking = False
        self._memory.remember(halt=None)

    def is_as_seen(self, config: RepoConfig, branch: str, limits: Limits) -> bool:
        """Ask the remote whether it is still as it was when this halt began; where that is unknown, it is."""
        if self.open is None:
            return False
        try:
            place = RemoteBranch.of(config, branch)
            return place is not None and place.key == self.open.key and place.ask(limits) == self.open.seen
        except UNEXPECTED_ERRORS as trouble:
            logger.debug("%s: halted, and cannot look: %s", config.name, as_error(config.name, trouble).message)
            return True
