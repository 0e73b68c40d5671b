"""The socket itself: whose it is, who may use it, and what is there when nobody listens."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitsync.control import client, wire
from gitsync.control.server import ControlServer
from gitsync.errors import NotRunningError, OperationError
from tests.fakes.control import PATIENCE_S, Daemon
from tests.fakes.dispatch import FakeBoard, ScriptedDispatch, status


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


def test_the_socket_is_ours_alone(daemon: Daemon) -> None:
    facts = daemon.path.lstat()
    assert stat.S_ISSOCK(facts.st_mode)
    assert stat.S_IMODE(facts.st_mode) == 0o600


def test_the_socket_is_private_from_its_first_moment(private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late(path: Path, mode: int) -> None:
        raise AssertionError(f"{path} had to be closed afterwards")

    monkeypatch.setattr(Path, "chmod", too_late)
    Daemon(private).server.stop(PATIENCE_S)


def test_the_umask_of_other_threads_is_left_alone(private: Path) -> None:
    before = os.umask(0o022)
    os.umask(before)
    daemon = Daemon(private)
    after = os.umask(before)
    assert after == before
    daemon.server.stop(PATIENCE_S)


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_directory_that_others_may_enter_is_refused(private: Path, mode: int) -> None:
    private.chmod(mode)
    with pytest.raises(OperationError, match="yours alone"):
        Daemon(private)
    assert list(private.iterdir()) == []


def test_a_linked_directory_is_refused(private: Path) -> None:
    private.with_name("link").symlink_to(private)
    with pytest.raises(OperationError, match="yours alone"):
        Daemon(private.with_name("link"))


def test_a_stale_socket_is_taken_over_and_anything_else_is_not(private: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stale:
        stale.bind(str(private / "socket"))
    with pytest.raises(NotRunningError):
        client.call(private / "socket", "status", {})
    daemon = Daemon(private)
    assert daemon.call() == status()
    daemon.server.stop(PATIENCE_S)
    assert not daemon.path.exists()
    for make in (Path.touch, Path.mkdir, lambda path: path.symlink_to("elsewhere")):
        make(daemon.path)
        with pytest.raises(OperationError, match="is not a socket"):
            Daemon(private)
        assert os.path.lexists(daemon.path)
        daemon.path.rmdir() if daemon.path.is_dir() else daemon.path.unlink()


def test_stop_leaves_a_socket_that_is_no_longer_ours(private: Path) -> None:
    first = Daemon(private)
    first.path.unlink()
    second = Daemon(private)
    first.server.stop(PATIENCE_S)
    assert second.call() == status()
    second.server.stop(PATIENCE_S)
    second.server.stop(PATIENCE_S)
    assert list(private.iterdir()) == []


def test_a_socket_that_somebody_else_bound(private: Path) -> None:
    given_socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    given_socket.bind(str(private / "socket"))
    given_socket.listen()
    board = FakeBoard()
    served = ControlServer(
        private / "socket", ScriptedDispatch(status=status()), board.subscribe, listen_fd=given_socket.detach()
    )
    served.start()
    assert client.call(private / "socket", "status", {}) == status()
    served.stop(PATIENCE_S)
    assert (private / "socket").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_is_not_served(daemon: Daemon, tmp_path: Path) -> None:
    program = (
        "import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(b'{}\\n'); print(s.recv(100))"
    )
    # The directory would stop them already: let them in as far as the socket itself.
    for directory in (*reversed(tmp_path.parents), tmp_path, daemon.path.parent):
        if directory.stat().st_uid == 0 and tmp_path.is_relative_to(directory) and directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o011)
    daemon.path.parent.chmod(0o711)
    daemon.path.chmod(0o666)
    done = subprocess.run(
        ["/usr/bin/env", "python3", "-c", program, str(daemon.path)],
        user=65534,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "Permission" in done.stderr or "No such file" in done.stderr:
        pytest.skip("another user cannot run Python or reach the test's directory here")
    assert done.stdout.strip() in ("b''", ""), done.stderr
    assert daemon.dispatch.asked == []


def test_nobody_listens(private: Path) -> None:
    for path in (private / "socket", private / "no" / "socket"):
        with pytest.raises(NotRunningError) as caught:
            client.call(path, "status", {})
        assert caught.value.hint == client.HOW_TO_START
    (private / "file").touch()
    with pytest.raises(NotRunningError):
        client.call(private / "file" / "socket", "status", {})


def test_something_else_listens(private: Path) -> None:
    answers = [b"hello\n", b"[]\n", b'{"error": 5}\n', b"", b"x" * 100]

    def serve(listener: socket.socket) -> None:
        for answer in answers:
            accepted, _ = listener.accept()
            with accepted:
                accepted.recv(1000)
                accepted.sendall(answer)

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(private / "socket"))
        listener.listen()
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        for _ in answers:
            with pytest.raises(OperationError):
                client.call(private / "socket", "status", {}, PATIENCE_S)
        thread.join()


def test_a_listener_with_a_full_queue_is_tried_again(private: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(private / "socket"))
        listener.listen(0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as first, ThreadPoolExecutor(1) as pool:
            first.connect(str(private / "socket"))  # fills the queue
            answer = pool.submit(client.call, private / "socket", "status", {}, PATIENCE_S)
            while not answer.done():
                listener.settimeout(PATIENCE_S)
                accepted, _ = listener.accept()
                with accepted:
                    if accepted.getpeername() is not None and (line := _line_within(accepted, 1.0)):
                        assert json.loads(line)["method"] == "status"
                        accepted.sendall(wire.encode_reply(1, {"ok": True}))
                        break
            assert answer.result(PATIENCE_S) == {"ok": True}


def _line_within(accepted: socket.socket, seconds: float) -> bytes:
    accepted.settimeout(seconds)
    try:
        return accepted.recv(1000)
    except TimeoutError:
        return b""
