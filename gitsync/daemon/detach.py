"""Detaches from the terminal by python-daemon, and waits until the daemon is ready or reports why it failed.

Runs on the main thread before any other thread exists; forking later would copy locks that are never released.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from gitsync.control import bugs
from gitsync.daemon import logs
from gitsync.daemon.lock import InstanceLock
from gitsync.daemon.pidfile import PidFile
from gitsync.errors import EXIT_BUG, EXIT_OK, GitsyncError

logger = logging.getLogger(__name__)

READY = b"ready"


def detached(
    serve: Callable[[Callable[[], None]], int], *, lock: InstanceLock, pid_file: PidFile, log_file: Path, level: int
) -> int:
    """Run `serve` in a detached process; return in the caller's process when it is ready or has failed.

    `serve` gets a function to call when it is ready. The PID file exists while the daemon runs.
    """
    pid_file.check()
    logs.set_up(level, log_file)  # before detaching, so that the user sees the error for an unwritable log file
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        lock.hand_over()
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read()
        if told == READY:
            return EXIT_OK
        status, _, text = told.partition(b"\n")
        sys.stderr.buffer.write(
            text or b"error: the daemon ended at once\nhint: look into %s\n" % os.fsencode(log_file)
        )
        return int(status) if status.isdigit() else EXIT_BUG
    os.close(reading)
    os._exit(_live(serve, lock, pid_file, log_file, level, writing))


def _live(
    serve: Callable[[Callable[[], None]], int],
    lock: InstanceLock,
    pid_file: PidFile,
    log_file: Path,
    level: int,
    writing: int,
) -> int:
    # Imported here, because only this way of starting needs it.
    from daemon import DaemonContext

    umask = os.umask(0o077)
    os.umask(umask)
    context = DaemonContext(
        working_directory="/",
        umask=umask,  # the user's own, so that files of a pull get the same modes as from git
        files_preserve=[lock.fd, writing],
        signal_map={},
        prevent_core=False,
    )
    logs.let_go()
    context.open()
    logs.set_up(level, log_file)
    lock.write_pid()

    is_ready = False

    def tell_ready() -> None:
        nonlocal is_ready
        pid_file.write()
        is_ready = True
        os.write(writing, READY)
        os.close(writing)

    try:
        return serve(tell_ready)
    except GitsyncError as error:
        if is_ready:  # the parent has stopped reading, and the descriptor may belong to another file by now
            logger.critical("%s", error.message)
        else:
            os.write(
                writing,
                f"{error.exit_status}\nerror: {error.message}\nhint: {error.advice}\n".encode("utf-8", "replace"),
            )
        return error.exit_status
    except BaseException as error:
        report = bugs.save(error, sys.argv[1:], "gitsync")
        logger.critical("a bug in gitsync ended the daemon; the report is in %s", report, exc_info=True)
        return EXIT_BUG
    finally:
        pid_file.remove()
        lock.release()
        logging.shutdown()
