"""Has the committer take in what other machines have handed over to the inboxes of the watched work trees.

Runs on the thread `inbox`, one for all repositories, which owns the refs below refs/gitsync/inbox. A commit there is
checked as a fetch checks it, and goes to the committer as `Fetched`, like what an exchanger has fetched: one after the
other, trial first, by the same policies. It is removed from the inbox when the branch holds it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitsync.clock import Clock
from gitsync.config.options import RepoConfig
from gitsync.engine.board import INBOX, Board
from gitsync.engine.exchange.halt_reasons import HALTING, UNSIGNED, Halt, Halting
from gitsync.engine.exchange.remote_branch import Limits
from gitsync.engine.exchange.verification import verify
from gitsync.engine.memory import ExchangeMemory
from gitsync.engine.messages import (
    Fetched,
    InboxClosed,
    InboxNow,
    InboxOpened,
    Integrated,
    Listen,
    Opened,
    RemoteMoved,
    Resume,
)
from gitsync.engine.owner import Ask, Owner, Stop, ThreadDied
from gitsync.git.remote import inbox
from gitsync.git.remote.inbox import Handed
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.model import Problem, RepoState
from gitsync.text import as_word, clean

logger = logging.getLogger(__name__)

# How long the committer is waited for; as the exchangers do.
AWAITING_S = 300.0
INBOX_FILE = "exchange-inbox.json"
# A commit that cannot be taken in now is tried again after this: the repository is held, or a person has to look at it.
AGAIN_S = 60.0


class InboxTaker(Owner):
    """Owns the inboxes of all watched work trees."""

    def __init__(
        self,
        clock: Clock,
        board: Board,
        committer: Callable[[object], None],
        system_events: Callable[[object], None],
        on_death: Callable[[ThreadDied], None],
        *,
        is_scheduled: bool,
    ) -> None:
        super().__init__("inbox", clock, on_death)
        self._board = board
        self._committer = committer
        self._system_events = system_events
        self._is_scheduled = is_scheduled
        self._repos: dict[str, RepoConfig] = {}
        self._due: dict[str, float] = {}
        self._asked: dict[str, list[Future[Any]]] = {}
        self._taking: tuple[str, Handed] | None = None
        self._left: list[Handed] = []
        self._trouble: dict[str, Problem] = {}
        self._halts: dict[str, dict[str, Halt]] = {}  # by repository and ref
        self._joined: set[str] = set()  # refs of histories that a person wants to have joined
        self._state_dirs: dict[str, Path] = {}
        self._limits = Limits(AWAITING_S, lambda: self.is_cancelled)
        self._checked: dict[str, Problem | None] = {}
        self._awaiting_until = 0.0

    def teardown(self) -> None:
        """Answer those who still wait."""
        for name in list(self._asked):
            self._answer(name)

    def wake_at(self) -> float | None:
        """Return when an inbox is to be looked into, or the committer's answer is overdue."""
        if self.is_cancelled:
            return None
        return self._awaiting_until if self._taking is not None else min(self._due.values(), default=None)

    def step(self, message: object | None, now: float) -> None:
        """Take one message, then look into one inbox whose time has come."""
        if isinstance(message, Stop):
            self.end()
            return
        self._take(message, now)
        if self._taking is not None:
            if now >= self._awaiting_until:
                name, _ = self._taking
                self._taking = None
                self._rest(name)
            return
        for name in [name for name, at in self._due.items() if at <= now][:1]:
            del self._due[name]
            self._guarded(name, self._look)

    def _take(self, message: object | None, now: float) -> None:
        match message:
            case InboxOpened(repo=config, repo_state_dir=directory):
                self._state_dirs[config.name] = directory
                self._repos[config.name] = config
                self._plan(config.name, now)
            case InboxClosed(repo=name, root=root):
                self._close(name, root)
            case Ask(what=InboxClosed(repo=name, root=root), future=future):
                self._close(name, root)
                future.set_result(None)
            case RemoteMoved(repo=name) | Opened(repo=name) if name in self._repos:
                self._plan(name, now)
            case Ask(what=InboxNow(repo=name), future=future):
                self._asked.setdefault(name, []).append(future)
                self._due[name] = now
            case Resume(repo=name) if name in self._repos:
                self._resume(message, now)
            case Integrated() if self._taking is not None and message.repo == self._taking[0]:
                self._taken(message)

    def _resume(self, answer: Resume, now: float) -> None:
        """Take a person's answer to what is asked of a commit in the inbox, and look again."""
        name = answer.repo
        for ref, halt in self._halts.get(name, {}).items():
            if not answer.is_accepted or (answer.ids and halt.id not in answer.ids):
                continue
            if halt.problem.code == UNSIGNED and halt.seen is not None:
                self._memory(name).trust(halt.seen)
            else:
                self._joined.add(ref)
        self._plan(name, now)

    def _memory(self, name: str) -> ExchangeMemory:
        return ExchangeMemory(self._state_dirs[name] / INBOX_FILE)

    def _plan(self, name: str, at: float) -> None:
        if self._is_scheduled:  # else only when it is asked for
            self._due[name] = at

    def _close(self, name: str, root: Path | None) -> None:
        self._due.pop(name, None)
        self._repos.pop(name, None)
        if self._taking is not None and self._taking[0] == name:
            self._taking = None
        self._system_events(Listen(name, None, INBOX))
        self._halts.pop(name, None)
        self._show(name, None)
        if root is not None:
            inbox.close_inbox(root)
        self._answer(name)

    def _guarded(self, name: str, act: Callable[[str], None]) -> None:
        try:
            act(name)
        except UNEXPECTED_ERRORS as trouble:
            # The repository itself cannot be read or written, which the committer reports.
            logger.debug("%s: cannot look into the inbox: %s", name, as_error(name, trouble).message)
            self._rest(name)

    def _look(self, name: str) -> None:
        config = self._repos.get(name)
        if config is None:
            self._answer(name)
            return
        self._system_events(Listen(name, inbox.open_inbox(config.path), INBOX))
        self._left = inbox.handed_over(config.path)
        self._trouble.pop(name, None)
        self._halts.pop(name, None)
        self._take_next(name)

    def _take_next(self, name: str) -> None:
        """Have the next one taken in that is for the branch which is checked out; rest when there is none."""
        config, branch = self._repos[name], self._board.local(name).branch
        while self._left:
            handed = self._left.pop(0)
            if handed.branch != branch:
                continue
            if (halting := self._fault(config, handed)) is not None:
                self._refuse(name, handed, halting)
                continue
            label = f"what {inbox.sender(config.path, handed.commit) or 'another machine'} handed over"
            self._taking, self._awaiting_until = (name, handed), self.clock.now() + AWAITING_S
            is_joining = handed.ref in self._joined
            self._committer(
                Fetched(name, branch, "inbox", handed.commit, None, label, handed.ref, is_joining, INBOX, True)
            )
            return
        self._rest(name)

    def _fault(self, config: RepoConfig, handed: Handed) -> Halting | None:
        """Return why what is fetched would be refused if it were this commit; its objects are checked once."""
        root = config.path
        try:
            if handed.ref not in self._checked:
                self._checked[handed.ref] = None
                inbox.check(root, handed.commit)
            if self._checked[handed.ref] is None:
                verify(config, self._memory(config.name), handed.branch, handed.commit, self._limits, self._board)
        except Halting as halting:
            return halting
        except UNEXPECTED_ERRORS as trouble:
            error = as_error(config.name, trouble)
            self._checked[handed.ref] = Problem(error.code, error.message, error.hint)
        found = self._checked[handed.ref]
        return None if found is None else Halting(found)

    def _taken(self, answer: Integrated) -> None:
        assert self._taking is not None
        name, handed = self._taking
        self._taking = None
        if name not in self._repos:
            return
        if answer.problem is not None and answer.problem.code != "conflict":
            self._refuse(name, handed, Halting(answer.problem))
        elif answer.problem is not None or answer.head is None:
            self._plan(name, self.clock.now() + AGAIN_S)
        else:
            inbox.remove(self._repos[name].path, handed)
            self._checked.pop(handed.ref, None)
            self._joined.discard(handed.ref)
        self._guarded(name, self._take_next)

    def _refuse(self, name: str, handed: Handed, halting: Halting) -> None:
        """Note what a person has to decide; it stays in the inbox until then, and is tried again."""
        why = halting.problem
        where = as_word(str(self._repos[name].path))
        drop = f"git -C {where} update-ref -d {as_word(clean(handed.ref))}"
        hint = f"to see it: git -C {where} log {handed.commit[:10]}; to drop it: {drop}"
        if why.code in HALTING:
            hint = f"to take it in anyway: gitsyncctl resume {as_word(name)} --accept; {hint}"
            halt = Halt(replace(why, hint=hint), handed.ref, handed.commit, halting.count, halting.paths)
            self._halts.setdefault(name, {})[handed.ref] = halt
        self._trouble[name] = replace(why, hint=hint)
        self._plan(name, self.clock.now() + AGAIN_S)

    def _rest(self, name: str) -> None:
        self._show(name, self._trouble.get(name))
        self._answer(name)

    def _show(self, name: str, problem: Problem | None) -> None:
        part, branch = self._board.exchange(name, INBOX), self._board.local(name).branch
        asked = tuple(halt.question(branch) for halt in self._halts.get(name, {}).values())
        if part.error != problem or part.asked != asked:
            state, reason = (RepoState.ERROR, problem.message) if problem is not None else (RepoState.OK, "")
            state = RepoState.HALTED if asked else state
            self._board.set_exchange(name, INBOX, state=state, reason=reason, error=problem, asked=asked)

    def _answer(self, name: str) -> None:
        for future in self._asked.pop(name, []):
            if not future.done():
                future.set_result(None)
