"""A real ControlServer on a real socket, with clients that behave and clients that do not."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitsync.control import client, server, wire
from gitsync.errors import ConfigError, OperationError, UsageError
from tests.fakes.control import PATIENCE_S, Daemon
from tests.fakes.dispatch import status


@pytest.fixture
def private(tmp_path: Path) -> Path:
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    return directory


@pytest.fixture
def daemon(private: Path) -> Iterator[Daemon]:
    made = Daemon(private)
    yield made
    made.server.stop(PATIENCE_S)
    assert made.bugs == []


def lines(raw: socket.socket, count: int) -> list[dict[str, Any]]:
    """Return the next `count` messages."""
    with raw.makefile("rb") as file:
        return [json.loads(file.readline()) for _ in range(count)]


def ask(id: int, method: str = "status") -> bytes:
    return wire.encode_request(id, method, {})


def test_a_call_is_answered_with_checked_parameters(daemon: Daemon) -> None:
    assert daemon.call(names=["notes"]) == status()
    assert daemon.dispatch.asked == [("status", {"names": ["notes"], "short": False, "watch": False})]


def test_pipelined_requests_are_answered_in_order_and_notifications_not(daemon: Daemon) -> None:
    with daemon.connect() as raw:
        raw.sendall(ask(1) + wire.encode_notification("status", {}) + b"rubbish\n" + ask(2) + ask(3)[:10])
        raw.sendall(ask(3)[10:])
        assert [message["id"] for message in lines(raw, 4)] == [1, None, 2, 3]
    assert len(daemon.dispatch.asked) == 4


def test_a_last_line_without_newline_is_answered(daemon: Daemon) -> None:
    with daemon.connect() as raw:
        raw.sendall(ask(1).rstrip())
        raw.shutdown(socket.SHUT_WR)
        assert lines(raw, 1)[0]["id"] == 1
        assert raw.recv(1) == b""


def test_an_oversized_line_is_answered_and_the_next_one_served(daemon: Daemon) -> None:
    with daemon.connect() as raw:
        sender = threading.Thread(target=raw.sendall, args=(b'{"a": "' + b"x" * (3 << 20) + b'"}\n' + ask(2),))
        sender.start()
        first, second = lines(raw, 2)
        sender.join()
    assert first["error"]["code"] == wire.INVALID_REQUEST
    assert second["id"] == 2


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OperationError("the disk \udcff is full", "make room", code="disk-full"), OperationError),
        (UsageError("no such name", "there are: a"), UsageError),
        (ConfigError(["one", "two"], "mend them"), ConfigError),
    ],
)
def test_errors_arrive_as_they_were_raised(private: Path, error: Any, kind: type[Exception]) -> None:
    daemon = Daemon(private, reload=error)
    with pytest.raises(kind) as caught:
        daemon.call("reload")
    got: Any = caught.value
    assert (got.message, got.hint, got.code, got.exit_status) == (
        error.message,
        error.hint,
        error.code,
        error.exit_status,
    )
    assert getattr(got, "faults", None) == getattr(error, "faults", None)
    daemon.server.stop(PATIENCE_S)
    assert daemon.bugs == []


@pytest.mark.parametrize("answer", [ValueError("oops"), {"a": object()}, {"a": float("nan")}])
def test_a_bug_in_a_handler_is_reported_and_disturbs_nobody(private: Path, answer: Any) -> None:
    daemon = Daemon(private, reload=answer)
    with pytest.raises(client.DaemonBugError):
        daemon.call("reload")
    assert daemon.call() == status()
    daemon.server.stop(PATIENCE_S)
    assert len(daemon.bugs) == 1


def test_unknown_methods_and_parameters(daemon: Daemon) -> None:
    with daemon.connect() as raw:
        raw.sendall(ask(1, "statsu") + ask(2, "config") + wire.encode_request(3, "status", {"x": 1}))
        found = [message["error"] for message in lines(raw, 3)]
    assert [error["code"] for error in found] == [-32601, -32601, -32602]
    assert found[0]["data"] == {"code": "unknown-method", "hint": 'did you mean "status"?', "exit": 2}
    assert daemon.dispatch.asked == []


def test_two_hundred_clients_at_once(daemon: Daemon) -> None:
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda _: daemon.call(), range(200)))
    assert answers == [status()] * 200


def test_beyond_the_limit_the_idlest_makes_room(daemon: Daemon) -> None:
    idle = [daemon.connect() for _ in range(server.MAX_CONNECTIONS)]
    for raw in idle:
        raw.sendall(ask(1))
        lines(raw, 1)
    assert daemon.call() == status()
    closed, _, _ = select.select(idle, [], [], 10)
    assert [raw.recv(1) for raw in closed] == [b""]
    for raw in idle:
        if raw not in closed:
            raw.sendall(ask(2))
            assert lines(raw, 1)[0]["id"] == 2
        raw.close()


def test_beyond_the_limit_followers_stay_and_another_client_gets_a_polite_error(daemon: Daemon) -> None:
    following = [daemon.connect() for _ in range(server.MAX_CONNECTIONS)]
    for raw in following:
        raw.sendall(ask(1, "events.subscribe"))
        lines(raw, 1)
    with daemon.connect() as raw:
        assert lines(raw, 1)[0]["error"]["data"]["code"] == "busy"
    waiting = threading.Timer(0.2, following.pop().close)
    waiting.start()
    assert daemon.call() == status()  # the client came again until there was room
    waiting.join()
    for raw in following:
        raw.close()


def test_half_open_and_vanishing_clients_hold_nothing_up(daemon: Daemon) -> None:
    half = [daemon.connect() for _ in range(30)]
    for raw in half:
        raw.sendall(b'{"jsonrpc": "2.0", "meth')
    for _ in range(200):
        with daemon.connect() as raw:
            raw.sendall(ask(1))  # and gone before the answer
    assert daemon.call() == status()
    for raw in half:
        raw.close()


def test_a_client_that_never_reads_is_cut_off(private: Path) -> None:
    daemon = Daemon(private, send_timeout_s=0.2, list={"home": ["x" * (8 << 20)], "repos": [], "jobs": []})
    with daemon.connect() as raw:
        raw.sendall(ask(1, "list"))
        assert daemon.call() == status()
        heard = 0
        with raw.makefile("rb", buffering=0) as file:
            raw.settimeout(PATIENCE_S)
            threading.Event().wait(1.0)  # the deafness that is tested
            while data := file.read(1 << 20):
                heard += len(data)
    assert heard < 8 << 20
    daemon.server.stop(PATIENCE_S)
    assert daemon.bugs == []


def test_events_stream_until_the_client_goes(daemon: Daemon) -> None:
    stream = client.subscribe(daemon.path)
    daemon.board.wait_for(1)
    for number in range(5):
        daemon.board.publish({"event": "commit", "number": number, "name": "\udcff"})
    assert [next(stream)["number"] for _ in range(5)] == [0, 1, 2, 3, 4]
    assert stream.wait(0.01) is None
    assert not stream.is_over
    stream.close()
    daemon.board.wait_for(0)


def test_a_subscriber_may_go_on_asking(daemon: Daemon) -> None:
    with daemon.connect() as raw:
        raw.sendall(ask(1, "events.subscribe"))
        assert lines(raw, 1)[0]["result"] == {"subscribed": True}
        raw.sendall(ask(2) + ask(3, "events.subscribe"))
        assert [message["id"] for message in lines(raw, 2)] == [2, 3]
        daemon.board.wait_for(1)


def test_subscribers_hear_the_end(daemon: Daemon) -> None:
    stream = client.subscribe(daemon.path)
    daemon.server.stop(PATIENCE_S)
    assert list(stream) == []
    assert stream.is_over
    assert daemon.board.open == []


def test_stop_lets_a_running_request_answer(private: Path) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(params: dict[str, Any]) -> dict[str, Any]:
        begun.set()
        assert go.wait(PATIENCE_S)
        return {"done": True}

    daemon = Daemon(private, sync=slow)
    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(daemon.call, "sync")
        assert begun.wait(PATIENCE_S)
        stopping = pool.submit(daemon.server.stop, PATIENCE_S)
        while daemon.path.exists():
            threading.Event().wait(0.01)
        go.set()
        assert answer.result(PATIENCE_S) == {"done": True}
        stopping.result(PATIENCE_S)


def test_stop_waits_no_longer_than_it_may(private: Path) -> None:
    go = threading.Event()
    daemon = Daemon(private, sync=lambda params: {"late": go.wait(PATIENCE_S)})
    with daemon.connect() as raw:
        raw.sendall(ask(1, "sync") + b"")
        while not daemon.dispatch.asked:
            threading.Event().wait(0.01)
        daemon.server.stop(0.1)
        assert raw.recv(1) == b""
    go.set()


@pytest.fixture(scope="module")
def hardy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("hardy")
    directory.chmod(0o700)
    made = Daemon(directory)
    yield made
    made.server.stop(PATIENCE_S)
    assert made.bugs == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=400) | st.just(b"\n") | st.just(ask(1)[:-1]), max_size=20))
def test_no_bytes_disturb_the_server(hardy: Daemon, pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    expected = wire.LineReader()
    count = len([*expected.feed(data), *expected.finish()])
    with hardy.connect() as raw:
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)
        with raw.makefile("rb") as file:
            answers = [json.loads(line) for line in file]
    assert len(answers) <= count
    assert all(("error" in answer) != ("result" in answer) for answer in answers)
    assert hardy.call() == status()
