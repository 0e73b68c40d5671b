"""What each kind of wrong line is answered with."""

from __future__ import annotations

import pytest

from gitsync.control import wire
from gitsync.errors import ConfigError, OperationError

CASES = {
    b"{": (wire.PARSE_ERROR, None),
    b"nonsense": (wire.PARSE_ERROR, None),
    b'{"jsonrpc": "2.0", "method": "status", "id": NaN}': (wire.PARSE_ERROR, None),
    b"\xff\xfe{}": (wire.PARSE_ERROR, None),
    b'{"jsonrpc": "2.0", "method": "\xed\xb3\xbf", "id": 1}': (wire.PARSE_ERROR, None),
    b"[" * 200_000: (wire.PARSE_ERROR, None),
    b'{"a":' * 100_000: (wire.PARSE_ERROR, None),
    b'{"jsonrpc": "2.0", "method": "status", "id": ' + b"9" * 5000 + b"}": (wire.PARSE_ERROR, None),
    b"1 2": (wire.PARSE_ERROR, None),
    b"[]": (wire.INVALID_REQUEST, None),
    b'[{"jsonrpc": "2.0", "method": "status", "id": 1}]': (wire.INVALID_REQUEST, None),
    b"null": (wire.INVALID_REQUEST, None),
    b'"status"': (wire.INVALID_REQUEST, None),
    b"{}": (wire.INVALID_REQUEST, None),
    b'{"jsonrpc": "1.0", "method": "status", "id": 1}': (wire.INVALID_REQUEST, 1),
    b'{"jsonrpc": 2.0, "method": "status", "id": 1}': (wire.INVALID_REQUEST, 1),
    b'{"jsonrpc": "2.0", "id": "x"}': (wire.INVALID_REQUEST, "x"),
    b'{"jsonrpc": "2.0", "method": 5, "id": 1}': (wire.INVALID_REQUEST, 1),
    b'{"jsonrpc": "2.0", "method": "status", "id": true}': (wire.INVALID_REQUEST, None),
    b'{"jsonrpc": "2.0", "method": "status", "id": {}}': (wire.INVALID_REQUEST, None),
    b'{"jsonrpc": "2.0", "method": "status", "id": 1e999}': (wire.INVALID_REQUEST, None),
    b'{"jsonrpc": "2.0", "method": "status", "id": 1, "params": [1]}': (wire.INVALID_PARAMS, 1),
    b'{"jsonrpc": "2.0", "method": "status", "id": 1, "params": null}': (wire.INVALID_PARAMS, 1),
}


@pytest.mark.parametrize(("line", "expected"), CASES.items(), ids=lambda value: repr(value)[:40])
def test_faults(line: bytes, expected: tuple[int, object]) -> None:
    [fault] = wire.LineReader().feed(line + b"\n")
    assert isinstance(fault, wire.Fault)
    assert (fault.code, fault.id) == expected
    assert wire.decode(wire.encode_fault(fault))["error"]["data"]["code"] == wire.KINDS[fault.code]


def test_blank_lines_and_carriage_returns_are_nothing() -> None:
    found = wire.LineReader().feed(b'\n \r\n{"jsonrpc": "2.0", "method": "m", "id": 1}\r\n\n')
    assert [item.id for item in found] == [1]


def test_a_notification_has_no_id() -> None:
    item = wire.decode_request(b'{"jsonrpc": "2.0", "method": "m"}')
    assert isinstance(item, wire.Request)
    assert item.is_notification
    item = wire.decode_request(b'{"jsonrpc": "2.0", "method": "m", "id": null}')
    assert isinstance(item, wire.Request)
    assert not item.is_notification


def test_the_limit_is_a_megabyte_without_the_newline() -> None:
    frame = b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"%s"}}'
    fits = frame % (b"x" * (wire.MAX_LINE - len(frame) + 2))
    assert len(fits) == wire.MAX_LINE
    reader = wire.LineReader()
    [first, second] = reader.feed(fits + b"\n" + fits + b" \n")
    assert isinstance(first, wire.Request)
    assert isinstance(second, wire.Fault)


def test_errors_of_ours_keep_everything() -> None:
    fault = wire.fault_of(OperationError("it \udcff broke", "mend it", code="disk-full"), 5)
    assert wire.decode(wire.encode_fault(fault))["error"] == {
        "code": 4,
        "message": "it \udcff broke",
        "data": {"code": "disk-full", "hint": "mend it", "exit": 4},
    }
    assert wire.fault_of(ConfigError(["a", "b"], "h"), 5).data["faults"] == ["a", "b"]
