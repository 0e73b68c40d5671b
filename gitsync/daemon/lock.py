"""Locks that allow only one gitsync per user and one per repository.

Both are flocks, which do not survive a crash. The user's lock is a file in the state directory that contains the PID; a
repository's lock is taken on its git directory itself, so that no lock file is left in it.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
from contextlib import suppress
from pathlib import Path

from gitsync.errors import AlreadyRunningError, OperationError
from gitsync.git.mounts import mounted_apart

logger = logging.getLogger(__name__)

# A directory for locks that all users of this machine share.
SHARED = Path("/run/lock")

# What those write behind their PID that hold the user's lock for one piece of work.
_ENDS_SOON = b"ends soon\n"

# Errors of file systems without flock (some NFS and FUSE): there, the user's lock must suffice.
UNSUPPORTED = frozenset({errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


def is_answering(path: Path) -> bool:
    """Whether a daemon listens on a socket."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            probe.connect(os.fspath(path))
    except OSError:
        return False
    return True


class InstanceLock:
    """The user's lock: held by the daemon, or (`ends_soon`) by `--once` and by commands that work without a daemon."""

    def __init__(self, path: Path, *, ends_soon: bool = False) -> None:
        self._path = path
        self._mark = _ENDS_SOON if ends_soon else b""
        self._fd: int | None = None

    @property
    def fd(self) -> int:
        """Return the descriptor that holds the lock; it must stay open when the daemon closes descriptors."""
        assert self._fd is not None
        return self._fd

    def acquire(self) -> None:
        """Take the lock. Raise AlreadyRunningError with the holder's PID."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise OperationError(
                f"cannot open the lock file {self._path}: {error.strerror}", "check the permissions of its directory"
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 32, 0).removesuffix(_ENDS_SOON).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise AlreadyRunningError(
                f"gitsync is already running with PID {holder}, which holds {self._path}",
                "to see its state: gitsyncctl status; to stop it: gitsyncctl stop",
            ) from None
        self._fd = fd
        self.write_pid()

    def is_free_soon(self) -> bool:
        """Whether it is held by what works for a while and ends, not by a daemon."""
        try:
            return self._path.read_bytes().endswith(_ENDS_SOON)
        except OSError:
            return False

    def write_pid(self) -> None:
        """Write this process's PID into the lock file; to be repeated after a fork.

        The lock is held without it, too: a daemon that starts on a full disk goes on when there is space again.
        """
        try:
            os.ftruncate(self.fd, 0)
            os.pwrite(self.fd, f"{os.getpid()}\n".encode() + self._mark, 0)
        except OSError as error:
            logger.warning("cannot write the PID to %s: %s", self._path, error.strerror)

    def hand_over(self) -> None:
        """Forget the lock in this process; the forked child continues to hold it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def release(self) -> None:
        """Release the lock. The file stays: after removing a lock file, two processes could hold one lock."""
        if self._fd is not None:
            with suppress(OSError):  # a PID that is left is not taken for a lock
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None


class RepositoryLocks:
    """The locks on the git directories of the repositories that this process works on."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}

    def acquire(self, name: str, root: Path) -> None:
        """Take the lock of a repository, by name. Raise AlreadyRunningError with the holder's PID where known."""
        if name in self._held:
            return
        git_dir = git_dir_of(root)
        try:
            fd = _open(git_dir)
        except OSError:
            return  # missing or unreadable: opening the repository reports that
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(fd)
            os.close(fd)
            raise AlreadyRunningError(
                f"{root} is in use by another gitsync with PID {holder}",
                f"stop that one first, or remove {name} from this configuration",
            ) from None
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                os.close(fd)
                raise
            logger.debug("no flock on %s: %s", git_dir, error)
        self._held[name] = fd

    def release(self, name: str) -> None:
        """Release the lock of one repository."""
        fd = self._held.pop(name, None)
        if fd is not None:
            os.close(fd)

    def release_all(self) -> None:
        """Release the locks of all repositories."""
        for name in list(self._held):
            self.release(name)


def _open(git_dir: Path) -> int:
    """Open the file to lock: the git directory itself; for one that can be unmounted, a file in its stead.

    An open directory would keep a stick from being unmounted.
    """
    if mounted_apart(str(git_dir)) is None or not SHARED.is_dir():
        return os.open(git_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    facts = git_dir.stat()
    path = SHARED / f"gitsync-{facts.st_dev}-{facts.st_ino}.lock"
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags)  # another user's, maybe, who may not be asked to create it again
    except FileNotFoundError:
        return os.open(path, flags | os.O_CREAT, 0o644)


def git_dir_of(root: Path) -> Path:
    """Return the git directory of a work tree, also for a `.git` file (linked work tree, submodule)."""
    entry = root / ".git"
    try:
        text = entry.read_text("utf-8", "surrogateescape") if entry.is_file() else ""
    except OSError:
        return entry
    if text.startswith("gitdir:"):
        return (root / text.removeprefix("gitdir:").strip()).resolve()
    return entry


def _holder(fd: int) -> str:
    """Return the PID that holds a flock on the file of `fd`, from Linux's /proc/locks; "unknown" elsewhere."""
    facts = os.fstat(fd)
    wanted = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}:{facts.st_ino}"
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return "unknown"
    for line in lines:
        fields = line.split()
        if "FLOCK" in fields and wanted in fields:
            return fields[fields.index(wanted) - 1]
    return "unknown"
