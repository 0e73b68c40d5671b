"""The exchanger of one repository: when to look at the remote, and what to tell it.

Runs on the thread `exchange-NAME`, which is there while there is something to do. It owns the schedule, the back-off,
the network children and the remote-tracking refs. A fetch is `Fetched` for the committer, which answers `Integrated`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from gitsync.clock import Clock, iso
from gitsync.config.options import RepoConfig
from gitsync.core.deferral import sentence
from gitsync.core.reconcile import crossed, may_fetch, overtaken
from gitsync.core.states import ExchangeEvent, ExchangeState, advance
from gitsync.engine.board import Board
from gitsync.engine.exchange import halt_reasons
from gitsync.engine.exchange.awaited_disk import AwaitedDisk
from gitsync.engine.exchange.changed_remote import new_name
from gitsync.engine.exchange.halt_reasons import FIRST_PULL, HALTING, STATES, Halting
from gitsync.engine.exchange.handing import Handing
from gitsync.engine.exchange.hearing import Hearing
from gitsync.engine.exchange.left_branches import LeftBranches
from gitsync.engine.exchange.machines import Machines
from gitsync.engine.exchange.patience import Patience
from gitsync.engine.exchange.pending_halt import PendingHalt
from gitsync.engine.exchange.remote_branch import Limits, RemoteBranch
from gitsync.engine.exchange.schedule import CROSSINGS, LOCKED_TRIES, Schedule
from gitsync.engine.exchange.turns import Turns
from gitsync.engine.exchange.verification import verify
from gitsync.engine.exchange.waiters import Waiters
from gitsync.engine.memory import ExchangeMemory
from gitsync.engine.messages import (
    Committed,
    Deferred,
    ExchangeNow,
    Fetched,
    HeadRead,
    HeadWanted,
    Integrated,
    MachineForgotten,
    NetworkChanged,
    Noticing,
    Opened,
    Pause,
    Pushed,
    RemoteMoved,
    Resume,
    RootLost,
    Woken,
)
from gitsync.engine.owner import Ask, Owner, Stop, ThreadDied
from gitsync.errors import OperationError
from gitsync.git.remote import upstream
from gitsync.git.remote.results import FetchResult, PushKind, PushResult
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_problem
from gitsync.model import Problem, RepoState
from gitsync.text import as_word

logger = logging.getLogger(__name__)

# How long an answer of the committer is waited for; a large merge with a slow disk takes its time.
AWAITING_S = 300.0
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
        system_events: Callable[[object], None],
        is_scheduled: bool,
        repo_state_dir: Path,
        on_death: Callable[[ThreadDied], None],
        turns: Turns,
    ) -> None:
        super().__init__(f"exchange-{config.name}" + (f"-{config.via}" if config.via else ""), clock, on_death)
        self.config = config
        self._board = board
        self._committer = committer
        self._machine = ExchangeState.IDLE
        self._remote_branch: RemoteBranch | None = None
        self._found: FetchResult | None = None  # what this cycle saw of the remote
        self._look_s: float | None = None
        self._times = Schedule(config, is_scheduled=is_scheduled)
        self._hearing = Hearing(config, system_events, turns)
        self._awaiting_until: float | None = None
        self._trouble = ""
        self._disk = AwaitedDisk()
        self._memory = ExchangeMemory.of(repo_state_dir, config.via)
        self._limits = Limits(timeout_s, lambda: self.is_cancelled)
        self._pending_halt = PendingHalt(self._memory)
        self._left = LeftBranches(config, self._memory)
        self._handing = Handing(config, clock, board, self._memory)
        self._patience = Patience()
        self._waiters = Waiters()
        self._machines = Machines(config, clock, board, repo_state_dir)

    def setup(self) -> None:
        """Show what is remembered of the time before this start; a halt that was pending still is."""
        self._show(None, last_pull=self._memory.text("last_pull"), last_push=self._memory.text("last_push"))
        self._machines.setup()
        if self._times.is_looking and may_fetch(self.config.mode) and not self._memory.has_exchanged:
            self._shows(state=RepoState.SYNCING, reason=FIRST_PULL)
        if self._pending_halt.open is not None:
            self._move(V_.HALTED)
            self._show(self._pending_halt.open.problem, RepoState.HALTED)

    def teardown(self) -> None:
        """Answer those who still wait."""
        self._waiters.answer_all()
        self._hearing.ask(None, self._times)
        self._limits.line.close()
        self._memory.remember(last_pull=self._board.exchange(self.config.name, self.config.via).last_pull)

    def wake_at(self) -> float | None:
        """Return when the remote is to be looked at, or the answer waited for is overdue."""
        if self.is_cancelled or self._machine is X_.PAUSED:
            return None
        if self._machine is X_.AWAITING:
            return self._awaiting_until
        if self._machine is X_.BACK_OFF:
            return self._times.retry_at
        next_at = self._times.retry_at if self._machine is X_.HALTED else self._times.next_at()
        return min((at for at in (next_at, self._machines.due_at) if at is not None), default=None)

    @property
    def needs_thread(self) -> bool:
        """Whether the line of this exchange is a child of its thread."""
        return self._limits.line.is_held

    def step(self, message: object | None, now: float) -> None:
        """Take one message; begin a cycle when its time has come."""
        if isinstance(message, Stop):
            self._waiters.answer_all()
            self.end()
            return
        self._take(message, now)
        wake_at = self.wake_at()
        # Once cancelled, what was under way was left where it was: only the stop is waited for.
        if self.is_cancelled or wake_at is None or wake_at > self.clock.now():
            return
        at = {X_.IDLE: self._times.next_at(), X_.HALTED: self._times.retry_at}.get(self._machine, now)
        if self._machine is X_.AWAITING:
            self._fail(Problem("no-answer", f"{self.config.name}: the merge takes longer than {AWAITING_S:.0f} s"))
        elif at is None or at > now:
            self._tend_machines()
        elif self._machine is X_.HALTED and self._pending_halt.is_as_seen(self.config, self._branch, self._limits):
            self._times.halt(self.clock.now())
            self._answer()
        elif self._disk.is_still_missing(self._remote_branch, now):
            self._times.await_disk(self.clock.now())
            self._answer()
        else:
            if self._machine is X_.HALTED:
                self._move(V_.RESUMED)
            self._guarded(self._begin)

    def _tend_machines(self) -> None:
        place, found = self._remote_branch, self._found
        has_news = not self._waiters.is_empty or (found is not None and found.upstream != found.was)
        self._machines.tend(place, self._memory.known(place.key) if place else None, self._limits, has_news=has_news)

    def _take(self, message: object | None, now: float) -> None:
        match message:
            case Committed(branch=branch, head=head, is_by_user=is_by_user):
                self._left.note(branch, "" if is_by_user else head)
                self._machines.see_head(branch, head)
                self._times.see_commit(now)
            case Opened():
                self._left.keep()
                self._times.see_branch(now)
                self._times.see_moved(now)
            case Integrated() if self._machine is X_.AWAITING:
                self._take_integrated(message)
            case HeadRead(branch=branch, head=head) if self._machine is X_.AWAITING:
                self._send(branch, head)
            case Ask(what=ExchangeNow(direction=direction), future=future):
                self._hurry(future, now, direction)
            case Noticing():
                self._shows(notice=self._hearing.see(message, self._times, self._limits.line, now), deaf=message.why)
            case RemoteMoved(commit=commit) if self._machine is X_.HALTED or not self._is_where_known(commit):
                self._times.see_moved(now)
            case NetworkChanged() | Woken() if STATES.get(self._trouble) is RepoState.OFFLINE:
                self._times.see_return(now)
            case Woken():
                self._times.see_moved(now)
            case MachineForgotten(id=id):
                self._machines.forget(id)
            case RootLost():
                self._times.leave()
                self._waiters.answer_all()
                if self._machine is not X_.HALTED:
                    self._show(None)
            case Deferred(reasons=reasons):
                self._defer(reasons)
            case Pause():
                self._move(V_.PAUSED)
                self._waiters.answer_all()
            case Resume():
                self._resume(message, now)

    def _defer(self, reasons: tuple[str, ...]) -> None:
        self._times.defer(is_deferred=bool(reasons))
        # A first pull that is deferred is not about to come.
        waits_for_first = bool(reasons) and self._machine is X_.IDLE and not self._memory.has_exchanged
        at_rest = {"state": RepoState.OK, "reason": ""} if waits_for_first and not self._trouble else {}
        self._shows(deferred=sentence(reasons), **at_rest)
        if reasons:
            self._limits.line.close()

    def _resume(self, message: Resume, now: float) -> None:
        if self._pending_halt.drop(message):
            self._shows(state=RepoState.SYNCING, reason="looking again", error=None, asked=())
        self._move(V_.RESUMED)
        self._times.forgive(now)

    def _begin(self) -> None:
        config, branch = self.config, self._branch
        self._move(V_.FETCH_BEGUN)
        self._found, self._look_s = None, None
        self._remote_branch = place = RemoteBranch.of(config, branch)
        self._hearing.ask(place, self._times)
        is_push_alone = self._times.begin(self.clock.now())
        self._shows(remote=place.name if place else "", url=place.url if place else "")
        if problem := self._disk.problem(place, self._memory, self.clock.now()):
            self._wait_for_disk(problem)
        elif place is None and halt_reasons.is_remote_lost(config, branch, self._memory.get("taken")):
            self._rest(halt_reasons.remote_lost(config.name, as_word(str(config.path))))
        elif place is None:
            self._rest()  # local only, or detached: looked at again with the next commit or branch
        elif may_fetch(self._times.mode) and not is_push_alone:
            self._fetch(branch)
        elif not self._times.is_pushing:
            self._rest()
        elif head := self._left.head_at_rest(branch, self._board.local(config.name).state):
            self._send(branch, head)
        else:
            self._ask_committer(HeadWanted(config.name, branch, config.via))

    def _wait_for_disk(self, problem: Problem) -> None:
        self._move(V_.FAILED)
        self._times.await_disk(self.clock.now())
        self._show(problem, RepoState.OFFLINE)
        self._answer()

    def _fetch(self, branch: str) -> None:
        assert self._remote_branch is not None
        name, place, began_at = self.config.name, self._remote_branch, self.clock.now()
        self._found = found = place.fetch(self._limits, self._board.local(name).error)
        self._look_s = self.clock.now() - began_at
        known = self._memory.known(place.key, found.was)
        if new := new_name(place, branch, found, known, self._pending_halt, self._limits):
            self._follow_rename(place, branch, new)
            return
        self._hearing.see_look(self._times, self.clock.now(), has_news=found.upstream != found.was)
        remote, ref, halt = place.choice.remote, place.choice.ref, self._pending_halt
        verify(self.config, self._memory, branch, found.upstream, self._limits, self._board)
        told = (place.label, ref, halt.is_joining, self.config.via, True, halt.is_taking)
        self._ask_committer(Fetched(name, branch, remote, found.upstream, known, *told))

    def _follow_rename(self, place: RemoteBranch, branch: str, new: str) -> None:
        """Rename the local branch as its user has agreed to; the next cycle exchanges the new one."""
        place.rename(branch, new)
        self._pending_halt.settle()
        self._board.publish("renamed", self.config.name, halt_reasons.renamed(self.config.name, branch, new))
        self._move(V_.FAILED)
        self._times.forgive(self.clock.now())

    def _ask_committer(self, wanted: Fetched | HeadWanted) -> None:
        self._move(V_.INTEGRATION_ASKED)
        self._awaiting_until = self.clock.now() + AWAITING_S
        self._committer(wanted)

    def _take_integrated(self, answer: Integrated) -> None:
        if answer.head is not None:
            self._machines.see_head(answer.branch, answer.head)
        if self._found and self._remote_branch and answer.problem is None and answer.head is not None:
            wall = iso(self.clock.wall())
            self._shows(last_pull=wall)
            self._memory.note_pull(self._remote_branch.key, self._found.upstream, wall, self.clock.now())
        if answer.problem is not None and answer.problem.code in HALTING:
            self._stop(Halting(answer.problem))
        elif answer.problem is not None and answer.problem.code != "conflict":
            self._fail(answer.problem)
        elif answer.problem is not None:
            self._rest(answer.problem)
        else:
            if answer.head is not None and not answer.is_ahead:
                self._left.drop(answer.branch)
                self._handing.end()
            self._send(answer.branch, answer.head if answer.is_ahead else None)

    def _send(self, branch: str, head: str | None) -> None:
        """Push `head`, unless there is nothing to push or no place for it."""
        place = self._remote_branch
        if head is None or place is None or not self._times.is_pushing:
            self._rest()  # without a head the committer could not say: another branch is checked out by now
        elif place.has_sent(head):
            self._left.drop(branch)
            self._rest()
        elif isinstance(place.goal, Problem):
            self._rest(place.goal)
        else:
            self._move(V_.PUSH_BEGUN)
            self._guarded(lambda: self._push(branch, head))

    def _push(self, branch: str, head: str) -> None:
        assert self._remote_branch is not None
        config, place, began_at = self.config, self._remote_branch, self.clock.now()
        expected = self._found.upstream if self._found is not None else self._memory.known(place.key)
        sent = None if self._handing.is_on else self._pushed(place, head, expected)
        if sent is None:
            self._hand_over(place, head)
            return
        if sent.kind is PushKind.REJECTED:
            self._take_crossing(place, head, self.clock.now() - began_at + (self._look_s or 0.0), sent.problem)
            return
        if not place.choice.has_upstream and place.goal is place.choice:
            upstream.set_upstream(config.path, branch, place.choice.remote, place.choice.branch)
        if sent.kind is PushKind.PUSHED and self._memory.known(place.key) is None and place.goal is place.choice:
            place.point_head(self._limits)
        wall, now = iso(self.clock.wall()), self.clock.now()
        self._memory.take_in(place.key, place.seen_after(head, self._memory.known(place.key)), last_push=wall)
        if sent.kind is PushKind.PUSHED:
            self._times.see_sent(now, now - began_at)
            self._shows(last_push=wall)
            text = f"pushed {config.name} {head[:7]} to {place.goal_label}"
            self._board.publish("pushed", config.name, text, commit=head)
        self._left.drop(branch)
        self._committer(Pushed(config.name, branch, head, config.via))
        self._rest()

    def _pushed(self, place: RemoteBranch, head: str, expected: str | None) -> PushResult | None:
        """Push, and return the result; None where the branch is checked out over there."""
        try:
            return self._machines.accompany(place, head, lambda more: place.push(head, expected, self._limits, more))
        except OperationError as error:
            if error.code != "checked-out" or self.config.transport == "libgit2":
                raise
            return None

    def _hand_over(self, place: RemoteBranch, head: str) -> None:
        """Hand `head` over to the gitsync that watches the remote's work tree; it is ahead until that has taken it."""
        began_at = self.clock.now()
        if self._handing.give(place, head, self._limits):
            self._times.see_sent(self.clock.now(), self.clock.now() - began_at)
        self._rest(self._handing.problem)

    def _take_crossing(self, place: RemoteBranch, head: str, took_s: float, why: Problem | None) -> None:
        """The remote is not where it was believed to be: look at it again, and then push again."""
        problem = crossed(self.config.name, self._times.mode, self.config.mode)
        locked = why if why is not None and why.code == "remote-locked" else None
        if place.goal is not place.choice:
            self._rest(overtaken(self.config.name, place.goal_label))
        elif problem is not None:
            self._found = FetchResult(place.ask(self._limits), self._memory.known(place.key))
            place.check_loss(self._found, head)
            self._rest(problem)
        elif (tries := self._times.cross(self.clock.now(), took_s)) > LOCKED_TRIES and locked is not None:
            self._fail(locked)
        elif tries > CROSSINGS:
            self._fail(Problem("busy-remote", f"{self.config.name}: other machines keep pushing first"))
        else:
            self._move(V_.REJECTED)

    def _rest(self, problem: Problem | None = None) -> None:
        self._move(V_.FINISHED)
        self._pending_halt.settle()
        self._patience.end()
        if problem is None and self._times.is_pushing:
            problem = self._left.send(self._branch, self._limits)
        code, now = problem.code if problem is not None else "", self.clock.now()
        self._show(None if code == "conflict" else problem, RepoState.ERROR)
        self._times.rest(now, has_remote=self._remote_branch is not None or code == "remote-lost", look_s=self._look_s)
        self._tend_machines()
        self._limits.tend_line(self._remote_branch, is_lively=self._hearing.needs_line(self._times, now))
        self._answer()

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Halting as halting:
            if not self.is_cancelled:  # what a look that was cut off seems to say is not to be remembered
                self._stop(halting)
        except UNEXPECTED_ERRORS as trouble:
            if not self.is_cancelled:
                self._fail(as_problem(self.config.name, trouble))

    def _fail(self, problem: Problem) -> None:
        self._move(V_.FAILED)
        self._hearing.doubt(self._limits.line)
        wait = self._times.fail(self.clock.now(), problem.wait_s)
        logger.debug("%s: failed code=%s wait=%.1f", self.config.name, problem.code, wait)
        self._show(problem, self._patience.state_of(problem, self.clock.now()))
        self._answer(problem.code)

    def _stop(self, halting: Halting) -> None:
        assert self._remote_branch is not None
        self._move(V_.HALTED)
        seen = self._found.upstream if self._found is not None else None
        self._pending_halt.ask(halting, self._remote_branch.key, seen)
        self._times.halt(self.clock.now())
        self._show(halting.problem, RepoState.HALTED)
        self._tend_machines()
        self._waiters.answer_all()

    def _show(self, problem: Problem | None, state: RepoState = RepoState.OK, **more: Any) -> None:
        self._trouble = problem.code if problem is not None else ""
        state, reason = (state, problem.message) if problem is not None else (RepoState.OK, self._handing.reason)
        self._shows(state=state, reason=reason, error=problem, asked=self._pending_halt.questions(self._branch), **more)

    def _shows(self, **fields: Any) -> None:
        self._board.set_exchange(self.config.name, self.config.via, **fields)

    def _hurry(self, future: Future[Any], now: float, direction: str) -> None:
        # A cycle that awaits its answer looked at the remote before it was asked to.
        is_late = self._machine is X_.AWAITING
        self._waiters.add(future, direction, is_late=is_late)
        if self._machine is X_.PAUSED or self._times.is_away:
            self._answer()
        elif not is_late:
            self._times.hurry(now, direction)

    def _answer(self, code: str = "") -> None:
        for direction in self._waiters.answer(code):
            self._times.hurry(self.clock.now(), direction)

    def _is_where_known(self, commit: str | None) -> bool:
        place = self._remote_branch
        return place is not None and (commit or place.head()) == self._memory.known(place.key)

    @property
    def _branch(self) -> str:
        return self._board.local(self.config.name).branch

    def _move(self, event: ExchangeEvent) -> None:
        self._machine, self._awaiting_until = advance(self._machine, event), None
        self._shows(machine=self._machine)
