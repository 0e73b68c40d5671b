"""git's index lock, taken so that a crash of gitsync can be distinguished from a running git process. Committer thread.

The lock file identifies its owner: process, its start time, the boot, the machine, and a token that is recorded in the
state directory first; or it is a second name of the index that the owner has prepared. A lock whose recorded owner has
provably ended is removed at once, any other as soon as no process can hold it any more (`dead_locks`); until then it is
waited for.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from gitsync import proc
from gitsync.errors import TransientError
from gitsync.git.dead_locks import hint, remove_if_dead
from gitsync.git.files import remove, storage_error, write_durably, write_new

Replace = Callable[[Sequence[bytes | memoryview]], None]

_MARK = b"gitsync "
_ASK_S = 5.0


class IndexLock:
    """The lock on one repository's index; each instance belongs to one process and one thread."""

    def __init__(self, git_dir: str, repo_state_dir: Path, *, removes_dead_locks: bool = True) -> None:
        """Record this process as a possible owner; remove the records of ended ones."""
        self._removes_dead_locks = removes_dead_locks
        self.path = os.path.join(git_dir, "index.lock")
        self._notes = repo_state_dir
        self.sweep()
        self._token = os.urandom(16).hex()
        self._is_prepared = self._is_installed = False
        self._note = repo_state_dir / f"lock-{self._token}.json"
        self._own = os.path.join(git_dir, f"gitsync-{self._token}.tmp")
        write_durably(self._note, json.dumps({**myself(), "lock": self.path, "own": self._own}).encode())

    def close(self) -> None:
        """Remove this owner's record, and what an error has kept it from removing."""
        with suppress(OSError):  # then the record stays, and the next start does it
            for path in (self._own, self.prepared, self.aside, self.aside + ".lock", self.draft, self._note):
                with suppress(FileNotFoundError):
                    os.unlink(path)

    def is_held(self) -> bool:
        """Whether another process holds the lock, after removing a stale one."""
        return os.path.lexists(self.path) and not self._is_swept()

    @contextmanager
    def held(self, prepared: str | None = None) -> Iterator[Replace]:
        """Hold the lock; yield a function that installs a new index.

        A `prepared` index becomes the lock, as git does it, so that `install` ends both with one rename. Raise
        TransientError "index-locked" when another process holds the lock.
        """
        self._is_prepared = prepared is not None and self._acquire_by(prepared)
        if not self._is_prepared:
            self._acquire()
        self._is_installed = False
        try:
            yield self._replace
        finally:
            # After that rename the lock may be another process's.
            for path in (self._own,) if self._is_installed else (self.path, self._own):
                remove(path)

    @property
    def prepared(self) -> str:
        """The path of a prepared index."""
        return self._own + ".index"

    @property
    def draft(self) -> str:
        """The path of a file that becomes the lock of a ref."""
        return self._own + ".ref"

    @property
    def aside(self) -> str:
        """The path of an index that git works on."""
        return self._own + ".git"

    def prepare(self, data: Sequence[bytes | memoryview]) -> str:
        """Write a new index beside the real one, without the lock, and return its path, for `install`."""
        path = self.prepared
        index = self.path.removesuffix(".lock")
        try:
            self.discard()
            write_new(path, data)
            with suppress(FileNotFoundError):
                os.chmod(path, os.stat(index).st_mode & 0o777)
        except OSError as error:
            self.discard()
            raise storage_error(f"cannot write the index {index}", error) from error
        return path

    def install(self, path: str) -> None:
        """Put a prepared index in the place of the real one; the lock is held, and is gone if it is that index."""
        index = self.path.removesuffix(".lock")
        try:
            os.rename(self.path if self._is_prepared else path, index)
        except OSError as error:
            raise storage_error(f"cannot write the index {index}", error) from error
        self._is_installed = self._is_prepared
        self.discard()

    def discard(self) -> None:
        """Remove a prepared index that was not installed."""
        with suppress(FileNotFoundError):
            os.unlink(self.prepared)

    def refusal(self) -> TransientError:
        """Return the error that says who holds the lock, and how to remove a stale one."""
        way_out = hint(self.path) or "gitsync will try again when git has finished"
        return TransientError(f"another git process holds the index lock: {self.path}", way_out, code="index-locked")

    def sweep(self) -> None:
        """Remove the locks and temporary files of gitsync processes that have provably ended."""
        for note in self._notes.glob("lock-*.json"):
            try:
                owner = json.loads(note.read_bytes())
                token, lock, own = note.stem.removeprefix("lock-"), str(owner["lock"]), str(owner["own"])
            except (OSError, ValueError, KeyError, TypeError):
                continue  # truncated by a power cut: it proves nothing
            if lock != self.path or not is_gone(owner):
                continue
            if _token_in(lock) == token or _is_same(lock, own + ".index"):
                os.unlink(lock)
            for left in (own, own + ".index", own + ".git", own + ".git.lock", own + ".ref", note):
                with suppress(FileNotFoundError):
                    os.unlink(left)

    def _is_swept(self) -> bool:
        if _token_in(self.path) is not None:
            self.sweep()
        try:
            return remove_if_dead(self.path) if self._removes_dead_locks else not os.path.lexists(self.path)
        except OSError as error:
            raise storage_error(f"cannot remove the lock {self.path}", error) from error

    def _acquire_by(self, prepared: str) -> bool:
        try:
            os.link(prepared, self.path)
        except OSError:
            return False  # held, or a file system without hard links: the other way tells
        return True

    def _acquire(self) -> None:
        for is_last in (False, True):
            try:
                write_new(self._own, [_MARK + self._token.encode() + b"\n"])
                # A hard link appears with its content: the lock never exists without its owner.
                try:
                    os.link(self._own, self.path)
                except FileExistsError:
                    raise
                except OSError:  # a file system without hard links
                    write_new(self.path, [_MARK + self._token.encode() + b"\n"])
                return
            except FileExistsError:
                with suppress(FileNotFoundError):
                    os.unlink(self._own)
                if is_last or not self._is_swept():
                    raise self.refusal() from None
            except OSError as error:
                with suppress(OSError):
                    os.unlink(self._own)
                raise storage_error(f"cannot lock the index {self.path}", error) from error

    def _replace(self, data: Sequence[bytes | memoryview]) -> None:
        index = self.path.removesuffix(".lock")
        try:
            with suppress(FileNotFoundError):
                os.unlink(self._own)
            write_new(self._own, data)
            with suppress(FileNotFoundError):
                os.chmod(self._own, os.stat(index).st_mode & 0o777)
            os.rename(self._own, index)
        except OSError as error:
            raise storage_error(f"cannot write the index {index}", error) from error


