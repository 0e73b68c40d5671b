"""Whatever comes over the socket, the reader yields requests or faults, and always the same however it is cut."""

from __future__ import annotations

import itertools
import json
import os
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitsync.control import wire

# Lone surrogates as names from disk have them; a high one followed by a low one would be one character in JSON.
NAMES = st.binary(max_size=40).map(os.fsdecode)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)
LIMIT = 200


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(marks)]


def plain(item: wire.Request | wire.Fault) -> tuple[Any, ...]:
    if isinstance(item, wire.Request):
        return ("request", item.id, item.method, item.params, item.is_notification)
    return ("fault", item.code, item.message, item.id)


@given(st.lists(st.binary(max_size=300)), st.lists(st.integers(0, 3000)))
def test_cuts_make_no_difference(lines: list[bytes], places: list[int]) -> None:
    data = b"\n".join(lines)
    whole, pieces = wire.LineReader(LIMIT), wire.LineReader(LIMIT)
    expected = [plain(item) for item in [*whole.feed(data), *whole.finish()]]
    got = [plain(item) for piece in cut(data, places) for item in pieces.feed(piece)]
    assert got + [plain(item) for item in pieces.finish()] == expected


@given(st.binary(max_size=2000))
def test_rubbish_is_answered_and_answers_can_be_sent(data: bytes) -> None:
    for item in wire.LineReader(LIMIT).feed(data + b"\n"):
        if isinstance(item, wire.Fault):
            line = wire.encode_fault(item)
            assert line.endswith(b"\n")
            assert line.count(b"\n") == 1
            assert json.loads(line)["error"]["code"] == item.code


@given(VALUES)
def test_any_json_is_a_request_or_a_fault(value: Any) -> None:
    [item] = wire.LineReader().feed(json.dumps(value).encode() + b"\n")
    assert isinstance(item, wire.Fault)  # none of these has "jsonrpc"
    json.loads(wire.encode_fault(item))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": st.just("2.0") | VALUES,
            "id": VALUES,
            "method": st.sampled_from(["status", "", "nope"]) | VALUES,
            "params": VALUES,
        },
    )
)
def test_near_requests_are_requests_or_faults(message: dict[str, Any]) -> None:
    item = wire.decode_request(json.dumps(message).encode())
    if isinstance(item, wire.Request):
        assert message["jsonrpc"] == "2.0"
        assert isinstance(item.method, str)
        assert isinstance(item.params, dict)
        json.loads(wire.encode_reply(item.id, {}))
    else:
        json.loads(wire.encode_fault(item))


@given(st.integers(), NAMES.filter(bool), st.dictionaries(NAMES, VALUES, max_size=5))
def test_requests_survive_the_journey(id: int, method: str, params: dict[str, Any]) -> None:
    line = wire.encode_request(id, method, params)
    assert line.isascii()
    [item] = wire.LineReader().feed(line)
    assert plain(item) == ("request", id, method, params, False)


@given(VALUES)
def test_replies_survive_the_journey(result: Any) -> None:
    assert wire.decode(wire.encode_reply(1, result)) == {"jsonrpc": "2.0", "id": 1, "result": result}


@given(st.integers(LIMIT + 1, 5 * LIMIT), st.integers(1, 50))
def test_a_long_line_is_one_fault_and_costs_no_more_than_the_limit(length: int, step: int) -> None:
    reader = wire.LineReader(LIMIT)
    data = b"x" * length
    found: list[wire.Request | wire.Fault] = []
    for at in range(0, length, step):
        found += reader.feed(data[at : at + step])
        assert len(reader._splitter._begun) <= LIMIT
    found += reader.feed(b"\n" + wire.encode_request(7, "status", {}))
    assert [plain(item)[:2] for item in found] == [("fault", wire.INVALID_REQUEST), ("request", 7)]
