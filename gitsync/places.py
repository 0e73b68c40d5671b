"""Where gitsync's own files live: platformdirs' directories, never a synced tree.

`$GITSYNC_CONFIG` and `$GITSYNC_SOCKET` override; so do the programs' own options. pathlib and platformdirs are loaded
late, because the control command starts for every prompt of a shell and mostly needs neither.
"""

from __future__ import annotations

import os
import stat
import sys

from gitsync.errors import OperationError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

# Where the units of contrib have their runtime directories.
SYSTEM_RUN = "/run"
# Linux sockaddr_un holds 108 bytes with the final NUL, macOS 104.
SOCKET_PATH_MAX = 103 if sys.platform == "darwin" else 107


def config_file(option: str | None = None) -> Path:
    """Return the configuration file: the option, else `$GITSYNC_CONFIG`, else the user's config.toml."""
    from pathlib import Path

    chosen = option or os.environ.get("GITSYNC_CONFIG")
    if chosen:
        return Path(absolute(chosen))
    return user_config_dir() / "config.toml"


def user_config_dir() -> Path:
    """Return the directory of the user's configuration; nothing is created."""
    import platformdirs

    return platformdirs.user_config_path("gitsync", appauthor=False)


def state_dir() -> Path:
    """Return the directory for last runs, locks and logs, made (0700) where missing."""
    import platformdirs

    path = platformdirs.user_state_path("gitsync", appauthor=False)
    _make_private(path)
    return path


def runtime_dir() -> Path:
    """Return the directory of the socket, made (0700) where missing; raise OperationError when it is not ours alone."""
    from pathlib import Path

    path = Path(runtime_address())
    _make_private(path)
    _check_private(path)
    return path


def short_runtime_dir(longest: int) -> Path:
    """Return `runtime_dir` where its path has at most `longest` bytes, else a directory in /tmp that is as private.

    macOS's own is about as long as a socket's path may be at all. Raise OperationError when it is not ours alone.
    """
    from pathlib import Path

    path = runtime_dir()
    if len(os.fsencode(path)) > longest:
        path = Path(f"/tmp/gitsync-{os.geteuid()}")
        _make_private(path)
        _check_private(path)
    return path


def socket_path(option: str | None = None) -> Path:
    """Return the control socket's path: the option, else `$GITSYNC_SOCKET`, else one in the runtime directory.

    The runtime directory is made and checked. Raise UsageError when the path is longer than the system can bind.
    """
    from pathlib import Path

    address = socket_address(option)
    if not (option or os.environ.get("GITSYNC_SOCKET")):
        runtime_dir()
    return Path(address)


def socket_address(option: str | None = None) -> str:
    """Return the same path as `socket_path`, as text; nothing is made or checked but its length."""
    chosen = option or os.environ.get("GITSYNC_SOCKET")
    path = absolute(chosen) if chosen else f"{runtime_address()}/socket"
    if len(os.fsencode(path)) > SOCKET_PATH_MAX:
        raise UsageError(
            f"the socket path is longer than {SOCKET_PATH_MAX} bytes: {path}",
            "choose a shorter one with --socket or $GITSYNC_SOCKET",
        )
    return path


def answering_address(option: str | None = None) -> str:
    """Return where a daemon of ours answers: `socket_address`, or where the system's service for this user binds it.

    The system's own is looked for only when nobody named another and there is none in the runtime directory.
    """
    address = socket_address(option)
    if option or os.environ.get("GITSYNC_SOCKET") or os.path.lexists(address):
        return address
    import pwd

    try:
        system = f"{SYSTEM_RUN}/gitsync-{pwd.getpwuid(os.geteuid()).pw_name}/socket"
        return system if os.stat(system).st_uid == os.geteuid() else address  # noqa: PTH116 - no pathlib here
    except (KeyError, OSError):
        return address


def runtime_address() -> str:
    """Return platformdirs' runtime directory for gitsync, as text; nothing is made.

    Where every version of platformdirs would say the same, it is not asked: loading it takes 6 ms. Raise
    OperationError when there is no directory that is safe.
    """
    if sys.platform == "linux" and "ANDROID_ROOT" not in os.environ:
        base = os.environ.get("XDG_RUNTIME_DIR", "") or f"/run/user/{os.geteuid()}"
        if _is_beyond_doubt(base):
            return f"{base}/gitsync"
    import warnings

    import platformdirs

    try:
        with warnings.catch_warnings():
            # It warns on stderr of a missing XDG_RUNTIME_DIR, which is how every cron job runs.
            warnings.simplefilter("ignore")
            return platformdirs.user_runtime_dir("gitsync", appauthor=False)
    except OSError as error:
        raise OperationError(
            f"there is no safe directory for the socket: {error}",
            "set $XDG_RUNTIME_DIR to a directory of yours with mode 0700",
        ) from error


def _is_beyond_doubt(base: str) -> bool:
    """Whether `base` is a runtime directory as the XDG rules want it: absolute, ours, 0700, safe from the root down."""
    if not base.startswith("/") or os.path.normpath(base) != base or base == "/":
        return False
    uid = os.geteuid()
    try:
        facts = os.lstat(base)
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != uid or stat.S_IMODE(facts.st_mode) != 0o700:
            return False
        parent = "/"
        for name in base.split("/")[1:]:
            mode = os.stat(parent).st_mode  # noqa: PTH116 - no pathlib here
            below = f"{parent.rstrip('/')}/{name}"
            if mode & stat.S_IWOTH and not (mode & stat.S_ISVTX and os.lstat(below).st_uid in (0, uid)):
                return False
            parent = below
    except OSError:
        return False
    return True


def absolute(path: str) -> str:
    """Return a path that a person gave, with its links; raise UsageError where the working directory is no more."""
    path = os.path.expanduser(path)  # noqa: PTH111 - no pathlib here
    try:
        return path if path.startswith("/") else f"{os.getcwd()}/{path}"  # noqa: PTH109 - no pathlib here
    except FileNotFoundError:
        raise UsageError(f"the working directory is gone, so {path} means nothing", "give an absolute path") from None


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
