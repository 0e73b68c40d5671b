"""Every exception a person can meet: stable code, sentence with names in it, hint what to do, exit status.

Anything else that reaches the top of a program is a bug of ours and ends it with status 70.
"""

from __future__ import annotations

from gitsync.redaction import redact

# typing takes 2 ms to load, and the control command, which runs for every prompt of a shell, needs nothing of it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

EXIT_OK = 0
EXIT_ATTENTION = 1
EXIT_USAGE = 2
EXIT_NOT_RUNNING = 3
EXIT_FAILED = 4
EXIT_BUG = 70


class GitsyncError(Exception):
    """Trouble that a person can understand; `code` is kebab-case and stable, `hint` is a command or a file."""

    code: str = "failed"
    exit_status: ClassVar[int] = EXIT_FAILED
    general_hint: ClassVar[str] = "look for what is missing: gitsyncctl doctor"

    def __init__(self, message: str, hint: str = "", *, code: str = "") -> None:
        # Here, where every error passes: it ends in a log, in `status`, in JSON, on a terminal.
        self.message = redact(message)
        self.hint = redact(hint)
        super().__init__(self.message)
        if code:
            self.code = code

    @property
    def advice(self) -> str:
        """Return what a person is told to do: the hint, or where to begin when there is none."""
        return self.hint or self.general_hint


class UsageError(GitsyncError):
    """The command line asks for something that does not exist or cannot be."""

    code = "usage"
    exit_status = EXIT_USAGE
    general_hint = "see: gitsyncctl --help"


class ConfigError(GitsyncError):
    """The configuration has faults; `faults` lists every one of them, so that a person mends the file once."""

    code = "config"
    exit_status = EXIT_USAGE
    general_hint = "mend it, and look again: gitsyncctl config check"

    def __init__(self, faults: list[str], hint: str = "") -> None:
        self.faults = [redact(fault) for fault in faults]
        super().__init__("\n".join(self.faults), hint)


class NotRunningError(GitsyncError):
    """The daemon does not answer on its socket."""

    code = "not-running"
    exit_status = EXIT_NOT_RUNNING


class AlreadyRunningError(GitsyncError):
    """Another process holds the lock; the message names its PID where that can be known."""

    code = "already-running"
    exit_status = EXIT_NOT_RUNNING


class OperationError(GitsyncError):
    """The operation could not be done; nothing was left half-done."""


class TransientError(OperationError):
    """The operation failed for a reason that goes away by itself: it is tried again with back-off."""


class HaltError(OperationError):
    """Going on needs a person's decision; the hint says which command makes it."""
