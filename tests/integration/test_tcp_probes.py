"""Probes of the kernel in a child's connection: set from outside."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from gitsync.git.remote import tcp_probes

CHILD = """
import socket, sys
end = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print("connected", flush=True)
sys.stdin.readline()
names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
found = [end.getsockopt(socket.IPPROTO_TCP, name) for name in names]
print(end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), *found)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's system call")
def test_the_connections_of_a_child_are_probed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        argv = [sys.executable, "-c", CHILD, str(listener.getsockname()[1])]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "connected\n"
            assert tcp_probes.probe(child.pid, idle_s=19, every_s=10, count=6)
            assert child.communicate("\n", timeout=30)[0] == "1 19 10 6\n"


def test_what_has_no_connection_or_is_gone_has_no_probes() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:
        assert not tcp_probes.probe(child.pid, idle_s=19, every_s=10, count=6)
    assert not tcp_probes.probe(child.pid, idle_s=19, every_s=10, count=6)
