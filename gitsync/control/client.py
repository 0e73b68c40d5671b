"""Asks the daemon over its socket. Runs in the control command, on its only thread; owns the connection it makes.

The control command starts for every prompt of a shell, so this module loads next to nothing: `_socket` is what
`socket` wraps, without the two milliseconds that `selectors` and its enumerations take.
"""

from __future__ import annotations

import _socket
import errno
import os

from gitsync.control import wire
from gitsync.errors import ConfigError, GitsyncError, NotRunningError, OperationError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONNECT_TIMEOUT_S = 0.5
RECEIVE_BYTES = 65536
# Replies are as long as the truth is; this only bounds what a stranger on the socket could make us hold.
MAX_REPLY = 256 << 20
# Waits between tries when the daemon lives but has no room for one more connection, 10 s in all.
BUSY_PAUSES_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 2.0, 2.0)
HOW_TO_START = "start it with: gitsync --daemon; or with each login: gitsyncctl service install"


class DaemonBugError(GitsyncError):
    """The daemon met a bug of its own."""

    code = "internal"
    exit_status = 70


class AttentionError(GitsyncError):
    """It was done, but something needs the user."""

    code = "attention"
    exit_status = 1


class _Busy(Exception):
    """The daemon asked us to come again."""


def call(path: str | os.PathLike[str], method: str, params: dict[str, Any], timeout_s: float = 10.0) -> Any:
    """Return the result of `method`; wait at most `timeout_s` seconds for each part of the answer.

    Raise NotRunningError when nobody listens, and what the daemon reports as the exception it was there.
    """
    request = wire.encode_request(1, method, params)
    for pause_s in (*BUSY_PAUSES_S, None):
        connection = _connected(path, timeout_s)
        try:
            _send(connection, request)
            return _result(_Lines(connection).next_message(timeout_s))
        except _Busy:
            if pause_s is None:
                raise OperationError("gitsync has no room for one more connection", "try again later") from None
        finally:
            connection.close()
        _wait(pause_s)
    raise AssertionError("the last round returns or raises")


def subscribe(path: str | os.PathLike[str], timeout_s: float = 10.0) -> EventStream:
    """Return what happens from now on, as it happens; raise as `call` does."""
    connection = _connected(path, timeout_s)
    lines = _Lines(connection)
    try:
        _send(connection, wire.encode_request(1, "events.subscribe", {}))
        _result(lines.next_message(timeout_s))
    except _Busy:
        connection.close()
        raise OperationError("gitsync has no room for one more listener", "stop another one first") from None
    except BaseException:
        connection.close()
        raise
    return EventStream(connection, lines)


class EventStream:
    """The daemon's events, one after the other; iteration ends when the daemon goes."""

    def __init__(self, connection: _socket.socket, lines: _Lines) -> None:
        self._connection = connection
        self._lines = lines
        self.is_over = False

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> dict[str, Any]:
        while not self.is_over:
            event = self.wait(None)
            if event is not None:
                return event
        raise StopIteration

    def wait(self, timeout_s: float | None) -> dict[str, Any] | None:
        """Return the next event, or None when there was none for `timeout_s` seconds or the daemon went."""
        try:
            message = self._lines.next_message(timeout_s)
        except _TimedOutError:
            return None
        except OperationError:
            self.close()
            return None
        event = message.get("params")
        return event if isinstance(event, dict) else None

    def close(self) -> None:
        """Stop listening."""
        self.is_over = True
        self._connection.close()


class _TimedOutError(OperationError):
    code = "timeout"


class _Lines:
    """The daemon's messages, one by one."""

    def __init__(self, connection: _socket.socket) -> None:
        self._connection = connection
        self._splitter = wire.LineSplitter(MAX_REPLY)
        self._ready: list[bytes | None] = []

    def next_message(self, timeout_s: float | None) -> dict[str, Any]:
        while not self._ready:
            self._connection.settimeout(timeout_s)
            try:
                data = self._connection.recv(RECEIVE_BYTES)
            except TimeoutError:
                raise _TimedOutError(
                    f"gitsync did not answer within {timeout_s:g} seconds", "look at its log; is the machine very busy?"
                ) from None
            except OSError as error:
                raise _hung_up() from error
            if not data:
                raise _hung_up()
            self._ready = self._splitter.feed(data)
        line = self._ready.pop(0)
        if line is None:
            raise nonsense()
        try:
            message = wire.decode(line)
        except wire.WireError as error:
            raise nonsense() from error
        if not isinstance(message, dict):
            raise nonsense()
        return message


def _connected(path: str | os.PathLike[str], timeout_s: float) -> _socket.socket:
    for pause_s in (*BUSY_PAUSES_S, None):
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            connection.settimeout(min(CONNECT_TIMEOUT_S, timeout_s))
            connection.connect(os.fsencode(path))
            connection.settimeout(timeout_s)
            return connection
        except OSError as error:
            connection.close()
            if error.errno in (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR, errno.ENOTSOCK, errno.EPROTOTYPE):
                raise NotRunningError("gitsync is not running", HOW_TO_START) from None
            # A listener whose queue is full: the daemon lives, it is only busy.
            if (error.errno == errno.EAGAIN or isinstance(error, TimeoutError)) and pause_s is not None:
                _wait(pause_s)
                continue
            raise OperationError(
                f"cannot connect to {os.fspath(path)}: {error.strerror or error}",
                "is it your own socket? see --socket and $GITSYNC_SOCKET",
            ) from error
    raise AssertionError("the last round returns or raises")


def _send(connection: _socket.socket, line: bytes) -> None:
    if len(line) > wire.MAX_LINE:
        raise UsageError("the request is longer than a megabyte", "name fewer things at once")
    try:
        connection.sendall(line)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it hung up on us, and what it said before tells why: that is read next
    except OSError as error:
        raise _hung_up() from error


def _result(message: dict[str, Any]) -> Any:
    fault = message.get("error")
    if fault is None:
        return message.get("result")
    if not isinstance(fault, dict) or not isinstance(fault.get("data", {}), dict):
        raise nonsense()
    data = fault.get("data", {})
    text, hint, code = str(fault.get("message", "")), str(data.get("hint", "")), str(data.get("code", ""))
    if fault.get("code") == wire.BUSY:
        raise _Busy
    if fault.get("code") == wire.INTERNAL_ERROR:
        raise DaemonBugError("the daemon met a bug in gitsync", "its log has the details; please report it")
    if fault.get("code") == wire.METHOD_NOT_FOUND:
        raise OperationError(f"the running gitsync cannot do that: {text}", "restart it: it is of another version")
    faults = data.get("faults")
    if isinstance(faults, list):
        raise ConfigError([str(item) for item in faults], hint)
    known: dict[Any, type[GitsyncError]] = {1: AttentionError, 2: UsageError, 3: NotRunningError}
    raise known.get(data.get("exit"), OperationError)(text, hint, code=code)


def _hung_up() -> OperationError:
    return OperationError("gitsync hung up in the middle", "is it stopping? look at its log", code="hung-up")


def nonsense() -> OperationError:
    """Return the error for an invalid reply."""
    return OperationError("what answered on the socket is not gitsync", "see --socket and $GITSYNC_SOCKET")


def _wait(seconds: float) -> None:
    from gitsync import clock  # here: only a busy daemon makes us wait

    clock.sleep(seconds)
