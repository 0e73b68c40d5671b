"""Which descriptors are taken for the control socket, with real sockets in a process of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Puts what it is given at descriptor 3, as systemd does, and asks.
CHILD = """
import os, sys
from pathlib import Path
from gitsync.daemon.socket_activation import inherited
from gitsync.errors import OperationError
path, fd, count, is_ours = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4] == "ours"
if fd != 3:
    os.dup2(fd, 3)
environment = {"LISTEN_PID": str(os.getpid() if is_ours else 1), "LISTEN_FDS": count, "LISTEN_FDNAMES": "control"}
try:
    print(inherited(path, environment), os.get_inheritable(3), environment)
except OperationError as error:
    print("refused:", error.message)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    return directory / "socket"


def ask(path: Path, fd: int, count: str = "1", whose: str = "ours") -> str:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), str(fd), count, whose],
        check=True,
        pass_fds=[fd],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip()


def listener(path: Path, *, mode: int = 0o600, kind: int = socket.SOCK_STREAM) -> socket.socket:
    it = socket.socket(socket.AF_UNIX, kind)
    it.bind(str(path))
    path.chmod(mode)
    if kind == socket.SOCK_STREAM:
        it.listen()
    return it


def test_a_listening_socket_at_the_right_place_is_taken(path: Path) -> None:
    with listener(path) as given:
        assert ask(path, given.fileno()) == "3 False {}"


def test_what_is_meant_for_another_process_is_left_alone(path: Path) -> None:
    with listener(path) as given:
        assert ask(path, given.fileno(), whose="another's").startswith("None")
        assert ask(path, given.fileno(), count="0").startswith("None")


def wrong_place(path: Path) -> socket.socket:
    listener(path).close()
    return listener(path.with_name("other"))


def wide_directory(path: Path) -> socket.socket:
    path.parent.chmod(0o755)
    return listener(path)


def not_listening(path: Path) -> socket.socket:
    it = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    it.bind(str(path))
    path.chmod(0o600)
    return it


def over_the_network(path: Path) -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (wrong_place, "not"),
        (wide_directory, "0700"),
        (lambda path: listener(path, mode=0o660), "0600"),
        (lambda path: listener(path, kind=socket.SOCK_DGRAM), "not a listening Unix stream socket"),
        (not_listening, "not a listening Unix stream socket"),
        (over_the_network, "not a listening Unix stream socket"),
    ],
    ids=["another path", "open directory", "open file", "datagrams", "not listening", "network"],
)
def test_anything_else_is_refused(path: Path, make: Callable[[Path], socket.socket], said: str) -> None:
    with make(path) as given:
        answer = ask(path, given.fileno())
    assert answer.startswith("refused: ")
    assert said in answer


def test_several_sockets_and_files_are_refused(path: Path) -> None:
    with listener(path) as given:
        assert ask(path, given.fileno(), count="2").startswith("refused: 2 sockets")
    fd = os.open(path.parent, os.O_RDONLY)
    try:
        assert ask(path, fd).startswith("refused: the passed descriptor is not a socket")
    finally:
        os.close(fd)
