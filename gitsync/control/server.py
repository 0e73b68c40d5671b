"""The control socket: who may connect, how many, for how long; what the words mean is `dispatch`'s business.

Thread `control` owns the listening socket; each connection has a daemon thread of its own, which owns that connection
and calls `dispatch` there. The connections' set is shared, under the one lock here. `start` and `stop` belong to the
thread that owns the server. The caller holds the lock of the instance before it starts one.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import resource
import select
import selectors
import socket
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gitsync.clock import SystemClock
from gitsync.control import wire
from gitsync.control.connection import SEND_TIMEOUT_S, Connection, EventQueue
from gitsync.control.peer import peer_uid
from gitsync.errors import OperationError

logger = logging.getLogger(__name__)

MAX_CONNECTIONS, LEAST_CONNECTIONS = 64, 4
# Of the descriptors that the process may have, so many are for everything else: repositories, watches, children.
KEPT_DESCRIPTORS = 52
BACKLOG = 128
# How long to wait with the next accept when the process is out of descriptors or memory.
SHORTAGE_PAUSE_S = 0.2
_IS_LINUX = sys.platform == "linux"
_SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class ControlServer:
    """Answers JSON-RPC on a Unix socket.

    `dispatch(method, params)` gets parameters that the table of commands has checked and filled in; it runs on many
    threads at once. `on_bug` hears of every exception that is not a GitsyncError. `listen_fd` is a listening socket
    that somebody else bound (socket activation); it is used as it is, and its file is not removed.
    """

    def __init__(
        self,
        path: Path,
        dispatch: Callable[[str, dict[str, Any]], dict[str, Any]],
        subscribe: Callable[[], EventQueue],
        listen_fd: int | None = None,
        on_bug: Callable[[BaseException], None] | None = None,
        *,
        send_timeout_s: float = SEND_TIMEOUT_S,
    ) -> None:
        self._send_timeout_s = send_timeout_s
        self.path = path
        self._dispatch = dispatch
        self._subscribe = subscribe
        self._listen_fd = listen_fd
        self._on_bug = on_bug
        self._listener: socket.socket | None = None
        self._bound: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None
        self._is_stopping = False
        self._guard = threading.Lock()
        self._connections: dict[Connection, threading.Thread] = {}
        self._count = 0
        self._most = _most_connections()

    def start(self) -> None:
        """Listen. Raise OperationError when the path or its directory is not what it must be."""
        self._listener = self._bind() if self._listen_fd is None else socket.socket(fileno=self._listen_fd)
        self._listener.setblocking(False)
        self._wake, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Take no more requests, let running ones answer within `timeout_s` seconds, then cut them off.

        The socket's file is removed when it is still the one that was made here. May be called twice.
        """
        if self._listener is None or self._thread is None:
            return
        now = SystemClock().now
        ends_at = now() + timeout_s
        self._is_stopping = True
        self._waker.send(b"x")
        self._thread.join(timeout_s)
        # After the thread, so that nobody connects to a file that leads nowhere and the file goes exactly once.
        self._remove_file()
        self._listener.close()
        self._listener = None
        with self._guard:
            connections = dict(self._connections)
        for connection in connections:
            connection.hang_up()
        for thread in connections.values():
            if thread is not threading.current_thread():
                thread.join(max(0.0, ends_at - now()))
        for connection, thread in connections.items():
            if thread.is_alive() and thread is not threading.current_thread():
                logger.warning("a control connection was cut off at the stop")
                connection.cut_off()
        self._wake.close()
        self._waker.close()

    def _bind(self) -> socket.socket:
        directory = self.path.parent
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_directory(directory)
            self._remove_stale()
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as error:
            raise self._cannot_listen(error) from error
        try:
            _bind_private(listener, self.path)
            facts = self.path.lstat()
            self._bound = (facts.st_dev, facts.st_ino)
            if stat.S_IMODE(facts.st_mode) != 0o600:
                self.path.chmod(0o600)
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            self._remove_file()
            raise self._cannot_listen(error) from error
        return listener

    def _cannot_listen(self, error: OSError) -> OperationError:
        return OperationError(
            f"cannot listen on {self.path}: {error.strerror or error}",
            "choose another place with --socket or $GITSYNC_SOCKET",
        )

    def _remove_stale(self) -> None:
        """Remove what a crash left: the caller holds the lock, so nobody listens there any more."""
        try:
            facts = self.path.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(facts.st_mode):
            raise OperationError(
                f"{self.path} is in the way: it is not a socket", "move it away, or choose another place with --socket"
            )
        self.path.unlink()

    def _remove_file(self) -> None:
        if self._bound is None:
            return
        with contextlib.suppress(FileNotFoundError):
            facts = self.path.lstat()
            if (facts.st_dev, facts.st_ino) == self._bound:
                self.path.unlink()
        self._bound = None

    def _run(self) -> None:
        assert self._listener is not None
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._listener, selectors.EVENT_READ)
                selector.register(self._wake, selectors.EVENT_READ)
                while not self._is_stopping:
                    if any(key.fileobj is self._listener for key, _ in selector.select()) and not self._is_stopping:
                        self._accept(self._listener)
        except Exception as error:  # noqa: BLE001 - the thread's last line: a deaf daemon must not go unnoticed
            self._report_bug(error)

    def _accept(self, listener: socket.socket) -> None:
        try:
            accepted, _ = listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # who knocked is gone again
        except OSError as error:
            if error.errno not in _SHORTAGES:
                raise
            logger.warning("cannot take a control connection: %s", error.strerror)
            self._drop_idlest()
            select.select([self._wake], [], [], SHORTAGE_PAUSE_S)  # a selector would need a descriptor of its own
            return
        try:
            uid = peer_uid(accepted)
        except OSError:
            accepted.close()  # gone again, or a system that does not tell: either way nobody to talk to
            return
        if uid not in (0, os.geteuid()):
            logger.warning("refused a control connection of user %d", uid)
            accepted.close()
            return
        self._take_in(accepted)

    def _take_in(self, accepted: socket.socket) -> None:
        self._count += 1
        connection = Connection(
            accepted, self._dispatch, self._subscribe, self._report_bug, self._forget, self._send_timeout_s
        )
        thread = threading.Thread(target=connection.serve, name=f"control-{self._count}", daemon=True)
        if len(self._connections) >= self._most and not self._drop_idlest():
            _turn_away(accepted, f"there are {self._most} control connections already")
            return
        with self._guard:
            self._connections[connection] = thread
        try:
            thread.start()
        except RuntimeError as error:  # out of threads
            logger.warning("cannot serve a control connection: %s", error)
            with self._guard:
                del self._connections[connection]
            _turn_away(accepted, "the system has no more threads")

    def _drop_idlest(self) -> bool:
        """Hang up on the connection that has been idle for longest; return whether there was one."""
        with self._guard:
            idle = [(since, each) for each in self._connections if (since := each.idle_since) is not None]
            if not idle:
                return False
            _, idlest = min(idle, key=lambda item: item[0])
            del self._connections[idlest]
        idlest.hang_up()
        return True

    def _forget(self, connection: Connection) -> None:
        with self._guard:
            self._connections.pop(connection, None)

    def _report_bug(self, error: BaseException) -> None:
        logger.error("a bug on the control socket", exc_info=error)
        if self._on_bug is not None:
            self._on_bug(error)


