"""Runs the git program, for what libgit2 cannot do or does while holding the GIL. Runs on the calling thread.

Every call names the repository and the work tree, so that a GIT_DIR in the environment has no effect, takes no optional
locks, never prompts, and syncs what it stores.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gitsync import proc
from gitsync.errors import OperationError, TransientError
from gitsync.text import clean

# git does not sync loose objects by default; an object that a ref points to must survive a power cut.
_SETTINGS = (
    "-c",
    "core.fsync=all",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "gc.auto=0",
    "-c",
    "core.quotePath=false",
    "-c",
    "color.ui=false",
    "-c",
    "i18n.logOutputEncoding=UTF-8",
)
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class GitProgram:
    """The git program, bound to one repository."""

    git_dir: str
    root: str

    def run(
        self,
        *argv: str | bytes,
        deadline_s: float = 60.0,
        input: bytes | None = None,
        stdin_fd: int | None = None,
        env: Mapping[str, str] | None = None,
        settings: Sequence[str] = (),
    ) -> proc.Completed:
        """Run one git command in the work tree and return its output, whatever its exit status.

        `settings` are "key=value" pairs of git's configuration. Raise OperationError "git-missing" when git is not
        installed, and TransientError "git-slow" when it exceeds its deadline (seconds).
        """
        try:
            done = proc.run(
                self._command(argv, settings),
                deadline_s=deadline_s,
                cwd=self.root,
                env=self._environment(env),
                input=input,
                stdin_fd=stdin_fd,
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._cannot_run(error) from error
        if done.is_over_deadline:
            raise TransientError(
                f"git {os.fsdecode(argv[0])} in {self.root} took longer than {deadline_s:.0f} s",
                "gitsync will try again by itself",
                code="git-slow",
            )
        return done

    def pipe(
        self,
        first: Sequence[str | bytes],
        translate: Callable[[bytes], bytes],
        second: Sequence[str | bytes],
        *,
        deadline_s: float,
        env: Mapping[str, str] | None = None,
    ) -> Iterator[bytes]:
        """Run two git commands side by side and yield what the second writes; see `proc.pipe`.

        Raise OperationError "git" with git's words, TransientError "git-slow" when they are over their deadline (s).
        """
        try:
            yield from proc.pipe(
                self._command(first), translate, self._command(second), deadline_s=deadline_s, cwd=self.root,
                env=self._environment(env),
            )  # fmt: skip
        except TimeoutError as error:
            what = os.fsdecode(first[0])
            raise TransientError(
                f"git {what} in {self.root} took longer than {deadline_s:.0f} s", "try it again", code="git-slow"
            ) from error
        except ChildProcessError as error:
            raise OperationError(f"git {os.fsdecode(first[0])} failed in {self.root}: {error}", code="git") from error

    def _command(self, argv: Sequence[str | bytes], settings: Sequence[str] = ()) -> list[str | bytes]:
        extra = [part for setting in settings for part in ("-c", setting)]
        return ["git", f"--git-dir={self.git_dir}", f"--work-tree={self.root}", *_SETTINGS, *extra, *argv]

    def _environment(self, env: Mapping[str, str] | None) -> dict[str, str]:
        return {**_ENVIRONMENT, "GIT_INDEX_FILE": os.path.join(self.git_dir, "index"), **(env or {})}

    def converse(self, *argv: str | bytes, env: Mapping[str, str] | None = None) -> proc.Conversation:
        """Start a git command that answers line by line, as `run` starts one; raise OperationError "git-missing"."""
        try:
            return proc.converse(self._command(argv), cwd=self.root, env=self._environment(env))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._cannot_run(error) from error

    def _cannot_run(self, error: OSError) -> OperationError:
        if not os.path.isdir(self.root):
            return OperationError(
                f"the directory {clean(self.root)} does not exist", "mount or restore it", code="root-vanished"
            )
        return OperationError(f"cannot run git: {error}", "install git, or correct PATH", code="git-missing")

    def read(self, *argv: str | bytes, deadline_s: float = 60.0, input: bytes | None = None) -> bytes:
        """Run a git command that must succeed and return its output; raise OperationError "git" with its message."""
        done = self.run(*argv, deadline_s=deadline_s, input=input)
        if not done.ok:
            raise failed(f"git {os.fsdecode(argv[0])} failed in {self.root}", done)
        return done.stdout


def failed(what: str, done: proc.Completed, *, code: str = "git") -> OperationError:
    """Return an error with git's own message; a full or read-only disk keeps its own code."""
    words = done.errors.lower()
    if "no space left" in words or "disk quota" in words:
        return OperationError(f"{what}: the disk is full", "free some disk space", code="disk-full")
    if "read-only file system" in words:
        return OperationError(f"{what}: the file system is read-only", "remount it writable", code="read-only")
    last = done.errors.splitlines()[-1] if done.errors else f"status {done.returncode}"
    return OperationError(f"{what}: {last}", code=code)
