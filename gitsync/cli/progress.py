"""A line that moves on the terminal while an answer takes longer than a second: what is being done, and for how long.

Runs on the control command's only thread: the alarm clock interrupts whatever it waits for, in the daemon's answer or
in the engine of this process. Nothing is drawn where nobody sees it. `_signal` is there at once,
`signal` takes milliseconds for its enumerations, and every `status` comes through here.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # what `signal` wraps; typeshed has no stub of it

from gitsync import text
from gitsync.control import client
from gitsync.errors import GitsyncError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

    from gitsync.cli.output import Output

AFTER_S = 1.0
EVERY_S = 0.1
SUBSCRIBE_S = 0.2
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
PLAIN_FRAMES = "|/-\\"


class Progress:
    """Draws while the block lasts; `label` is what was asked for, until something is heard of it."""

    def __init__(self, output: Output, label: str, address: str) -> None:
        self._output = output
        self._label = label
        self._address = address
        self._drawn = 0
        self._stream: client.EventStream | None = None
        self._can_listen = True
        self._is_over = False

    def __enter__(self) -> Progress:
        if self._output.is_animated:
            self._output.flush()
            _signal.signal(_signal.SIGALRM, self._tick)
            _signal.setitimer(_signal.ITIMER_REAL, AFTER_S, EVERY_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._output.is_animated:
            return
        # The handler stays: an alarm that was caught and not yet handled would be complained of without one.
        _signal.setitimer(_signal.ITIMER_REAL, 0)
        self._is_over = True
        if self._stream is not None:
            self._stream.close()
        if self._drawn:
            self._output.animate("")

    def hear(self, event: dict[str, Any]) -> None:
        """Take what is being done from an event of the board; how it ends comes with the answer."""
        is_work = event.get("state") == "syncing" if event.get("event") == "state" else event.get("event") != "problem"
        if is_work:
            self._label = str(event.get("message") or self._label)

    def hear_log(self) -> None:
        """Take it from what this process's own engine tells; errors are shown once, with the reply."""
        import logging

        class Story(logging.Handler):
            def emit(handler, record: logging.LogRecord) -> None:
                self.hear(getattr(record, "gitsync_event", {}))

        logging.getLogger().addHandler(logging.NullHandler())
        board = logging.getLogger("gitsync.engine.board")
        board.addHandler(Story())
        board.setLevel(logging.DEBUG)
        self._can_listen = False

    def _tick(self, number: int, frame: FrameType | None) -> None:
        if self._is_over:
            return
        if self._can_listen:
            self._listen()
        frames = FRAMES if self._output.is_unicode else PLAIN_FRAMES
        seconds = AFTER_S + self._drawn * EVERY_S
        self._output.animate(f"{frames[self._drawn % len(frames)]} {self._label}", f"  {text.span(seconds)}")
        self._drawn += 1

    def _listen(self) -> None:
        """Take the newest of the daemon's events."""
        try:
            if self._stream is None:
                self._stream = client.subscribe(self._address, SUBSCRIBE_S)
                self._catch_up()
            while (event := self._stream.wait(0.001)) is not None:
                self.hear(event)
            self._can_listen = not self._stream.is_over
        except GitsyncError:
            self._can_listen = False  # no daemon, or none that has room for a listener

    def _catch_up(self) -> None:
        """Take what is under way since before anybody listened."""
        try:
            document = client.call(self._address, "status", {}, SUBSCRIBE_S)
        except GitsyncError:
            return  # too busy to say: the next event tells
        for entry in (*document.get("repos", ()), *document.get("jobs", ())):
            if entry.get("state") == "syncing" and entry.get("reason"):
                self._label = f"{entry.get('name')}: {entry['reason']}"
