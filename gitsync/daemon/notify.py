"""Desktop notifications: at most one for each change of state, none where there is no desktop.

Runs on the thread `notifier`, which owns the ids of the notifications shown. The status board reports changes
(core.notices reports each problem once); this waits a moment, so that a machine that goes offline causes one
notification, and starts a child to show it: notify-send, or osascript on macOS.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gitsync import proc
from gitsync.clock import Clock
from gitsync.engine.owner import Owner, Stop, ThreadDied

logger = logging.getLogger(__name__)

GATHER_S = 1.0
DEADLINE_S = 10.0
# A desktop that is starting up is tried again; after that, there is no further attempt until the next event.
RETRY_S = 30.0
RETRIES = 6
# More than this many at once are combined into one.
TOGETHER = 3
NAMED = 5
LOW, NORMAL = 0, 1
_URGENCIES = ("low", "normal")
_BUS = "DBUS_SESSION_BUS_ADDRESS"
ARRIVALS = ("pulled", "merged")
_APPLESCRIPT = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"


class Notification(NamedTuple):
    """A notification; a later one with the same `key` replaces it."""

    key: str
    summary: str
    body: str
    urgency: int = NORMAL


def is_wanted(policy: str, event: dict[str, Any]) -> bool:
    """Whether the option `notify` (problems, all, off) includes this event of the board."""
    kind = event["event"]
    if policy == "off":
        return False
    if kind in ("problem", "recovered"):
        # If being offline was not notified, its end need not be either.
        return policy == "all" or event.get("severity", "problem") == "problem"
    return kind == "unseen" or (policy == "all" and kind in ARRIVALS)


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
    """Shows the board's events as notifications; `policy` is the option `notify`."""

    def __init__(
        self,
        policy: str,
        clock: Clock,
        on_death: Callable[[ThreadDied], None],
        *,
        show: Callable[..., proc.Completed] | None = None,
    ) -> None:
        super().__init__("notifier", clock, on_death)
        self.policy = policy
        self._show = show or show_on_desktop
        self._waiting: list[Notification] = []
        self._due_at: float | None = None
        self._shown: dict[str, int] = {}
        self._failures = 0

    def step(self, message: object | None, now: float) -> None:
        """Accept one event of the board, or show what has been collected."""
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
        """Return when the collected notifications are shown."""
        return self._due_at

    def _is_shown(self, wanted: Notification) -> bool:
        """Show it and return whether it is shown now."""
        try:
            done = self._show(wanted, self._shown.get(wanted.key, 0), is_cancelled=lambda: self.is_cancelled)
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


def show_on_desktop(
    wanted: Notification, replaces: int, *, is_cancelled: Callable[[], bool] | None = None
) -> proc.Completed:
    """Start a child to show a notification that replaces the id `replaces` (0: none); its stdout is the id.

    Raise OSError when there is no desktop, or notify-send is not installed.
    """
    if sys.platform == "darwin":
        # After the script, a name that begins with a dash would be taken for an option.
        argv = ["osascript", "-e", _APPLESCRIPT, "--", wanted.summary, wanted.body]
        return proc.run(argv, deadline_s=DEADLINE_S, is_cancelled=is_cancelled)
    options = ["--app-name=gitsync", "--category=transfer", "--print-id", f"--urgency={_URGENCIES[wanted.urgency]}"]
    if replaces:
        options.append(f"--replace-id={replaces}")
    from html import escape  # late: most daemons show none

    # The body may contain markup and backslash escapes, so plain text must be escaped.
    body = escape(wanted.body, quote=False).replace("\\", "\\\\")
    return proc.run(
        ["notify-send", *options, "--", wanted.summary, body],
        deadline_s=DEADLINE_S,
        env={_BUS: _session_bus()},
        is_cancelled=is_cancelled,
    )


def _session_bus() -> str:
    """Return the address of the user's session bus; raise FileNotFoundError when there is none."""
    if address := os.environ.get(_BUS):
        return address
    # The conventional path, for a daemon that was started outside the session. Without an address, notify-send would
    # start another bus.
    bus = Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"), "bus")
    if not bus.exists():
        raise FileNotFoundError("there is no desktop")
    return f"unix:path={bus}"
