"""The operations that every service manager supports for gitsync. The control command's only thread."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gitsync import proc
from gitsync.cli.service.setting import Setting
from gitsync.errors import OperationError

COMMAND_S = 30.0
# Longer than a service may take to start or stop.
START_S = 130.0


@dataclass(frozen=True, slots=True)
class State:
    """The service manager's view of gitsync; `pid` is None when it does not run as a service.

    `activity` is active, starting, stopping, auto-restart, failed or stopped; `result` and `exit_status` are those of
    its last end, in the manager's own words. `is_ours` is whether `service install` wrote the file.
    """

    file: str | None = None
    is_installed: bool = False
    is_enabled: bool = False
    is_active: bool = False
    pid: int | None = None
    activity: str = "stopped"
    result: str = ""
    exit_status: int | None = None
    has_hit_limit: bool = False
    is_masked: bool = False
    is_ours: bool = False
    description: str = ""


@dataclass(slots=True)
class ServiceChange:
    """The result of an operation: files `kept` for the person who changed them, and what the person should know."""

    kept: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class ServiceManager(Protocol):
    """systemd's user manager or launchd."""

    name: str
    # Commands for a person to type.
    start: str
    start_again: str  # after too many starts
    restart: str
    enable: str
    unmask: str
    log: str

    @property
    def file(self) -> Path:
        """The file of the service."""

    def state(self) -> State:
        """Return the state of gitsync's service."""

    def is_lingering(self) -> bool | None:
        """Return whether it goes on after the last logout; None where that does not apply."""

    def last_words(self) -> str:
        """Return the reason that the service gave for its last end; "" where nobody knows."""

    def install(self, setting: Setting, *, is_outdated: bool) -> ServiceChange:
        """Write the service, have it started now and at each login; raise OperationError, all undone, when it fails.

        An up-to-date service that is running is left alone, unless it `is_outdated`.
        """

    def uninstall(self) -> ServiceChange:
        """Stop it, and remove what `install` wrote."""


def run_manager(*argv: str, deadline_s: float = COMMAND_S) -> proc.Completed:
    """Run a program of the service manager and return what became of it."""
    try:
        return proc.run(
            argv,
            deadline_s=deadline_s,
            env={"SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0", "LC_ALL": "C", "XDG_RUNTIME_DIR": runtime_dir()},
        )
    except FileNotFoundError as error:
        raise OperationError(str(error), "install it, or correct PATH") from error


def runtime_dir() -> str:
    """Return the session's runtime directory; the usual one where the shell of `su` lacks the variable."""
    return os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"


def must(*argv: str, deadline_s: float = COMMAND_S) -> str:
    """Run a program of the service manager that has to end well, and return its output."""
    done = run_manager(*argv, deadline_s=deadline_s)
    if not done.ok:
        raise OperationError(f"{shlex.join(argv)} failed: {last_line(done)}", f"run it by hand: {shlex.join(argv)}")
    return done.stdout.decode("utf-8", "replace").strip()


def last_line(done: proc.Completed) -> str:
    """Return the last thing a program said, or its status."""
    if done.is_over_deadline:
        return "it took too long"
    said = done.errors or done.stdout.decode("utf-8", "replace").strip()
    return said.splitlines()[-1] if said else f"status {done.returncode}"
