"""Where the log goes: stderr in the foreground, a rotating file in the state directory for a detached daemon.

INFO tells a user's story, one line per commit, pull, push and state; DEBUG an engineer's. Secrets in URLs are taken
out and control characters are escaped before anything is written.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from gitsync.core.names import shown_text
from gitsync.errors import UsageError
from gitsync.git.translate import redact

LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
FILE_BYTES = 5_000_000
FILES_KEPT = 3


class _SafeFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if record.exc_info:
            return redact(text)  # a traceback of ours keeps its lines
        return shown_text(redact(text))


def level_for(configured: str, verbose: int, quiet: bool) -> int:
    """Return the level: `-v` shows an engineer's story, `-q` trouble only, else what is configured."""
    if quiet:
        return logging.WARNING
    return logging.DEBUG if verbose else LEVELS[configured]


def set_up(level: int, log_file: Path | None) -> logging.Handler:
    """Send the log to `log_file`, or to stderr without one. Raise UsageError when the file cannot be written."""
    handler: logging.Handler
    if log_file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        # Late: in the foreground, where nothing rotates, it would be 10 ms of the start for nothing.
        from logging.handlers import RotatingFileHandler

        try:
            log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handler = RotatingFileHandler(
                log_file, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8", errors="backslashreplace"
            )
        except OSError as error:
            raise UsageError(
                f"cannot write the log file {log_file}: {error.strerror}", "choose another one with --log-file"
            ) from error
    # A terminal shows when; journald adds its own time, so none there.
    stamp = "" if log_file is None and not sys.stderr.isatty() else "%(asctime)s "
    handler.setFormatter(_SafeFormatter(f"{stamp}%(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S"))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    logging.getLogger("watchdog").setLevel(max(level, logging.INFO))
    return handler
