"""The two state machines of a repository, as tables: the work tree, and the exchange with the remote.

Theory of operation ------------------- Each watched repository has one work tree machine, advanced only by the
committer. Each one with a remote also has one exchange machine, advanced by its exchanger. The machines do not know
each other: they communicate by messages (`Committed`, `Fetched`, `Integrated`). `status` combines both.

A machine is a table: state, event, next state. `advance` looks the pair up. A pair that is not in the table is a bug:
it raises IllegalTransition, which ends the process, because a machine in an unexpected state may commit something at
the wrong moment.

There are two kinds of events:

- *Outside* events (a hint from the watcher, a pause or resume by a person, a git operation that started or ended, a
  brake) can occur at any time. They have an entry in every state, so nothing that a user or the kernel does is illegal.
- *Own* events (a scan ended, a commit was made, a push was refused) are the end of work that the machine's thread
  started. They are legal only in the state that does this work. A result that arrives after a pause is dropped by its
  thread and never reaches the table.

Four rules decide the rest:

1. Every doubt ends in a scan. Resume, a rescan, a git operation that ended, a root that returned: all lead to
   `scanning`, because hints may have been missed, and a scan compares with git and checks every brake again.
2. `paused` is the user's decision and overrides everything: only a resume leaves it, and a halted repository can be
   paused too. The reason of the halt is not lost: the scan after the resume finds it again.
3. `busy` (a git operation of the user's is in progress) and `halted` (a brake stopped) do nothing. Busy ends with the
   operation, halted by a resume, or when a root that had vanished is back. Accepting is not an event: it is a fact that
   the brake checks in the scan that follows.
4. A failure loses nothing. A failed commit returns to `settling` with its paths and is retried; an integration that
   found an edit (`overtaken`) has restored the edit and goes to `settling`, so that the edit is committed first.

A merge that waits for a person is not a state of these machines: the work tree returns to `clean` and still commits,
the exchange goes to `idle` and tries the merge again when either side moves. `status` derives `conflict` from the
facts. Where both versions were kept nothing waits: the file is listed in `conflicts`, `status` exits with 1, and the
state stays `ok`.

Waiting, needing a person and broken are three different things: `back-off` retries by itself, `halted` waits for a
person, and a bug raises.

Pure; any thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import overload


class _Named(Enum):
    # Not StrEnum: equal values would make states of different machines compare equal.
    def __str__(self) -> str:
        return str(self.value)


class WorktreeState(_Named):
    """The states of a work tree; all work is done by the one committer thread."""

    STARTING = "starting"
    SCANNING = "scanning"
    CLEAN = "clean"
    SETTLING = "settling"
    COMMITTING = "committing"
    INTEGRATING = "integrating"
    BUSY = "busy"
    PAUSED = "paused"
    HALTED = "halted"


class WorktreeEvent(_Named):
    """The events of the work tree machine; the first group comes from outside, the second is the end of own work."""

    NOTED = "noted"
    RESCAN_WANTED = "rescan-wanted"
    OPERATION_OPENED = "operation-opened"
    OPERATION_ENDED = "operation-ended"
    PAUSED = "paused"
    RESUMED = "resumed"
    HALTED = "halted"
    ROOT_RETURNED = "root-returned"

    STARTED = "started"
    SCANNED_CLEAN = "scanned-clean"
    SCANNED_DIRTY = "scanned-dirty"
    FELL_DUE = "fell-due"
    COMMITTED = "committed"
    FOUND_EQUAL = "found-equal"
    COMMIT_FAILED = "commit-failed"
    INTEGRATION_BEGUN = "integration-begun"
    INTEGRATED = "integrated"
    INTEGRATION_REFUSED = "integration-refused"
    OVERTAKEN = "overtaken"


class ExchangeState(_Named):
    """The states of the exchange with a remote; the work is done by one exchanger thread per repository."""

    IDLE = "idle"
    INBOUND = "inbound"
    AWAITING = "awaiting"
    OUTBOUND = "outbound"
    BACK_OFF = "back-off"
    PAUSED = "paused"
    HALTED = "halted"


class ExchangeEvent(_Named):
    """The events of the exchange machine; the first group comes from outside, the second is the end of own work."""

    COMMITTED = "committed"
    PAUSED = "paused"
    RESUMED = "resumed"
    HALTED = "halted"

    FETCH_BEGUN = "fetch-begun"
    INTEGRATION_ASKED = "integration-asked"
    PUSH_BEGUN = "push-begun"
    REJECTED = "rejected"
    FINISHED = "finished"
    FAILED = "failed"


WorktreeTable = Mapping[WorktreeState, Mapping[WorktreeEvent, WorktreeState]]
ExchangeTable = Mapping[ExchangeState, Mapping[ExchangeEvent, ExchangeState]]

_S, _E = WorktreeState, WorktreeEvent


def _worktree(
    state: WorktreeState, own: dict[WorktreeEvent, WorktreeState], **outside: WorktreeState
) -> dict[WorktreeEvent, WorktreeState]:
    # The effect of outside events on a working state; the three standing states override it.
    answers = {
        _E.NOTED: state,
        _E.RESCAN_WANTED: _S.SCANNING,
        _E.OPERATION_OPENED: _S.BUSY,
        _E.OPERATION_ENDED: state,
        _E.PAUSED: _S.PAUSED,
        _E.RESUMED: state,
        _E.HALTED: _S.HALTED,
        _E.ROOT_RETURNED: state,
    }
    return answers | {_E[name]: to for name, to in outside.items()} | own


WORKTREE: WorktreeTable = {
    _S.STARTING: _worktree(_S.STARTING, {_E.STARTED: _S.SCANNING}),
    _S.SCANNING: _worktree(_S.SCANNING, {_E.SCANNED_CLEAN: _S.CLEAN, _E.SCANNED_DIRTY: _S.SETTLING}),
    _S.CLEAN: _worktree(_S.CLEAN, {_E.INTEGRATION_BEGUN: _S.INTEGRATING}, NOTED=_S.SETTLING),
    _S.SETTLING: _worktree(_S.SETTLING, {_E.FELL_DUE: _S.COMMITTING}),
    _S.COMMITTING: _worktree(
        _S.COMMITTING,
        {_E.COMMITTED: _S.CLEAN, _E.FOUND_EQUAL: _S.CLEAN, _E.COMMIT_FAILED: _S.SETTLING},
    ),
    _S.INTEGRATING: _worktree(
        _S.INTEGRATING,
        {_E.INTEGRATED: _S.CLEAN, _E.INTEGRATION_REFUSED: _S.CLEAN, _E.OVERTAKEN: _S.SETTLING},
    ),
    _S.BUSY: _worktree(_S.BUSY, {}, RESCAN_WANTED=_S.BUSY, OPERATION_ENDED=_S.SCANNING),
    _S.PAUSED: _worktree(
        _S.PAUSED,
        {},
        RESCAN_WANTED=_S.PAUSED,
        OPERATION_OPENED=_S.PAUSED,
        RESUMED=_S.SCANNING,
        HALTED=_S.PAUSED,
    ),
    _S.HALTED: _worktree(
        _S.HALTED,
        {},
        RESCAN_WANTED=_S.HALTED,
        OPERATION_OPENED=_S.HALTED,
        RESUMED=_S.SCANNING,
        ROOT_RETURNED=_S.SCANNING,
    ),
}

# States in which nothing is done until a person, or the root itself, causes a change.
STANDING = (_S.BUSY, _S.PAUSED, _S.HALTED)

_X, _V = ExchangeState, ExchangeEvent


def _exchange(
    state: ExchangeState, own: dict[ExchangeEvent, ExchangeState], **outside: ExchangeState
) -> dict[ExchangeEvent, ExchangeState]:
    answers = {_V.COMMITTED: state, _V.PAUSED: _X.PAUSED, _V.RESUMED: state, _V.HALTED: _X.HALTED}
    return answers | {_V[name]: to for name, to in outside.items()} | own


EXCHANGE: ExchangeTable = {
    _X.IDLE: _exchange(_X.IDLE, {_V.FETCH_BEGUN: _X.INBOUND, _V.PUSH_BEGUN: _X.OUTBOUND}),
    _X.INBOUND: _exchange(
        _X.INBOUND,
        {
            _V.INTEGRATION_ASKED: _X.AWAITING,
            _V.PUSH_BEGUN: _X.OUTBOUND,
            _V.FINISHED: _X.IDLE,
            _V.FAILED: _X.BACK_OFF,
        },
    ),
    _X.AWAITING: _exchange(_X.AWAITING, {_V.PUSH_BEGUN: _X.OUTBOUND, _V.FINISHED: _X.IDLE, _V.FAILED: _X.BACK_OFF}),
    _X.OUTBOUND: _exchange(_X.OUTBOUND, {_V.FINISHED: _X.IDLE, _V.REJECTED: _X.BACK_OFF, _V.FAILED: _X.BACK_OFF}),
    _X.BACK_OFF: _exchange(_X.BACK_OFF, {_V.FETCH_BEGUN: _X.INBOUND, _V.PUSH_BEGUN: _X.OUTBOUND}, RESUMED=_X.IDLE),
    _X.PAUSED: _exchange(_X.PAUSED, {}, RESUMED=_X.IDLE, HALTED=_X.PAUSED),
    _X.HALTED: _exchange(_X.HALTED, {}, RESUMED=_X.IDLE),
}


class IllegalTransition(RuntimeError):
    """An event that is impossible in the machine's state: a bug in gitsync, not an error of the user's."""


@overload
def advance(state: WorktreeState, event: WorktreeEvent) -> WorktreeState: ...
@overload
def advance(state: ExchangeState, event: ExchangeEvent) -> ExchangeState: ...
def advance(
    state: WorktreeState | ExchangeState, event: WorktreeEvent | ExchangeEvent
) -> WorktreeState | ExchangeState:
    """Return the state after `event`. Raise IllegalTransition when the table has no such pair."""
    if isinstance(state, WorktreeState) and isinstance(event, WorktreeEvent):
        after: WorktreeState | ExchangeState | None = WORKTREE[state].get(event)
    elif isinstance(state, ExchangeState) and isinstance(event, ExchangeEvent):
        after = EXCHANGE[state].get(event)
    else:
        after = None
    if after is None:
        raise IllegalTransition(f"{type(state).__name__} {state} has no transition for {event!r}")
    return after


def diagram(table: WorktreeTable | ExchangeTable) -> str:
    """Return a table as indented text, one transition per line; events that change nothing are left out."""
    lines: list[str] = []
    for state, answers in table.items():
        lines.append(str(state))
        lines += [f"    {event!s:.<20} {to}" for event, to in answers.items() if to is not state]
    return "\n".join(lines) + "\n"