def _most_connections() -> int:
    """Return how many connections may be open, so that enough descriptors are left for commits and exchanges."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(LEAST_CONNECTIONS, min(MAX_CONNECTIONS, allowed - KEPT_DESCRIPTORS))


def _check_directory(directory: Path) -> None:
    facts = directory.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise OperationError(
            f"the socket's directory {directory} must be yours alone (a real directory, mode 0700)",
            f"run: chmod 700 {directory}, or choose another place with --socket",
        )


def _bind_private(listener: socket.socket, path: Path) -> None:
    """Bind with mode 0600 from the first moment."""
    if _IS_LINUX:
        # The file takes its mode from the socket's own inode. The umask belongs to the whole process: changed here,
        # other threads would write a user's files with the wrong modes for that moment.
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(os.fsencode(path))
        return
    mask = os.umask(0o177)
    try:
        listener.bind(os.fsencode(path))
    finally:
        os.umask(mask)


def _turn_away(accepted: socket.socket, why: str) -> None:
    """Say why and hang up, without waiting: an empty send buffer takes this line whole."""
    with contextlib.closing(accepted), contextlib.suppress(OSError):
        accepted.settimeout(SEND_TIMEOUT_S)
        hint = "try again in a moment"
        data = {"code": "busy", "hint": hint, "exit": 4}
        accepted.sendall(wire.encode_fault(wire.Fault(wire.BUSY, why, data=data)))
