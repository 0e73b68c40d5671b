"""Lock files that nobody can hold any more: what a kill or a power cut left of git's locks, and their removal.

Any thread; owns nothing. git takes a lock away when it is told to end, but not when it is killed: then every later git
fails on it. A lock that is older than the running system is dead. So is one that is older than every process that
could hold it: a git, or a process that has it open. Where that cannot be known (a network file system, the processes
of another container, another system than Linux) the lock stays, and the error names it.
"""

from __future__ import annotations

import logging
import os
import secrets
import shlex
from collections.abc import Iterator
from pathlib import Path

from gitsync.clock import SystemClock
from gitsync.git.remote.errors import clean

logger = logging.getLogger(__name__)

# git holds its locks for moments, but for those that a person's editor keeps open; so does gitsync (seconds).
HELD_S = 10.0
# The instants of a file and of a process come from different clocks, which tick this much apart (seconds).
_BLUR_S = 2.0
# The inode number of the first process namespace, PROC_PID_INIT_INO in Linux' include/linux/proc_ns.h.
_FIRST_NAMESPACE = "pid:[4026531836]"
_REMOTE = frozenset(("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs", "glusterfs", "lustre", "virtiofs"))
_TOP = ("index", "HEAD", "config", "packed-refs", "shallow", "ORIG_HEAD", "FETCH_HEAD")


def is_dead(lock: str | Path) -> bool:
    """Return whether nobody can hold the lock file at this path any more; any doubt is no."""
    try:
        facts = os.lstat(lock)
    except OSError:
        return False
    if SystemClock().wall() - facts.st_mtime <= HELD_S or _is_on_network(facts.st_dev):
        return False
    booted_at = when_booted()
    if booted_at is None:
        return False
    if facts.st_mtime < booted_at - _BLUR_S:
        return True
    if os.readlink("/proc/self/ns/pid") != _FIRST_NAMESPACE or os.geteuid() not in (0, facts.st_uid):
        return False
    return not any(may_hold(pid, facts, booted_at) for pid in os.listdir("/proc") if pid.isdigit())


def remove_if_dead(lock: str | Path) -> bool:
    """Remove a lock that nobody can hold any more; return whether it is gone. Raise OSError where that is refused."""
    path = os.fspath(lock)
    try:
        before = os.lstat(path)
    except FileNotFoundError:
        return True
    if not is_dead(path):
        return False
    # Another process may have done the same, and taken the lock, a moment ago: what is moved away is looked at again.
    aside = f"{path}.dead-{secrets.token_hex(4)}"
    try:
        os.rename(path, aside)
    except FileNotFoundError:
        return True
    after = os.lstat(aside)
    if (after.st_dev, after.st_ino) != (before.st_dev, before.st_ino):
        os.link(aside, path)
        os.unlink(aside)
        return False
    os.unlink(aside)
    logger.info("removed %s, which was left when a process was killed", clean(path))
    return True


def hint(lock: str | Path) -> str:
    """Return what to do about a lock that is held for long, "" for one that is not."""
    try:
        age = SystemClock().wall() - os.lstat(lock).st_mtime
    except OSError:
        return ""
    return f"if no git is at work there any more: rm {shlex.quote(clean(str(lock)))}" if age > HELD_S else ""


def sweep(git_dir: str, common_dir: str) -> None:
    """Remove every lock of a repository that nobody can hold any more; what cannot be removed stays."""
    for lock in _locks(git_dir, common_dir):
        try:
            remove_if_dead(lock)
        except OSError as error:
            logger.warning("cannot remove %s: %s", clean(str(lock)), error.strerror)


def _locks(git_dir: str, common_dir: str) -> Iterator[Path]:
    for directory in dict.fromkeys((git_dir, common_dir)):
        yield from (path for name in _TOP if os.path.lexists(path := Path(directory, f"{name}.lock")))
    yield from Path(common_dir, "refs").glob("**/*.lock")


def may_hold(pid: str, lock: os.stat_result, booted_at: float) -> bool:
    """Return whether a process may hold the lock with these facts: it is a git that is older, or has it open."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            name, _, rest = stream.read().partition(b"(")[2].rpartition(b")")
        started_at = booted_at + int(rest.split()[19]) / os.sysconf("SC_CLK_TCK")
        # gitsync's own locks say who made them, but for those of its git children.
        if (name == b"git" or name.startswith(b"git-")) and started_at <= lock.st_mtime + _BLUR_S:
            return True
        return any(_is_open_there(f"/proc/{pid}/fd/{fd}", lock) for fd in os.listdir(f"/proc/{pid}/fd"))
    except (FileNotFoundError, ProcessLookupError):
        return False  # it has ended meanwhile
    except PermissionError:
        return False  # another user's; that it is no git is known by then


def _is_open_there(descriptor: str, lock: os.stat_result) -> bool:
    try:
        facts = os.stat(descriptor)
    except OSError:
        return False
    return (facts.st_dev, facts.st_ino) == (lock.st_dev, lock.st_ino)


def when_booted() -> float | None:
    """Return when the system was started, in seconds since the epoch; None where /proc does not say so."""
    try:
        with open("/proc/stat", encoding="ascii") as stream:
            return next((float(line.split()[1]) for line in stream if line.startswith("btime ")), None)
    except OSError:
        return None


def _is_on_network(device: int) -> bool:
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return True
    for line in lines:
        mount, _, kind = line.partition(" - ")
        if mount.split()[2] == wanted:
            name = kind.split()[0]
            return name in _REMOTE or name.startswith("fuse")
    return False
