"""Desktop notifications: at most one for each change of state, none where there is no desktop.

Runs on the thread `notifier`, which owns the numbers of the notifications that are shown and nothing else. The board
says what changed (core.notices tells each trouble once); this waits a moment, so that a whole machine going offline is
one notification, and has a child show it. A child, because nothing here may cost an idle daemon memory, or hang it.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gitsync import proc
from gitsync.clock import Clock
from gitsync.engine.owner import Owner, Stop, ThreadDied

logger = logging.getLogger(__name__)

GATHER_S = 1.0
DEADLINE_S = 10.0
# A desktop that is only just starting is tried again, so often; then it is taken for none until something else happens.
RETRY_S = 30.0
RETRIES = 6
# More than these at once are one notification.
TOGETHER = 3
NAMED = 5
LOW, NORMAL = 0, 1
ARRIVALS = ("pulled", "merged")
_APPLESCRIPT = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"


class Notification(NamedTuple):
    """What is shown; a later one of the same `key` takes its place."""

    key: str
    summary: str
    body: str
    urgency: int = NORMAL


def is_wanted(policy: str, event: dict[str, Any]) -> bool:
    """Whether the option `notify` (problems, all, off) has this event of the board shown."""
    kind = event["event"]
    if policy == "off":
        return False
    if kind in ("problem", "recovered"):
        # Who has not been told of being offline need not hear that it is over.
        return policy == "all" or event.get("severity", "problem") == "problem"
    return policy == "all" and kind in ARRIVALS


def notification(event: dict[str, Any]) -> Notification:
    """Return what an event looks like: the repository and what, then the sentence and the hint."""
    repo, hint = str(event.get("repo", "")), str(event.get("hint") or "")
    message = str(event["message"]).removesuffix(f"; {hint}" if hint else "")
    title = str(event.get("title") or f"{repo or 'gitsync'}: {event['event']}")
    is_problem = event["event"] == "problem"
    return Notification(repo, title, f"{message}\n{hint}".strip(), NORMAL if is_problem else LOW)


def together(waiting: Sequence[Notification]) -> list[Notification]:
    """Return what is shown for all that came at once: each repository's last, or one for all of them."""
    last = list({each.key: each for each in waiting}.values())
    if len(last) <= TOGETHER:
        return last
    told = "\n".join(each.summary for each in last[:NAMED])
    more = f"\nand {len(last) - NAMED} more; see: gitsyncctl status" if len(last) > NAMED else ""
    return [Notification("", f"gitsync: {len(last)} repositories", told + more, max(each.urgency for each in last))]


class Notifier(Owner):
    """Shows what the board tells; `policy` is the option `notify`."""

    def __init__(self, policy: str, clock: Clock, on_death: Callable[[ThreadDied], None]) -> None:
        super().__init__("notifier", clock, on_death)
        self.policy = policy
        self._waiting: list[Notification] = []
        self._due_at: float | None = None
        self._shown: dict[str, int] = {}
        self._failures = 0

    def step(self, message: object | None, now: float) -> None:
        """Take one event of the board, or show what has gathered."""
        if isinstance(message, Stop):
            self.end()
        elif isinstance(message, dict) and is_wanted(self.policy, message):
            self._waiting.append(notification(message))
            self._due_at = self._due_at or now + GATHER_S
        if self._due_at is not None and now >= self._due_at:
            waiting, self._waiting, self._due_at = self._waiting, [], None
            kept = [each for each in together(waiting) if not self._is_shown(each)]
            if kept and self._failures <= RETRIES:
                self._waiting, self._due_at = kept, now + RETRY_S

    def wake_at(self) -> float | None:
        """Return when what has gathered is shown."""
        return self._due_at

    def _is_shown(self, wanted: Notification) -> bool:
        """Show it and return whether it stands there now."""
        try:
            done = show(wanted, self._shown.get(wanted.key, 0), is_cancelled=lambda: self.is_cancelled)
            why = "it took too long" if done.is_over_deadline else done.errors or "there is no desktop"
            is_shown = done.ok
        except OSError as error:
            why, is_shown = str(error), False
        if is_shown:
            number = done.stdout.strip()
            self._shown[wanted.key] = int(number) if number.isdigit() else 0
            self._failures = 0
        else:
            if not self._failures:
                logger.debug("no desktop notification can be shown: %s", why)
            self._failures += 1
        return is_shown


def show(wanted: Notification, replaces: int, *, is_cancelled: Callable[[], bool] | None = None) -> proc.Completed:
    """Have a child show a notification in the place of the number `replaces` (0: none); its stdout is the number."""
    if sys.platform == "darwin":
        # After the script a name that begins with a dash would be an option.
        argv = ["osascript", "-e", _APPLESCRIPT, "--", wanted.summary, wanted.body]
        return proc.run(argv, deadline_s=DEADLINE_S, is_cancelled=is_cancelled)
    told = {"summary": wanted.summary, "body": wanted.body, "urgency": wanted.urgency, "replaces": replaces}
    return proc.run(
        [sys.executable, "-m", "gitsync.daemon.desktop"],
        deadline_s=DEADLINE_S,
        # Whatever directory the daemon stands in, nothing there may be taken for a module.
        env={"PYTHONSAFEPATH": "1"},
        input=json.dumps(told).encode(),
        is_cancelled=is_cancelled,
    )
