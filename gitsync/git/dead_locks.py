"""Lock files that nobody can hold any more: what a kill or a power cut left of git's locks, and their removal.

Any thread; owns nothing. git removes its locks when it is terminated, but not when it is killed: then every later git
fails on it. A lock that is older than the running system is dead. So is one that is older than every process that
could hold it: a git that works on the repository, or a process that has it open. Where that cannot be known (a network
file system, the processes of another container, another system than Linux) the lock stays, and the error names it.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gitsync.clock import SystemClock
from gitsync.git.objects.store import common_dir
from gitsync.text import clean

logger = logging.getLogger(__name__)

# git holds its locks for moments, but for those that a person's editor keeps open; so does gitsync (seconds).
HELD_S = 10.0
# The instants of a file and of a process come from different clocks, which tick this much apart (seconds).
_BLUR_S = 2.0
# The inode number of the first process namespace, PROC_PID_INIT_INO in Linux' include/linux/proc_ns.h.
_FIRST_NAMESPACE = "pid:[4026531836]"
_REMOTE = frozenset(("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs", "glusterfs", "lustre", "virtiofs"))
# In the git directory itself: HEAD and what is called like it, and what git writes there besides.
_TOP = re.compile(r"(?:[A-Z_]+|index|index\.stash\.\d+|config|config\.worktree|packed-refs|shallow|gc\.pid)\.lock")


def is_dead(lock: str | Path, wall: float | None = None) -> bool:
    """Return whether nobody can hold the lock file at this path any more; any doubt is no.

    `wall` is the time in seconds since the epoch (default: now).
    """
    try:
        facts = os.lstat(lock)
    except OSError:
        return False
    wall = SystemClock().wall() if wall is None else wall
    if wall - facts.st_mtime <= HELD_S or _is_on_network(facts.st_dev):
        return False
    booted_at = when_booted()
    if booted_at is None:
        return False
    if facts.st_mtime < booted_at - _BLUR_S:
        return True
    if os.readlink("/proc/self/ns/pid") != _FIRST_NAMESPACE or os.geteuid() not in (0, facts.st_uid):
        return False
    held = HeldLock(facts, booted_at, _places_of(Path(lock)))
    return not any(held.is_by(pid) for pid in os.listdir("/proc") if pid.isdigit())


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
    aside = f"{path}.dead-{os.urandom(4).hex()}"
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


def sweep(git_dir: str, common_dir: str, *, since: float = 0.0) -> bool:
    """Remove every lock of a repository that nobody can hold any more; return whether there was one.

    With `since`, in seconds since the epoch, older ones stay. So does what cannot be removed.
    """
    is_any = False
    for lock in _locks(git_dir, common_dir):
        try:
            is_any |= os.lstat(lock).st_mtime >= since and remove_if_dead(lock)
        except FileNotFoundError:
            continue
        except OSError as error:
            logger.warning("cannot remove %s: %s", clean(str(lock)), error.strerror)
    return is_any


def age_s(git_dir: str, common_dir: str, since: float) -> float | None:
    """Return the age in seconds of the youngest lock that is not older than `since`, None without one."""
    made = [at for lock in _locks(git_dir, common_dir) if (at := _made_at(lock)) >= since]
    return SystemClock().wall() - max(made) if made else None


def _made_at(lock: Path) -> float:
    try:
        return os.lstat(lock).st_mtime
    except FileNotFoundError:
        return 0.0


def _locks(git_dir: str, common_dir: str) -> Iterator[Path]:
    for directory in dict.fromkeys((git_dir, common_dir)):
        yield from (path for path in Path(directory).glob("*.lock") if _TOP.fullmatch(path.name))
        # `git gc` takes what is old out of the logs, and fails where it cannot.
        yield from Path(directory, "logs").glob("**/*.lock")
        # git writes it under packed-refs.lock, and refuses to write it while it is there.
        yield from (path for path in (Path(directory, "packed-refs.new"),) if os.path.lexists(path))
    yield from Path(common_dir, "refs").glob("**/*.lock")
    # libgit2 calls a pack so that it is receiving; git locks the graph of commits, and its maintenance.
    yield from Path(common_dir, "objects").glob("*.lock")
    yield from Path(common_dir, "objects/pack").glob("*.lock")
    yield from Path(common_dir, "objects/info").glob("**/*.lock")


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock file; `places` are the real paths of its git directory and work trees."""

    facts: os.stat_result
    booted_at: float
    places: tuple[str, ...]

    def is_by(self, pid: str) -> bool:
        """Return whether this process may hold the lock: it is an older git that works there, or has it open."""
        try:
            with open(f"/proc/{pid}/stat", "rb") as stream:
                name, _, rest = stream.read().partition(b"(")[2].rpartition(b")")
            started_at = self.booted_at + int(rest.split()[19]) / os.sysconf("SC_CLK_TCK")
            is_older = started_at <= self.facts.st_mtime + _BLUR_S
            # gitsync's own locks say who made them, but for those of its git children.
            if is_older and (name == b"git" or name.startswith(b"git-")) and self._is_worked_on(pid):
                return True
            return any(self._is_open(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
        except (FileNotFoundError, ProcessLookupError):
            return False  # it has ended meanwhile
        except PermissionError:
            return False  # another user's; that it is not such a git is known by then

    def _is_worked_on(self, pid: str) -> bool:
        """Whether a git works on the repository: its working directory, an option or its environment says so."""
        try:
            directory = os.readlink(f"/proc/{pid}/cwd")
            with open(f"/proc/{pid}/cmdline", "rb") as argv, open(f"/proc/{pid}/environ", "rb") as environment:
                said = b"\0" + argv.read() + environment.read()
        except PermissionError:
            return True
        return (
            any(directory == place or directory.startswith(f"{place}/") for place in self.places)
            or any(os.fsencode(place) in said for place in self.places)
            or b"\0--git-dir" in said
            or b"\0GIT_DIR=" in said
        )

    def _is_open(self, descriptor: str) -> bool:
        try:
            facts = os.stat(descriptor)
        except OSError:
            return False
        return (facts.st_dev, facts.st_ino) == (self.facts.st_dev, self.facts.st_ino)


def _places_of(lock: Path) -> tuple[str, ...]:
    """Return git dir and work trees of the repository that a lock belongs to; without one the lock's directory."""
    git_dir = next(filter(_is_git_dir, lock.parents), lock.parent)
    common = Path(common_dir(str(git_dir)))
    found = [git_dir, common, *(place.parent for place in (git_dir, common) if place.name == ".git")]
    for linked in common.glob("worktrees/*/gitdir"):
        with suppress(OSError):  # it is being removed
            found.append(Path(linked.read_text("utf-8", "surrogateescape").strip()).parent)
    return tuple(dict.fromkeys(os.path.realpath(place) for place in found))


def _is_git_dir(directory: Path) -> bool:
    """Whether it is one: that of a remote's refs and that of the logs have a HEAD, too."""
    return (directory / "HEAD").exists() and any((directory / name).exists() for name in ("objects", "commondir"))


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
