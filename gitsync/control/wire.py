"""JSON-RPC 2.0 as it travels: one object a line, UTF-8, no input or output here (bytes in, values out).

Pure; any thread may use it, a LineReader belongs to the thread that feeds it. Everything is written as ASCII: names
from disk need not be UTF-8, and are kept as escapes of lone surrogates.
"""

from __future__ import annotations

import json

from gitsync.errors import ConfigError, GitsyncError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

MAX_LINE = 1 << 20

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
# Errors of our own have the exit status as their number (1 and up), or this one.
BUSY = 100

KINDS = {
    PARSE_ERROR: "parse-error",
    INVALID_REQUEST: "invalid-request",
    METHOD_NOT_FOUND: "unknown-method",
    INVALID_PARAMS: "invalid-params",
    INTERNAL_ERROR: "internal",
    BUSY: "busy",
}
STATUSES = {INTERNAL_ERROR: 70, BUSY: 4}


class WireError(ValueError):
    """A line is not the message it should be."""


class Request:
    """A call; a notification has no id and gets no reply."""

    __slots__ = ("id", "is_notification", "method", "params")

    def __init__(self, id: Any, method: str, params: dict[str, Any], *, is_notification: bool) -> None:
        self.id = id
        self.method = method
        self.params = params
        self.is_notification = is_notification


class Fault:
    """A JSON-RPC error; `data` is {"code": kebab, "hint": what to do, "exit": the exit status}."""

    __slots__ = ("code", "data", "id", "message")

    def __init__(self, code: int, message: str, id: Any = None, data: dict[str, Any] | None = None) -> None:
        self.code = code
        self.message = message
        self.id = id
        self.data = data or {"code": KINDS[code], "hint": "", "exit": STATUSES.get(code, 2)}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


class LineSplitter:
    """Cuts a stream into lines; what is longer than `limit` bytes is dropped as it comes, and reported once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._begun = bytearray()
        self._is_skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """Return the lines that `data` ends, without their newlines; None stands for one that was too long."""
        *ends, rest = data.split(b"\n")
        lines: list[bytes | None] = []
        for end in ends:
            if self._take(end, lines):
                lines.append(bytes(self._begun))
            self._begun.clear()
            self._is_skipping = False
        self._take(rest, lines)
        return lines

    def finish(self) -> bytes:
        """Return the last line when the stream ended without a newline."""
        rest = bytes(self._begun)
        self._begun.clear()
        return rest

    def _take(self, piece: bytes, lines: list[bytes | None]) -> bool:
        if self._is_skipping:
            return False
        if len(self._begun) + len(piece) > self._limit:
            self._begun.clear()
            self._is_skipping = True
            lines.append(None)
            return False
        self._begun += piece
        return True


class LineReader:
    """What a server feeds with received bytes: it yields requests, and faults for what is none."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._splitter = LineSplitter(limit)

    def feed(self, data: bytes) -> list[Request | Fault]:
        """Return what the lines that `data` ends ask for; blank lines ask for nothing."""
        return [self._read(line) for line in self._splitter.feed(data) if line is None or line.strip()]

    def finish(self) -> list[Request | Fault]:
        """Return what a last line without a newline asks for."""
        line = self._splitter.finish()
        return [self._read(line)] if line.strip() else []

    def _read(self, line: bytes | None) -> Request | Fault:
        if line is None:
            return Fault(INVALID_REQUEST, f"a request may not be longer than {self._limit} bytes")
        return decode_request(line)


def decode_request(line: bytes) -> Request | Fault:
    """Return the request that `line` is, or the fault to answer with."""
    try:
        message = decode(line)
    except WireError as error:
        return Fault(PARSE_ERROR, str(error))
    if isinstance(message, list):
        return Fault(INVALID_REQUEST, "batches are not supported: send one request a line")
    if not isinstance(message, dict):
        return Fault(INVALID_REQUEST, "a request must be an object")
    id = message.get("id")
    if not _is_id(id):
        return Fault(INVALID_REQUEST, "the id must be a string, a number or null")
    if message.get("jsonrpc") != "2.0":
        return Fault(INVALID_REQUEST, 'a request must have "jsonrpc": "2.0"', id)
    method = message.get("method")
    if not isinstance(method, str) or not method:
        return Fault(INVALID_REQUEST, "a request must name its method", id)
    params = message.get("params", {})
    if not isinstance(params, dict):
        return Fault(INVALID_PARAMS, "parameters are given by name: params must be an object", id)
    return Request(id, method, params, is_notification="id" not in message)


def decode(line: bytes) -> Any:
    """Return the JSON value that `line` is; raise WireError when it is none."""
    try:
        return _DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise WireError("a line must be UTF-8") from error
    except ValueError as error:
        raise WireError("a line must be one JSON value") from error
    except RecursionError as error:
        raise WireError("a line is nested too deeply") from error


def encode_request(id: int, method: str, params: dict[str, Any]) -> bytes:
    """Return the line of a request."""
    return _line({"jsonrpc": "2.0", "id": id, "method": method, "params": params})


def encode_notification(method: str, params: dict[str, Any]) -> bytes:
    """Return the line of a notification."""
    return _line({"jsonrpc": "2.0", "method": method, "params": params})


def encode_reply(id: Any, result: Any) -> bytes:
    """Return the line of a reply; raise TypeError or ValueError for what JSON cannot hold."""
    return _line({"jsonrpc": "2.0", "id": id, "result": result})


def encode_fault(fault: Fault) -> bytes:
    """Return the line of an error reply."""
    error = {"code": fault.code, "message": fault.message, "data": fault.data}
    return _line({"jsonrpc": "2.0", "id": fault.id, "error": error})


def fault_of(error: GitsyncError, id: Any, code: int | None = None) -> Fault:
    """Return the fault that carries `error` to the other end, so that it looks the same there."""
    data: dict[str, Any] = {"code": error.code, "hint": error.hint, "exit": error.exit_status}
    if isinstance(error, ConfigError):
        data["faults"] = list(error.faults)
    return Fault(error.exit_status if code is None else code, error.message, id, data)


def _line(message: dict[str, Any]) -> bytes:
    return _ENCODER.encode(message).encode("ascii") + b"\n"


def _is_id(id: Any) -> bool:
    if isinstance(id, float):
        return id - id == 0  # neither infinite nor not a number: neither could be sent back
    return id is None or (isinstance(id, (int, str)) and not isinstance(id, bool))
