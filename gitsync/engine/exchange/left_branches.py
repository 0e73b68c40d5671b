"""Branches that were left with commits of gitsync's that are not sent: sent later, each by its own push rule.

Runs on the exchanger's thread, with that exchanger's memory.
"""

from __future__ import annotations

import logging

from gitsync.config.options import RepoConfig
from gitsync.engine.exchange.remote_branch import Limits, RemoteBranch
from gitsync.engine.memory import ExchangeMemory
from gitsync.git.remote import upstream
from gitsync.git.remote.branches_in_use import is_at_rest
from gitsync.git.remote.results import PushKind
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.model import Problem, RepoState
from gitsync.text import clean

logger = logging.getLogger(__name__)
CODE = "left-unsent"


class LeftBranches:
    """The last commit that gitsync made on each branch and has not sent; a restart does not forget what was left."""

    def __init__(self, config: RepoConfig, memory: ExchangeMemory) -> None:
        self._config = config
        self._memory = memory
        found = memory.get("unsent")
        self._heads = {str(name): str(head) for name, head in found.items()} if isinstance(found, dict) else {}

    def note(self, branch: str, head: str) -> None:
        """gitsync made the commit `head` on a branch; "" for one of its user's, which is left where it is."""
        if head:
            self._heads[branch] = head

    def head_at_rest(self, branch: str, state: RepoState) -> str | None:
        """Return gitsync's last commit on a branch where it may be pushed unasked; None: the committer has to say.

        Since the commit its user may have amended it or begun a rebase, or a brake may hold the repository.
        """
        head = self._heads.get(branch)
        if head is None or state not in (RepoState.OK, RepoState.PENDING):
            return None
        return head if is_at_rest(self._config.path, branch, head) else None

    def keep(self) -> None:
        """Write down what is not sent, because another branch is checked out."""
        self._memory.remember(unsent=dict(self._heads) or None)

    def drop(self, branch: str) -> None:
        """What is on a branch was sent, or was there already."""
        if self._heads.pop(branch, None) is not None and self._memory.get("unsent"):
            self.keep()

    def send(self, current: str, limits: Limits) -> Problem | None:
        """Send what was left on other branches than `current`; return the problem of one that could not be sent."""
        problem = None
        for branch, head in list(self._heads.items()):
            if branch == current:
                continue
            try:
                why = self._sent(branch, head, limits)
            except UNEXPECTED_ERRORS as trouble:
                why = as_error(self._config.name, trouble).message
            if why is None:
                self.drop(branch)
            else:
                problem = Problem(
                    CODE,
                    f"{self._config.name}: the branch {clean(branch)} has commits that are not sent: {why}",
                    f"git -C {clean(str(self._config.path))} push -u origin {clean(branch)}",
                )
        return problem

    def _sent(self, branch: str, head: str, limits: Limits) -> str | None:
        """Push one branch; return why that is not possible, None when there is nothing left to send."""
        place = RemoteBranch.of(self._config, branch)
        if place is None:
            return None
        if isinstance(place.goal, Problem):
            return place.goal.message
        known = self._memory.known(place.key)
        if head in (known, place.ask(limits)):
            return None
        sent = place.push(head, known, limits)
        if sent.kind is PushKind.REJECTED:
            return f"{place.goal_label} has commits that are not in it"
        if not place.choice.has_upstream and place.goal is place.choice:
            upstream.set_upstream(self._config.path, branch, place.choice.remote, place.choice.branch)
        logger.info("%s: pushed %s %s, which was left", self._config.name, clean(branch), head[:7])
        return None
