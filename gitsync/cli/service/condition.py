"""The condition of the installed service in one word, with its reason and the next command. Pure but for `reason_of`.

A service that has failed, that is between two tries, or that is stopped or masked is not "gitsync is not running": what
helps differs, and a daemon that is started by hand would keep the service from starting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gitsync import text
from gitsync.cli.service.ends import ENDS
from gitsync.cli.service.kind import ServiceManager, State
from gitsync.errors import EXIT_NOT_RUNNING, EXIT_USAGE, ConfigError, GitsyncError


@dataclass(frozen=True, slots=True)
class Condition:
    """A word, a reason and the next command.

    `state` is not-installed, running, starting, stopping, auto-restart, failed, masked, disabled, stopped, by-hand or
    hung.
    """

    state: str
    reason: str = ""
    hint: str = ""
    needs_person: bool = False

    def to_json(self, manager: str, state: State) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "manager": manager,
            "file": state.file,
            "state": self.state,
            "enabled": state.is_enabled,
            "pid": state.pid,
            "reason": self.reason,
            "hint": self.hint,
            "needs_user": self.needs_person,
        }


def condition(
    manager: ServiceManager, state: State, daemon_pid: int | None, config: str | None, *, is_hung: bool = False
) -> Condition:
    """Return the condition of the service; `daemon_pid` is the daemon that answers or, with `is_hung`, does not."""
    if not state.is_installed and not state.is_masked:
        return Condition("not-installed")
    if daemon_pid is not None and daemon_pid == state.pid:
        if is_hung:
            return Condition("hung", state.description, f"to restart it: {manager.restart}", needs_person=True)
        return Condition("running")
    found = _not_running(manager, state, config)
    if daemon_pid is None:
        return found
    if found.state == "masked":
        return Condition("masked", found.reason, found.hint)  # on purpose, it seems: gitsync runs
    if found.state == "disabled":
        return Condition("by-hand")
    why = f"; the service is in the state {found.state}" + (f": {found.reason}" if found.reason else "")
    return Condition(
        "by-hand",
        f"gitsync was started by hand (PID {daemon_pid}), beside the installed service, which cannot start while it "
        f"runs{why}",
        "to change over to the service: gitsyncctl stop && " + manager.start,
        needs_person=True,
    )


def _not_running(manager: ServiceManager, state: State, config: str | None) -> Condition:
    if state.is_masked:
        return Condition("masked", "this forbids it to start", f"to allow it: {manager.unmask}", True)
    if state.activity == "failed":
        reason, hint = reason_of(manager, state, config), manager.start
        if state.has_hit_limit:
            reason = f"it was started too often in a short time; {reason}"
            hint = manager.start_again
        if state.exit_status == EXIT_USAGE:
            hint = f"fix it, then check it: gitsyncctl config check; then: {hint}"
        elif state.exit_status == EXIT_NOT_RUNNING:
            hint = f"stop that one, then: {hint}"
        else:
            hint = f"its log: {manager.log}; to start it: {hint}"
        return Condition("failed", reason, hint, needs_person=True)
    if state.activity == "auto-restart":
        reason = f"{reason_of(manager, state, config)}; it is started again in a moment"
        return Condition("auto-restart", reason, f"its log: {manager.log}", needs_person=True)
    if state.activity in ("starting", "stopping"):
        return Condition(state.activity)
    if state.is_active:
        return Condition("running", "it runs, and does not answer here", f"its log: {manager.log}", needs_person=True)
    if not state.is_enabled:
        reason = "it does not run, and is not started with your session"
        return Condition("disabled", reason, f"to start it now and with each login: {manager.enable}", state.is_ours)
    return Condition(
        "stopped", "it ended in order, or was not started yet", f"to start it: {manager.start}", needs_person=True
    )


def reason_of(manager: ServiceManager, state: State, config: str | None) -> str:
    """Return why the service ended: a fault of the configuration, its last words, or the meaning of its status."""
    if state.exit_status == EXIT_USAGE and (fault := _fault(config)):
        return fault
    words = manager.last_words()
    if words:
        return words
    if state.result == "signal" and state.exit_status:
        return f"ended by signal {state.exit_status}"
    if state.result and state.result != "exit-code":
        return f"{state.result}, status {state.exit_status}" if state.exit_status else state.result
    return ENDS.get(state.exit_status or 0, f"it ended with status {state.exit_status}")


def _fault(config: str | None) -> str:
    """Return the first fault of the configuration; "" when it has none by now."""
    from gitsync.config.load import load  # late: it takes longer than the rest

    try:
        load(config)
    except ConfigError as error:
        return error.summary
    except GitsyncError as error:
        return error.message
    return ""


def sentence(found: dict[str, Any]) -> str:
    """Return the line that status shows of a service in this condition; `found` is the wire form."""
    state, reason = str(found.get("state", "")), str(found.get("reason", ""))
    what = {
        "by-hand": "",
        "auto-restart": "the service has failed and is tried again",
        "failed": "the service has failed",
        "hung": "the service does not answer",
    }.get(state, f"the service is {state}")
    told = ": ".join(part for part in (what, reason) if part)
    return told if state != "failed" else f"{told} ({text.tilde(str(found.get('file') or ''))})"
