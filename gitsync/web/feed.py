"""Passes the daemon's events on to open pages: one subscription, however many pages listen.

Runs on the event loop's thread, and waits for events on one worker thread; owns the subscription and the listeners.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
from anyio import CapacityLimiter, to_thread

from gitsync.control import client
from gitsync.errors import GitsyncError

# How long one wait may keep the worker thread, and so the end of the process.
WAIT_S = 0.5
AGAIN_S = 2.0
# A page that is gone is noticed when something is sent to it.
BEAT_S = 15.0
# A page that does not read its events is asked to load again by the next one that it takes.
WAITING = 100
Event = dict[str, Any]


class Feed:
    """The daemon's events, for any number of pages; also that it came or went."""

    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address
        self._listeners: set[asyncio.Queue[Event | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._thread = CapacityLimiter(1)
        self._is_over = False

    async def stream(self) -> AsyncIterator[str]:
        """Yield events in the format of server-sent events, until the page is gone or the process ends."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(WAITING)
        self._listeners.add(queue)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            yield "retry: 2000\n\n"
            while not self._is_over:
                event: Event | None = {}
                with anyio.move_on_after(BEAT_S):
                    event = await queue.get()
                if event is None:
                    return
                yield f"data: {json.dumps(event)}\n\n" if event else ": still here\n\n"
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """End every stream."""
        self._is_over = True
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    async def _run(self) -> None:
        """Listen while anybody does; a daemon that went is looked for again."""
        is_there: bool | None = None
        while self._listeners and not self._is_over:
            try:
                stream = await self._in_thread(client.subscribe, self._address(), WAIT_S)
            except GitsyncError:
                if is_there is not False:
                    self._send({"event": "daemon", "is_there": False})
                is_there = False
                await anyio.sleep(AGAIN_S)
                continue
            if is_there is False:
                self._send({"event": "daemon", "is_there": True})
            is_there = True
            try:
                while self._listeners and not self._is_over and not stream.is_over:
                    event = await self._in_thread(stream.wait, WAIT_S)
                    if event:
                        self._send(event)
            finally:
                stream.close()

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await to_thread.run_sync(function, *arguments, limiter=self._thread)

    def _send(self, event: Event) -> None:
        for queue in self._listeners:
            if not queue.full():
                queue.put_nowait(event)
