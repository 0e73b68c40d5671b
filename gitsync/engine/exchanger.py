"""The exchanger of one repository: when to look at the remote, and what to tell it.

Runs on the thread `exchange-NAME`, one a repository with a remote. It owns the schedule, the back-off, the network
children and the remote-tracking refs. It never touches the work tree: what was fetched goes to the committer as
`Fetched`, and comes back as `Integrated` with what may be pushed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from gitsync.clock import Clock, iso
from gitsync.config.options import RepoConfig
from gitsync.core.reconcile import crossed, may_fetch
from gitsync.core.states import ExchangeEvent, ExchangeState, advance
from gitsync.engine.board import Board
from gitsync.engine.memory import EXCHANGE_FILE, ExchangeMemory
from gitsync.engine.messages import Committed, ExchangeNow, Fetched, Integrated, Opened, Pause, Pushed, Resume
from gitsync.engine.owner import Ask, Owner, Stop, ThreadDied
from gitsync.engine.timetable import Timetable
from gitsync.engine.verdicts import HALTING, STATES, Halting, branch_gone
from gitsync.git import transport, upstream
from gitsync.git.exchange import PushKind, RemoteChoice
from gitsync.git.translate import redact
from gitsync.git.trouble import TROUBLE, as_error
from gitsync.model import Problem, RepoState

logger = logging.getLogger(__name__)

# How long an answer of the committer is waited for; a large merge with a slow disk takes its time.
AWAITING_S = 300.0
# Pushes that cross those of other machines are tried again at once this often, then by back-off.
CROSSINGS = 5
V_, X_ = ExchangeEvent, ExchangeState


class Exchanger(Owner):
    """Owns the exchange of one repository with its remote."""

    def __init__(
        self,
        config: RepoConfig,
        *,
        timeout_s: float,
        clock: Clock,
        board: Board,
        committer: Callable[[object], None],
        is_scheduled: bool,
        notes_dir: Path,
        on_death: Callable[[ThreadDied], None],
    ) -> None:
        super().__init__(f"exchange-{config.name}", clock, on_death)
        self.config = config
        self._timeout_s = timeout_s
        self.step_patience_s = max(self.step_patience_s, 2 * CROSSINGS * timeout_s)
        self._board = board
        self._committer = committer
        self._machine = ExchangeState.IDLE
        self._choice: RemoteChoice | None = None
        self._times = Timetable(config, is_scheduled=is_scheduled)
        self._awaiting_until: float | None = None
        self._crossings = 0
        self._was_fetched = False
        self._halt_code = ""
        self._is_accepted = False
        self._memory = ExchangeMemory(notes_dir / EXCHANGE_FILE)
        self._waiting: list[Future[Any]] = []
        self._waiting_next: list[Future[Any]] = []

    def setup(self) -> None:
        """Show what is remembered of the time before this start."""
        pull, push = self._memory.text("last_pull"), self._memory.text("last_push")
        self._board.set_exchange(
            self.config.name, state=RepoState.OK, reason="", error=None, last_pull=pull, last_push=push
        )

    def teardown(self) -> None:
        """Answer whoever still waits."""
        self._answer_all()

    def wake_at(self) -> float | None:
        """Return when the remote is to be looked at, or the answer waited for is overdue."""
        if self.is_cancelled:
            return None
        if self._machine is X_.AWAITING:
            return self._awaiting_until
        if self._machine in (X_.PAUSED, X_.HALTED):
            return None
        if self._machine is X_.BACK_OFF:
            return self._times.retry_at
        return self._times.next_at()

    def step(self, message: object | None, now: float) -> None:
        """Take one message; begin a cycle when its time has come."""
        match message:
            case Stop():
                self._answer_all()
                self.end()
                return
            case Committed():
                self._times.see_commit(now)
            case Opened():
                self._times.see_branch(now)
            case Integrated():
                self._take_integrated(message)
            case Ask(what=ExchangeNow(), future=future):
                self._hurry(future, now)
            case Pause():
                self._move(V_.PAUSED)
                self._awaiting_until = None
                self._answer_all()
            case Resume(is_accepted=is_accepted):
                self._is_accepted = is_accepted and bool(self._halt_code)
                self._halt_code = ""
                self._move(V_.RESUMED)
                self._times.forgive(now)
                self._board.set_exchange(self.config.name, state=RepoState.OK, reason="", error=None)
        wake_at = self.wake_at()
        # Once cancelled, what was under way was left where it was: only the stop is waited for.
        if self.is_cancelled or wake_at is None or wake_at > self.clock.now():
            return
        if self._machine is X_.AWAITING:
            self._fail(Problem("no-answer", f"{self.config.name}: the merge takes longer than {AWAITING_S:.0f} s"))
        else:
            self._guarded(self._begin)

    # -- a cycle: fetch, let it be integrated, push -------------------------------------------------------------------

    def _begin(self) -> None:
        name, branch = self.config.name, self._board.local(self.config.name).branch
        self._move(V_.FETCH_BEGUN)
        is_push_alone = self._times.begin(self.clock.now())
        self._was_fetched = False
        is_ours = branch and (not self.config.branch or branch == self.config.branch)
        self._choice = upstream.remote_for(self.config.path, self.config.remote, branch) if is_ours else None
        if self._choice is None:
            self._rest()  # local only, or detached: looked at again with the next commit or branch
        elif may_fetch(self.config.mode) and not is_push_alone:
            self._fetch(branch)
        elif self._times.is_pushing:
            # HEAD is asked for, not looked up: since the commit a person may have amended it or begun a rebase.
            self._ask_committer(Fetched(name, branch, self._choice.remote, None, None))
        else:
            self._rest()

    def _fetch(self, branch: str) -> None:
        assert self._choice is not None
        config, remote = self.config, self._choice
        logger.debug("%s: fetching remote=%s branch=%s", config.name, remote.remote, remote.branch)
        found = transport.fetch(
            config.path,
            remote.remote,
            remote.branch,
            timeout_s=self._timeout_s,
            is_cancelled=lambda: self.is_cancelled,
            transport=config.transport,
        )
        self._was_fetched = True
        known = self._memory.known_before(remote.tracking, found.was, found.upstream)
        was = None if self._is_accepted else known
        if found.upstream is None and was is not None:
            raise branch_gone(config.name, redact(f"{remote.remote}/{remote.branch}"))
        self._ask_committer(Fetched(config.name, branch, remote.remote, found.upstream, was))

    def _ask_committer(self, fetched: Fetched) -> None:
        self._move(V_.INTEGRATION_ASKED)
        self._awaiting_until = self.clock.now() + AWAITING_S
        self._committer(fetched)

    def _take_integrated(self, answer: Integrated) -> None:
        if self._machine is not X_.AWAITING:
            return
        self._awaiting_until = None
        if self._was_fetched and self._choice is not None and answer.problem is None and answer.head is not None:
            wall = iso(self.clock.wall())
            self._memory.take_in(self._choice.tracking, wall)
            self._board.set_exchange(self.config.name, last_pull=wall)
        if answer.problem is not None and answer.problem.code in HALTING:
            self._halt(answer.problem)
        elif answer.problem is not None and answer.problem.code != "conflict":
            self._fail(answer.problem)
        elif answer.problem is not None:
            self._rest(answer.problem)
        elif answer.is_ahead and answer.head is not None and self._times.is_pushing:
            head = answer.head
            self._move(V_.PUSH_BEGUN)
            self._guarded(lambda: self._push(answer.branch, head))
        else:
            self._rest()

    def _push(self, branch: str, head: str) -> None:
        assert self._choice is not None
        config, remote = self.config, self._choice
        logger.debug("%s: pushing remote=%s branch=%s", config.name, remote.remote, remote.branch)
        sent = transport.push(
            config.path,
            remote.remote,
            remote.branch,
            head,
            timeout_s=self._timeout_s,
            is_cancelled=lambda: self.is_cancelled,
            transport=config.transport,
        )
        if sent.kind is PushKind.REJECTED:
            self._take_crossing(branch)
            return
        if not remote.has_upstream:
            upstream.set_upstream(config.path, branch, remote.remote, remote.branch)
        if sent.kind is PushKind.PUSHED:
            where, wall = redact(f"{remote.remote}/{remote.branch}"), iso(self.clock.wall())
            self._memory.remember(last_push=wall)
            self._board.set_exchange(config.name, last_push=wall)
            self._board.publish("pushed", config.name, f"pushed {config.name} {head[:7]} to {where}", commit=head)
        self._committer(Pushed(config.name, branch, head))
        self._rest()

    def _take_crossing(self, branch: str) -> None:
        """Another machine pushed first: fetch what it sent, then push again."""
        self._crossings += 1
        problem = crossed(self.config.name, self.config.mode)
        if problem is not None:
            self._rest(problem)
        elif self._crossings > CROSSINGS:
            self._crossings = 0
            self._fail(Problem("busy-remote", f"{self.config.name}: other machines keep pushing first"))
        else:
            self._move(V_.REJECTED)
            self._fetch(branch)

    # -- ends of a cycle ----------------------------------------------------------------------------------------------

    def _rest(self, problem: Problem | None = None) -> None:
        self._move(V_.FINISHED)
        self._crossings = 0
        self._is_accepted = False
        state = RepoState.OK if problem is None or problem.code == "conflict" else RepoState.ERROR
        shown = None if problem is not None and problem.code == "conflict" else problem
        self._board.set_exchange(self.config.name, state=state, reason=shown.message if shown else "", error=shown)
        self._times.rest(self.clock.now(), has_remote=self._choice is not None)
        self._answer()

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Halting as halting:
            self._halt(halting.problem)
        except TROUBLE as trouble:
            if not self.is_cancelled:
                error = as_error(self.config.name, trouble)
                self._fail(Problem(error.code, error.message, error.hint))

    def _fail(self, problem: Problem) -> None:
        self._move(V_.FAILED)
        wait = self._times.fail(self.clock.now())
        self._awaiting_until = None
        state = STATES.get(problem.code, RepoState.ERROR)
        logger.debug("%s: failed code=%s wait=%.1f", self.config.name, problem.code, wait)
        self._board.set_exchange(self.config.name, state=state, reason=problem.message, error=problem)
        self._answer()

    def _halt(self, problem: Problem) -> None:
        self._move(V_.HALTED)
        self._halt_code = problem.code
        self._awaiting_until = None
        self._board.set_exchange(self.config.name, state=RepoState.HALTED, reason=problem.message, error=problem)
        self._answer_all()

    def _hurry(self, future: Future[Any], now: float) -> None:
        if self._machine is X_.AWAITING:
            # The cycle under way looked at the remote before it was asked to: this one gets a cycle of its own.
            self._waiting_next.append(future)
            return
        self._waiting.append(future)
        if self._machine in (X_.PAUSED, X_.HALTED):
            self._answer()
        else:
            self._times.hurry(now)

    def _answer(self) -> None:
        waiting, self._waiting, self._waiting_next = self._waiting, self._waiting_next, []
        if self._waiting:
            self._times.hurry(self.clock.now())
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _answer_all(self) -> None:
        """Answer those too who wait for a cycle of their own: there will be none for now."""
        self._waiting, self._waiting_next = [*self._waiting, *self._waiting_next], []
        self._answer()

    def _move(self, event: ExchangeEvent) -> None:
        self._machine = advance(self._machine, event)
