"""Checks the control socket that systemd passes (`gitsync.socket`): its descriptor, and whether it is private.

Runs on the main thread before any other. The rules are those for a socket that gitsync binds itself: the expected path,
file mode 0600, in a private directory. The protocol is sd_listen_fds(3).
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import MutableMapping
from pathlib import Path

from gitsync.errors import OperationError

FIRST_FD = 3


def inherited(path: Path, environment: MutableMapping[str, str] = os.environ) -> int | None:
    """Return the descriptor of the listening socket that systemd passed for `path`; None when there is none.

    Raise OperationError when it is something else, or accessible to others.
    """
    pid, count = environment.pop("LISTEN_PID", ""), environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or count in ("", "0"):
        return None
    if count != "1":
        raise _refused(f"{count} sockets were passed, and gitsync listens on one", path)
    os.set_inheritable(FIRST_FD, False)
    try:
        facts = os.fstat(FIRST_FD)
        with socket.socket(fileno=os.dup(FIRST_FD)) as given:
            is_listening = given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
            is_local_stream = given.family == socket.AF_UNIX and given.type == socket.SOCK_STREAM
            name = given.getsockname() if is_local_stream else ""
    except OSError as error:
        raise _refused(f"the passed descriptor is not a socket ({error.strerror})", path) from error
    if not (is_local_stream and is_listening and stat.S_ISSOCK(facts.st_mode)):
        raise _refused("the passed descriptor is not a listening Unix stream socket", path)
    if os.fsencode(name) != os.fsencode(path):
        raise _refused(f"the passed socket is {os.fsdecode(name) or 'nameless'}, not {path}", path)
    _check_private(path)
    return FIRST_FD


def _check_private(path: Path) -> None:
    try:
        file, directory = path.lstat(), path.parent.lstat()
    except OSError as error:
        raise _refused(f"cannot access {path}: {error.strerror}", path) from error
    uid = os.geteuid()
    if file.st_uid != uid or stat.S_IMODE(file.st_mode) & 0o077:
        raise _refused(f"the socket {path} must be accessible to you only (mode 0600)", path)
    if not stat.S_ISDIR(directory.st_mode) or directory.st_uid != uid or directory.st_mode & 0o077:
        raise _refused(f"the socket's directory {path.parent} must be accessible to you only (mode 0700)", path)


def _refused(what: str, path: Path) -> OperationError:
    return OperationError(
        what, f"in gitsync.socket: ListenStream={path}, SocketMode=0600, DirectoryMode=0700", code="socket"
    )
