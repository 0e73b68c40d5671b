"""Finds out whether an ssh server gives this user a shell, once for each server and user, and remembers it.

Any thread. Forges, gitolite and git-shell give none: they refuse the command, and are not asked again for a month. The
answer is in a small file in the state directory, shared by all repositories; losing it costs one more question.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gitsync import clock, places, proc
from gitsync.git.files import write_durably
from gitsync.git.program import ASK_NOBODY
from gitsync.git.remote import noninteractive_env, ssh_master
from gitsync.git.remote.results import IsCancelled, never

FILE = "ssh-servers.json"
REMEMBERED_S = 30 * 86_400.0
# ssh's own errors; everything else is the exit status of the command over there, or of what refused it.
SSH_FAILED = 255
ASK_S = 30.0
# So long the answer to another thread's question is waited for, and so often it is looked for (seconds).
WAIT_S, LOOK_EVERY_S = 10.0, 0.05
# Computed over there: a server that only repeats the command does not pass for one with a shell.
QUESTION, ANSWER = "exec sh -c 'echo gitsync-$((6*7))'", b"gitsync-42"


def gives_shell(
    root: Path, remote: str, *, timeout_s: float = ASK_S, is_cancelled: IsCancelled = never, line: str = ""
) -> bool | None:
    """Return whether the server of `remote` runs commands for this user; None where that is not known now.

    None also where another thread asks and gets no answer; False for remotes that are not reached by OpenSSH. `line` is
    the path of a connection that is kept open (`SshMaster`). Raise OperationError when git's configuration cannot
    be read.
    """
    server = ssh_master.server_of(root, remote)
    if server is None:
        return False
    key, wall = " ".join(server), clock.SystemClock().wall()
    known = _known(key, wall)
    if known is not None:
        return known
    with _asking(is_cancelled) as is_alone:
        known = _known(key, wall)
        if known is None and is_alone:
            known = _ask(root, server, timeout_s, is_cancelled, line)
            if known is not None:
                _remember(key, known, wall)
        return known


def _ask(root: Path, server: Sequence[str], timeout_s: float, is_cancelled: IsCancelled, line: str) -> bool | None:
    connect_s = max(1, min(noninteractive_env.CONNECT_TIMEOUT_MAX_S, int(timeout_s)))
    options = ["BatchMode=yes", f"ConnectTimeout={connect_s}", "ControlMaster=no"]
    options += [f"ControlPath={line}"] if line else []
    argv = ssh_master.client(root, server, options, command=QUESTION)
    if argv is None:
        return False
    done = proc.run(argv, deadline_s=timeout_s, env=ASK_NOBODY, is_cancelled=is_cancelled)
    if ANSWER in done.stdout.split():
        return True
    is_refused = 0 <= done.returncode < SSH_FAILED and not done.is_over_deadline and not done.is_cancelled
    return False if is_refused else None


@contextmanager
def _asking(is_cancelled: IsCancelled) -> Iterator[bool]:
    """Give whether no other thread or process asks a server meanwhile; those that ask now are waited for."""
    ends_at = clock.SystemClock().now() + WAIT_S
    handle = os.open(places.state_dir() / f"{FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not (is_alone := _lock(handle)) and not is_cancelled() and clock.SystemClock().now() < ends_at:
            clock.sleep(LOOK_EVERY_S)
        yield is_alone
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _known(key: str, wall: float) -> bool | None:
    found = _read().get(key)
    if not isinstance(found, dict) or not isinstance(found.get("shell"), bool):
        return None
    at = found.get("at")
    return found["shell"] if isinstance(at, int | float) and 0 <= wall - at < REMEMBERED_S else None


def _remember(key: str, has_shell: bool, wall: float) -> None:
    write_durably(
        places.state_dir() / FILE, json.dumps({**_read(), key: {"shell": has_shell, "at": int(wall)}}).encode()
    )


def _read() -> dict[str, Any]:
    try:
        found = json.loads((places.state_dir() / FILE).read_bytes())
    except (OSError, ValueError):
        return {}  # asked again
    return found if isinstance(found, dict) else {}
