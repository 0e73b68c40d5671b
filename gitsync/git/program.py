"""Runs the git program, for what libgit2 cannot do or does while holding the GIL. Runs on the calling thread.

Every call names the repository and the work tree, so that a GIT_DIR in the environment has no effect, takes no optional
locks, never prompts, and syncs what it stores.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from gitsync import proc
from gitsync.errors import OperationError, TransientError
from gitsync.text import clean

# git does not sync loose objects by default; an object that a ref points to must survive a power cut.
_SETTINGS = (
    "core.fsync=all",
    "core.fsmonitor=false",
    "gc.auto=0",
    "core.quotePath=false",
    "color.ui=false",
    "i18n.logOutputEncoding=UTF-8",
)
# Marks the children of every process of gitsync: they are not the user's own git, whatever they run.
OWN = ("GITSYNC_CHILD", "1")
# With this git and ssh fail where they would ask a person, take no optional lock, and answer in English.
ASK_NOBODY = {
    OWN[0]: OWN[1],
    "LC_ALL": "C",
    "LANGUAGE": "",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",  # set but empty: git looks no further (core.askPass, SSH_ASKPASS)
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    "GIT_OPTIONAL_LOCKS": "0",
}
# Looking something up, or setting it, in one repository.
LOCAL_S = 30.0


def run(
    *argv: str | bytes,
    root: str | os.PathLike[str] | None = None,
    deadline_s: float = LOCAL_S,
    silence_s: float | None = None,
    env: Mapping[str, str] | None = None,
    input: bytes | None = None,
    settings: Sequence[str] = (),
    is_cancelled: Callable[[], bool] | None = None,
) -> proc.Completed:
    """Run one git command, in the repository at `root` or in none, and return its output, whatever its exit status.

    It asks nobody. `settings` are "key=value" pairs of git's configuration; the rest is as in `proc.run`. Raise
    OperationError "git-missing" when git is not installed.
    """
    where = () if root is None else ("-C", os.fspath(root))
    try:
        return proc.run(
            ["git", *where, *_options(settings), *argv],
            deadline_s=deadline_s,
            silence_s=silence_s,
            env={**ASK_NOBODY, **(env or {})},
            input=input,
            is_cancelled=is_cancelled,
        )
    except FileNotFoundError as error:
        raise missing(error) from error


def read(*argv: str, root: str | os.PathLike[str], deadline_s: float = LOCAL_S, input: bytes | None = None) -> str:
    """Run a git command that must succeed in the repository at `root` and return its output.

    Raise OperationError "git" with git's message.
    """
    done = run(*argv, root=root, deadline_s=deadline_s, input=input)
    if not done.ok:
        raise failed(f"git {argv[0]} failed in {clean(os.fspath(root))}", done, "run it by hand to see more")
    return os.fsdecode(done.stdout)


def check_installed() -> None:
    """Raise OperationError "git-missing" when git is not installed: nothing here works without it."""
    if proc.which("git") is None:
        raise missing("it is not on the PATH")


def missing(why: object) -> OperationError:
    """Return the error of a machine on which git cannot be run."""
    return OperationError(f"cannot run git: {why}", "install git, or correct PATH", code="git-missing")


def _options(settings: Sequence[str]) -> list[str]:
    return [word for setting in settings for word in ("-c", setting)]


class GitProgram(NamedTuple):
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
        is_cancelled: Callable[[], bool] | None = None,
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
                is_cancelled=is_cancelled,
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
        output = proc.pipe(
            self._command(first), translate, self._command(second), deadline_s=deadline_s, cwd=self.root,
            env=self._environment(env),
        )  # fmt: skip
        yield from self._explained(output, os.fsdecode(first[0]), deadline_s)

    def stream(
        self,
        *argv: str | bytes,
        deadline_s: float,
        env: Mapping[str, str] | None = None,
        stdin_fd: int | None = None,
    ) -> Iterator[bytes]:
        """Run a git command and yield what it writes; see `proc.stream`. Raise as `pipe` does."""
        output = proc.stream(
            self._command(argv), deadline_s=deadline_s, cwd=self.root, env=self._environment(env), stdin_fd=stdin_fd
        )  # fmt: skip
        yield from self._explained(output, os.fsdecode(argv[0]), deadline_s)

    def _explained(self, output: Iterator[bytes], what: str, deadline_s: float) -> Iterator[bytes]:
        try:
            yield from output
        except TimeoutError as error:
            raise TransientError(
                f"git {what} in {self.root} took longer than {deadline_s:.0f} s", "try it again", code="git-slow"
            ) from error
        except ChildProcessError as error:
            raise OperationError(f"git {what} failed in {self.root}: {error}", code="git") from error

    def _command(self, argv: Sequence[str | bytes], settings: Sequence[str] = ()) -> list[str | bytes]:
        options = _options((*_SETTINGS, *settings))
        return ["git", f"--git-dir={self.git_dir}", f"--work-tree={self.root}", *options, *argv]

    def _environment(self, env: Mapping[str, str] | None) -> dict[str, str]:
        return {**ASK_NOBODY, "GIT_INDEX_FILE": os.path.join(self.git_dir, "index"), **(env or {})}

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
        return missing(error)

    def read(self, *argv: str | bytes, deadline_s: float = 60.0, input: bytes | None = None) -> bytes:
        """Run a git command that must succeed and return its output; raise OperationError "git" with its message."""
        done = self.run(*argv, deadline_s=deadline_s, input=input)
        if not done.ok:
            raise failed(f"git {os.fsdecode(argv[0])} failed in {self.root}", done)
        return done.stdout


def failed(what: str, done: proc.Completed, hint: str = "", *, code: str = "git") -> OperationError:
    """Return an error with git's own message; a full or read-only disk keeps its own code."""
    words = done.errors.lower()
    if "no space left" in words or "disk quota" in words:
        return OperationError(f"{what}: the disk is full", "free some disk space", code="disk-full")
    if "read-only file system" in words:
        return OperationError(f"{what}: the file system is read-only", "remount it writable", code="read-only")
    last = done.errors.splitlines()[-1] if done.errors else f"status {done.returncode}"
    return OperationError(f"{what}: {clean(last)}", hint, code=code)
