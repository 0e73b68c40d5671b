"""Which service manager this session has. The control command's only thread."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from gitsync.cli.service.kind import ServiceManager, last_line, run_manager, runtime_dir
from gitsync.cli.service.launchd import Launchd
from gitsync.cli.service.systemd import Systemd
from gitsync.errors import OperationError


def find() -> ServiceManager:
    """Return the service manager of this session. Raise OperationError, which says what to do instead, for none."""
    if sys.platform == "darwin":
        return Launchd(Path.home())
    if shutil.which("systemctl") is None or not Path("/run/systemd/system").is_dir():
        raise OperationError(
            "there is no service manager here that gitsync knows (systemd or launchd)",
            "start it in the background: gitsync --daemon; or from cron, by crontab -e: "
            f"*/10 * * * * {shlex.quote(shutil.which('gitsync') or 'gitsync')} --once",
            code="no-service-manager",
        )
    if not os.environ.get("XDG_RUNTIME_DIR") and Path(runtime_dir()).is_dir():
        # The shell of `su -`. What is typed next by hand needs the variable, too.
        raise OperationError(
            "this shell has no XDG_RUNTIME_DIR, so the user manager of systemd cannot be reached",
            f"export XDG_RUNTIME_DIR={runtime_dir()}, and try again; to have a user manager from boot on: "
            "loginctl enable-linger",
            code="no-service-manager",
        )
    probe = run_manager("systemctl", "--user", "show-environment")
    if not probe.ok:
        raise OperationError(
            f"the user manager of systemd cannot be reached: {last_line(probe)}",
            "log in directly, not by su or sudo; or have one from boot on: loginctl enable-linger",
            code="no-service-manager",
        )
    return Systemd()
