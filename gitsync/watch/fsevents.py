"""watchdog's observer of FSEvents, which also reports what FSEvents drops. macOS only; never ran on a Mac.

Runs on the emitter's thread. watchdog passes on the events that it got, and ignores the flags by which FSEvents says
that some are missing; then only a full comparison finds what has changed.
"""

from __future__ import annotations

import os
from typing import Any

from watchdog.observers.api import BaseObserver
from watchdog.observers.fsevents import FSEventsEmitter, FSEventsObserver

from gitsync.watch.hints import Hints

# Properties of watchdog's NativeEvent, for the flags of FSEventStreamEventFlags.
_DROPPED = ("must_scan_subdirs", "is_user_dropped", "is_kernel_dropped", "is_event_ids_wrapped", "is_mount")


class Emitter(FSEventsEmitter):
    """watchdog's emitter; dropped events become a reason to compare everything."""

    def queue_events(self, timeout: Any, events: list[Any]) -> None:  # type: ignore[override]
        """Queue the events, after the reason for a comparison where some are missing."""
        lost = sorted({flag for event in events for flag in _DROPPED if getattr(event, flag, False)})
        if lost:
            self.queue_event(Hints(os.fsdecode(self.watch.path), reasons=[f"FSEvents lost events ({', '.join(lost)})"]))
        super().queue_events(timeout, events)


class Observer(FSEventsObserver):
    """watchdog's observer, with that emitter."""

    def __init__(self) -> None:
        BaseObserver.__init__(self, Emitter)
