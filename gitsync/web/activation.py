"""The page as a service: the sockets that systemd passes (`gitsync-web.socket`), and the way in for `gitsyncctl web`.

systemd listens on a port of this machine and on a Unix socket in the runtime directory, and starts the page at the
first call of either. Who can connect to the Unix socket is the user whose page it is, and gets an address that lets in
once. `passed` runs on the main thread before any other; `answer` on the event loop's; `visit` in the control command.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import os
import socket
import stat
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitsync import places
from gitsync.control.peer import peer_uid
from gitsync.errors import OperationError, UsageError

FIRST_FD = 3
NAME = "web"
# It may have to be started first.
ANSWER_S = 15.0
ASK_S = 5.0
LINE_MAX = 10_000
HINT = "as in the packaged gitsync-web.socket: ListenStream=127.0.0.1:7448, ListenStream=%t/gitsync/web"


@dataclass(frozen=True, slots=True)
class Passed:
    """The sockets of the service: that of the pages, and that of the control command."""

    page: socket.socket
    door: socket.socket


def passed(environment: MutableMapping[str, str] = os.environ) -> Passed | None:
    """Return the sockets that systemd passed to this process, None where it was not started so.

    Raise OperationError for any other than one on a loopback address and a private one in the file system.
    """
    pid, count = environment.pop("LISTEN_PID", ""), environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or count in ("", "0"):
        return None
    if count != "2":
        raise OperationError(f"the page needs two sockets, and was passed {count}", HINT, code="socket")
    found = [socket.socket(fileno=number) for number in (FIRST_FD, FIRST_FD + 1)]
    for each in found:
        os.set_inheritable(each.fileno(), False)
    page = next((each for each in found if each.family in (socket.AF_INET, socket.AF_INET6)), None)
    door = next((each for each in found if each.family == socket.AF_UNIX), None)
    if page is None or door is None or any(each.type != socket.SOCK_STREAM for each in found):
        raise OperationError("the page was passed other sockets than it needs", HINT, code="socket")
    if not ipaddress.ip_address(page.getsockname()[0]).is_loopback:
        raise UsageError(f"the page is not for other machines, as on {page.getsockname()[0]} without a password", HINT)
    _check_private(Path(os.fsdecode(door.getsockname())))
    return Passed(page, door)


def _check_private(path: Path) -> None:
    facts, above = path.lstat(), path.parent.lstat()
    if facts.st_uid != os.geteuid() or above.st_uid != os.geteuid() or stat.S_IMODE(above.st_mode) & 0o077:
        raise OperationError(f"others can reach {path}", "in gitsync-web.socket: DirectoryMode=0700", code="socket")


async def answer(door: socket.socket, entry: Callable[[str], dict[str, str]]) -> asyncio.Server:
    """Answer each line that comes to `door`, the page to begin at, with an entry; only this user's processes can."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, ValueError, TimeoutError):
            if peer_uid(writer.get_extra_info("socket")) == os.geteuid():
                start = await asyncio.wait_for(reader.readline(), ASK_S)
                writer.write(json.dumps(entry(start.decode("ascii").strip())).encode("ascii") + b"\n")
                await writer.drain()

    return await asyncio.start_unix_server(greet, sock=door)


def visit(start: str) -> dict[str, Any] | None:
    """Return an entry, to begin at `start`, of the page that is a service, which this starts; None without a service.

    Raise OperationError when it is there and does not answer.
    """
    try:
        path = places.runtime_dir() / NAME
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_S)
            connection.connect(str(path))
            connection.sendall(f"{start}\n".encode("ascii"))
            with connection.makefile("rb") as reader:
                line = reader.readline(LINE_MAX)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except OSError as error:
        raise _silent(error.strerror or str(error)) from error
    try:
        found = json.loads(line)
    except ValueError as error:
        raise _silent("it ended without an answer") from error
    return found if isinstance(found, dict) else None


def _silent(why: str) -> OperationError:
    return OperationError(
        f"the page that is a service does not answer: {why}",
        "to see why: systemctl --user status gitsync-web; to have a page without it: gitsyncctl web --port 0",
        code="web-service",
    )
