"""Where gitsync's own files live: platformdirs' directories, never a synced tree.

`$GITSYNC_CONFIG` and `$GITSYNC_SOCKET` override; so do the programs' own options.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from gitsync.errors import OperationError, UsageError

# Linux sockaddr_un holds 108 bytes with the final NUL, macOS 104.
SOCKET_PATH_MAX = 103 if sys.platform == "darwin" else 107


def config_file(option: str | None = None) -> Path:
    """Return the configuration file: the option, else `$GITSYNC_CONFIG`, else the user's config.toml."""
    chosen = option or os.environ.get("GITSYNC_CONFIG")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return user_config_dir() / "config.toml"


def user_config_dir() -> Path:
    """Return the directory of the user's configuration; nothing is created."""
    import platformdirs  # here: the control command's fast path need not load it when told where to look

    return platformdirs.user_config_path("gitsync", appauthor=False)


def state_dir() -> Path:
    """Return the directory for last runs, locks and logs, made (0700) where missing."""
    import platformdirs

    path = platformdirs.user_state_path("gitsync", appauthor=False)
    _make_private(path)
    return path


def runtime_dir() -> Path:
    """Return the directory of the socket, made (0700) where missing; raise OperationError when it is not ours alone."""
    import platformdirs

    path = platformdirs.user_runtime_path("gitsync", appauthor=False)
    _make_private(path)
    _check_private(path)
    return path


def socket_path(option: str | None = None) -> Path:
    """Return the control socket's path: the option, else `$GITSYNC_SOCKET`, else one in the runtime directory.

    Raise UsageError when it is longer than the system can bind.
    """
    chosen = option or os.environ.get("GITSYNC_SOCKET")
    path = Path(chosen).expanduser().absolute() if chosen else runtime_dir() / "socket"
    if len(os.fsencode(path)) > SOCKET_PATH_MAX:
        raise UsageError(
            f"the socket path is longer than {SOCKET_PATH_MAX} bytes: {path}",
            "choose a shorter one with --socket or $GITSYNC_SOCKET",
        )
    return path


def _make_private(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OperationError(
            f"cannot make the directory {path}: {error.strerror}",
            "check its permissions, or point $XDG_STATE_HOME and $XDG_RUNTIME_DIR elsewhere",
        ) from error


def _check_private(path: Path) -> None:
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise OperationError(
            f"the directory {path} must be yours alone (a real directory, mode 0700)",
            f"look who made it, then: rm -r {path}",
        )
