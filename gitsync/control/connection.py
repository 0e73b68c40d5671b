"""One control connection, from its first line to its end.

Everything here runs on the connection's own thread, which owns the socket and the subscription; only `hang_up` and
`cut_off` are called by another one. Nobody waits for a client: an idle one costs a blocked thread, one that does not
read what it asked for is cut off after a few seconds.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Any, Protocol

from gitsync.clock import SystemClock
from gitsync.control import wire
from gitsync.control.commands import BY_NAME, InvalidParamsError, checked
from gitsync.errors import GitsyncError
from gitsync.text import did_you_mean

logger = logging.getLogger(__name__)

SUBSCRIBE = "events.subscribe"
EVENT = "event"
SEND_TIMEOUT_S = 5.0
RECEIVE_BYTES = 65536
# How often a subscriber's connection is looked at while nothing happens.
FOLLOW_POLL_S = 0.5


class EventQueue(Protocol):
    """A queue of events that belongs to one connection."""

    def get(self, timeout: float) -> dict[str, Any] | None:
        """Return the next event, or None when there was none for `timeout` seconds."""

    def close(self) -> None:
        """Stop listening."""


class Connection:
    """Reads requests, answers each in turn, and after `events.subscribe` sends events in between."""

    def __init__(
        self,
        accepted: socket.socket,
        dispatch: Callable[[str, dict[str, Any]], dict[str, Any]],
        subscribe: Callable[[], EventQueue],
        report_bug: Callable[[BaseException], None],
        on_end: Callable[[Connection], None],
        send_timeout_s: float = SEND_TIMEOUT_S,
    ) -> None:
        self._send_timeout_s = send_timeout_s
        self._socket = accepted
        self._dispatch = dispatch
        self._subscribe = subscribe
        self._report_bug = report_bug
        self._on_end = on_end
        self._reader = wire.LineReader()
        self._subscription: EventQueue | None = None
        self._clock = SystemClock()
        # Since when it has waited for the next request (monotonic seconds); None while it answers or follows events.
        self.idle_since: float | None = self._clock.now()

    def hang_up(self) -> None:
        """Take no more requests: what is under way is answered, then `serve` ends."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def cut_off(self) -> None:
        """End it now, whatever is under way."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        """Serve until the client goes or does not read; never raises but for a bug in reporting bugs."""
        try:
            while data := self._receive():
                self.idle_since = None
                self._answer_all(self._reader.feed(data))
                self.idle_since = self._clock.now() if self._subscription is None else None
            self._answer_all(self._reader.finish())
        except OSError as error:
            logger.debug("a control connection ended: %s", error)
        except Exception as error:  # noqa: BLE001 - one connection's bug must not take others with it; it is reported
            self._report_bug(error)
        finally:
            if self._subscription is not None:
                self._subscription.close()
            self._socket.close()
            self._on_end(self)

    def _receive(self) -> bytes:
        if self._subscription is None:
            self._socket.settimeout(None)
            return self._socket.recv(RECEIVE_BYTES)
        while True:
            event = self._subscription.get(FOLLOW_POLL_S)
            if event is not None:
                self._send(wire.encode_notification(EVENT, event))
            self._socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                return self._socket.recv(RECEIVE_BYTES)

    def _answer_all(self, items: list[wire.Request | wire.Fault]) -> None:
        for item in items:
            if isinstance(item, wire.Fault):
                self._send(wire.encode_fault(item))
                continue
            answer = self._answer(item)
            if not item.is_notification:
                self._send(answer)

    def _answer(self, request: wire.Request) -> bytes:
        try:
            return wire.encode_reply(request.id, self._result(request))
        except InvalidParamsError as error:
            return wire.encode_fault(wire.fault_of(error, request.id, wire.INVALID_PARAMS))
        except GitsyncError as error:
            return wire.encode_fault(wire.fault_of(error, request.id, _number(error)))
        except Exception as error:  # noqa: BLE001 - a handler's bug is answered, and reported where bugs go
            self._report_bug(error)
            return wire.encode_fault(wire.Fault(wire.INTERNAL_ERROR, "internal error", request.id))

    def _result(self, request: wire.Request) -> dict[str, Any]:
        if request.method == SUBSCRIBE:
            if self._subscription is None and not request.is_notification:
                self._subscription = self._subscribe()
            return {"subscribed": True}
        command = BY_NAME.get(request.method)
        if command is None or not command.handler:
            raise _UnknownMethodError(request.method)
        return self._dispatch(command.name, checked(command, request.params))

    def _send(self, line: bytes) -> None:
        self._socket.settimeout(self._send_timeout_s)
        self._socket.sendall(line)


class _UnknownMethodError(GitsyncError):
    code = "unknown-method"
    exit_status = 2

    def __init__(self, method: str) -> None:
        super().__init__(f"there is no method {method!r}", did_you_mean(method, BY_NAME))


def _number(error: GitsyncError) -> int | None:
    return wire.METHOD_NOT_FOUND if isinstance(error, _UnknownMethodError) else None