def is_gone(owner: dict[str, object]) -> bool:
    """Whether the recorded process has provably ended; False in any doubt."""
    me = myself()
    if not owner.get("machine") or owner.get("machine") != me["machine"]:
        return False
    if owner.get("boot") != me["boot"]:
        return bool(owner.get("boot"))
    if owner.get("namespace") != me["namespace"]:
        return False
    pid = owner.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    if _state(pid) in ("Z", "X"):
        return True  # a zombie: ended, but not yet reaped by its parent
    started = _started(pid)
    if started is not None and owner.get("start"):
        return started != owner.get("start")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _token_in(path: str) -> str | None:
    try:
        with open(path, "rb") as stream:
            head = stream.read(200)
    except OSError:
        return None
    return head.removeprefix(_MARK).decode("ascii", "replace").strip() if head.startswith(_MARK) else None


def myself() -> dict[str, object]:
    """Return the identity of this process, which `is_gone` can check later."""
    return {"pid": os.getpid(), "start": _own_start(os.getpid()), **_machine()}


@cache
def _own_start(pid: int) -> str:
    return _started(pid) or ""


@cache
def _machine() -> dict[str, object]:
    if sys.platform == "darwin":
        # The time of the boot changes when the clock is set; this does not.
        machine, boot = _said("sysctl", "-n", "kern.uuid"), _said("sysctl", "-n", "kern.bootsessionuuid")
    else:
        machine, boot = _text("/etc/machine-id"), _text("/proc/sys/kernel/random/boot_id")
    return {
        "machine": machine or os.uname().nodename,
        "boot": boot,
        "namespace": os.readlink("/proc/self/ns/pid") if sys.platform == "linux" else "",
    }


def _started(pid: int) -> str | None:
    if sys.platform == "darwin":
        return _said("ps", "-o", "lstart=", "-p", str(pid)) or None
    facts = _text(f"/proc/{pid}/stat")
    return facts.rpartition(")")[2].split()[19] if facts else None


def _state(pid: int) -> str:
    facts = _text(f"/proc/{pid}/stat")
    return facts.rpartition(")")[2].split()[0] if facts else ""


def _said(*argv: str) -> str:
    """Return what a program of the system prints, for systems without /proc; "" when it cannot say."""
    try:
        done = proc.run(argv, deadline_s=_ASK_S, env={"LC_ALL": "C", "TZ": "UTC"})
    except OSError:
        return ""
    return " ".join(done.stdout.decode("ascii", "replace").split()) if done.ok else ""


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return ""
