"""The move of a branch, prepared under git's own lock of it, so that making it takes one rename. Committer thread.

git waits for the lock of a ref for a tenth of a second, and for the one of the index not at all: who must hold both
does all slow work before, and the new value is on disk before it becomes the lock.
"""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType

import pygit2

from gitsync import clock
from gitsync.errors import TransientError
from gitsync.git.files import remove, storage_error, write_new
from gitsync.git.flush import flush
from gitsync.git.objects.commits import TipMovedError, lock_of, move_branch, time_stamp, tip_of
from gitsync.git.objects.sharing import share_ref
from gitsync.git.rules.identity import Person

logger = logging.getLogger(__name__)

_CRUD = str.maketrans("", "", "\n<>\0")


class BranchMove:
    """Points `branch` from `old` (None: it must not exist) to `new`; `who` made the move, for the reflog.

    `is_made` tells whether it has moved, `path` is the file of the branch where it is not packed. `draft` is a path
    beside the refs that only this process uses.
    """

    def __init__(
        self,
        repository: pygit2.Repository,
        branch: str,
        old: str | None,
        new: str,
        subject: str,
        who: Person,
        draft: str,
    ) -> None:
        self._draft = draft
        self._repository = repository
        self._branch, self._old, self._new = branch, old, new
        self._subject = subject.translate(_CRUD)
        self._who = who
        self._lock = lock_of(repository, branch)
        self.path = self._lock.removesuffix(".lock")
        self._what = f"cannot move the branch {branch} of {repository.workdir}"
        self.is_made = False

    @property
    def unsynced(self) -> tuple[str, ...]:
        """The file with the new value, to be flushed before `locked`: together with what else has to be by then."""
        return () if self._old is None else (self._draft,)

    def __enter__(self) -> BranchMove:
        """Write the new value, which is not durable yet; raise OperationError when that fails."""
        if self._old is None:
            return self  # libgit2 makes a new branch, with the directories above it
        try:
            os.makedirs(os.path.dirname(self._lock), exist_ok=True)  # of a packed branch it may be missing
            self._drop_draft()
            write_new(self._draft, [self._new.encode("ascii") + b"\n"])
        except OSError as error:
            self._drop_draft()
            raise storage_error(self._what, error) from error
        return self

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock, with the new value in it.

        Raise TransientError "ref-locked" when another process holds it, OperationError when it cannot be written.
        """
        if self._old is None:
            yield
            return
        self._take()
        try:
            yield
        finally:
            if not self.is_made:
                remove(self._lock)

    def _take(self) -> None:
        try:
            try:
                os.link(self._draft, self._lock)
            except FileExistsError:
                raise
            except OSError:  # a file system without hard links
                write_new(self._lock, [self._new.encode("ascii") + b"\n"])
                flush([self._lock])
        except FileExistsError as error:
            hint = f"if no git process is running there: rm {shlex.quote(self._lock)}"
            raise TransientError(f"{self._what}: failed to lock it: {self._lock}", hint, code="ref-locked") from error
        except OSError as error:
            with suppress(OSError):
                os.unlink(self._lock)
            raise storage_error(self._what, error) from error

    def _drop_draft(self) -> None:
        with suppress(OSError):  # then the next start does it
            os.unlink(self._draft)

    def make(self) -> None:
        """Move the branch; raise TipMovedError when it is not where it was, OperationError when that fails."""
        if self._old is None:
            move_branch(self._repository, self._branch, None, self._new, self._subject)
        else:
            if tip_of(self._repository, self._branch) != self._old:
                raise TipMovedError(f"{self._what}: it has moved meanwhile", "gitsync will try again by itself")
            try:
                os.rename(self._lock, self.path)
            except OSError as error:
                raise storage_error(self._what, error) from error
        self.is_made = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """After the move, make it durable and read it back (raise TransientError "ref-lost")."""
        if self._old is None:
            return
        self._drop_draft()
        if not self.is_made:
            return
        self._note()
        flush([os.path.dirname(self._lock)])
        share_ref(self._repository.workdir, self._repository.path, f"refs/heads/{self._branch}")
        # A commit of the user's may be on top of it by now.
        if error is None and tip_of(self._repository, self._branch) == self._old:
            raise TransientError(f"{self._what}: it was not there afterwards", code="ref-lost")

    def _note(self) -> None:
        """Add the move to the logs of the branch and of HEAD."""
        stamp = time_stamp(clock.SystemClock().wall())
        who = f"{self._who.name.translate(_CRUD)} <{self._who.mail.translate(_CRUD)}>"
        text = f"{self._old} {self._new} {who} {stamp}\tgitsync: {self._subject}\n"
        line = text.encode("utf-8", "backslashreplace")
        shared = self._lock[: -len(f"refs/heads/{self._branch}.lock")]
        is_made = _keeps_logs(self._repository)
        _append(os.path.join(shared, "logs/refs/heads", self._branch), line, is_made=is_made)
        _append(os.path.join(self._repository.path, "logs/HEAD"), line, is_made=is_made)


def _append(log: str, line: bytes, *, is_made: bool) -> None:
    try:
        if is_made:
            os.makedirs(os.path.dirname(log), exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT if is_made else 0)
        handle = os.open(log, flags, 0o666)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)
    except FileNotFoundError:
        return  # there is none, and none is wanted
    except OSError as error:
        # The branch has moved: saying otherwise would have it moved again.
        logger.warning("cannot write %s: %s", log, error.strerror)


def _keeps_logs(repository: pygit2.Repository) -> bool:
    """Whether git starts a log where there is none: core.logAllRefUpdates, which may be "always", too."""
    try:
        return str(repository.config_snapshot["core.logallrefupdates"]).lower() not in ("false", "no", "off", "0")
    except (KeyError, ValueError, pygit2.GitError):
        return True
