"""Explains the kernel's inotify limits when they are too low: numbers, and the command that raises them."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

# The global limits, and those that a user namespace (a container) may set lower.
_LIMITS = {
    "watches": ("fs/inotify/max_user_watches", "user/max_inotify_watches"),
    "instances": ("fs/inotify/max_user_instances", "user/max_inotify_instances"),
}


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why native watching is not possible: a sentence, and the command that changes it."""

    message: str
    command: str

    @property
    def hint(self) -> str:
        """Both in one line."""
        return f"{self.message}; to change that: {self.command}" if self.command else self.message


def shortage(error_number: int, needed: int = 0, allowed: int | None = None) -> Shortage:
    """Explain why a watch (ENOSPC) or an inotify instance (anything else) was refused.

    `needed` is the number of directories in this work tree; `allowed` a limit set by the caller instead of the
    kernel's.
    """
    if error_number == errno.ENOSPC:
        key, limit = lowest("watches") if allowed is None else ("fs.inotify.max_user_watches", allowed)
        return Shortage(
            f"{needed} directories need a watch each, but {key} allows {limit} for all programs together",
            f"sudo sysctl {key}={roomy(limit + needed)}",
        )
    if error_number == errno.EMFILE and _may_open_files():
        key, limit = lowest("instances")
        return Shortage(
            f"no more inotify instances allowed: {key} is {limit} for all programs together",
            f"sudo sysctl {key}={roomy(limit)}",
        )
    if error_number == errno.EMFILE:
        return Shortage("this process cannot open more files", "raise LimitNOFILE= of the service, or ulimit -n")
    return Shortage(f"inotify is not available ({os.strerror(error_number)})", "")


def lowest(kind: str) -> tuple[str, int]:
    """Return the lowest limit of that kind for this process, with its sysctl name."""
    found = []
    for name in _LIMITS[kind]:
        try:
            found.append((int(Path("/proc/sys", name).read_text()), name))
        except (OSError, ValueError):
            continue  # not every kernel and container shows both
    limit, name = min(found, default=(0, _LIMITS[kind][0]))
    return name.replace("/", "."), limit


def roomy(count: int) -> int:
    """Return the power of two above `count`."""
    return 1 << count.bit_length()


def _may_open_files() -> bool:
    """Whether this process is still below its own limit of open files, which answers with the same error."""
    try:
        os.close(os.open("/", os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
