"""Every exception that a user can see: stable code, sentence with names in it, hint, exit status.

Any other exception that reaches the top of a program is a bug in gitsync and ends it with status 70.
"""

from __future__ import annotations

from gitsync.redaction import redact

# typing is not imported: it takes 2 ms, and the control command runs for every shell prompt.
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
    """An error that is explained to the user; `code` is kebab-case and stable, `hint` says what to do."""

    code: str = "failed"
    exit_status: ClassVar[int] = EXIT_FAILED
    general_hint: ClassVar[str] = "to find the cause: gitsyncctl doctor"

    def __init__(self, message: str, hint: str = "", *, code: str = "") -> None:
        # Redacted here, because every message may end in a log, in `status`, in JSON, or on a terminal.
        self.message = redact(message)
        self.hint = redact(hint)
        super().__init__(self.message)
        if code:
            self.code = code

    @property
    def advice(self) -> str:
        """Return what to do: the hint, or a general one."""
        return self.hint or self.general_hint


class UsageError(GitsyncError):
    """The command line asks for something that does not exist or is not possible."""

    code = "usage"
    exit_status = EXIT_USAGE
    general_hint = "see: gitsyncctl --help"


# A longer fault is a wall of text in a status.
LONG_FAULT = 200


class ConfigError(GitsyncError):
    """The configuration has faults; `faults` lists all of them, so that the file needs to be fixed only once."""

    code = "config"
    exit_status = EXIT_USAGE
    general_hint = "fix it, then check it: gitsyncctl config check"

    def __init__(self, faults: list[str], hint: str = "") -> None:
        self.faults = [redact(fault) for fault in faults]
        super().__init__("\n".join(self.faults), hint)

    @property
    def summary(self) -> str:
        """Return the first fault, without a long list of what is allowed there, and how many more there are."""
        first, rest = self.faults[0], ""
        if len(first) > LONG_FAULT:
            first, _, listed = first.partition("; allowed: ")
            rest = listed.partition("; ")[2]
        more = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
        return f"{first}{f'; {rest}' if rest else ''}{more}"


class NotRunningError(GitsyncError):
    """The daemon does not answer on its socket."""

    code = "not-running"
    exit_status = EXIT_NOT_RUNNING


class AlreadyRunningError(GitsyncError):
    """Another process holds the lock; the message contains its PID when it is known."""

    code = "already-running"
    exit_status = EXIT_NOT_RUNNING


class OperationError(GitsyncError):
    """The operation failed; nothing was left half-done."""


class TransientError(OperationError):
    """The operation failed for a temporary reason: it is tried again with back-off, after `wait_s` seconds at least."""

    def __init__(self, message: str, hint: str = "", *, code: str = "", wait_s: float = 0.0) -> None:
        super().__init__(message, hint, code=code)
        self.wait_s = wait_s


class HaltError(OperationError):
    """To continue, a person must decide; the hint is the command for that."""
