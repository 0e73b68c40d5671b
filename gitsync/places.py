"""The paths of gitsync's own files: platformdirs' directories, never a synced tree.

`$GITSYNC_CONFIG`, `$GITSYNC_SOCKET` and the programs' options override them. pathlib and platformdirs are imported
late, because the control command starts for every shell prompt and usually needs neither.
"""

from __future__ import annotations

import os
import stat
import sys

from gitsync import digests
from gitsync.errors import OperationError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

# The RuntimeDirectory= of the system units in contrib.
SYSTEM_RUN = "/run"
# Linux sockaddr_un holds 108 bytes with the final NUL, macOS 104.
_CLAIMED: set[str] = set()
SOCKET_PATH_MAX = 103 if sys.platform == "darwin" else 107


def config_file(option: str | None = None) -> Path:
    """Return the configuration file: the option, else `$GITSYNC_CONFIG`, else the user's config.toml."""
    from pathlib import Path

    return Path(config_address(option))


def config_address(option: str | None = None) -> str:
    """Return the same path as `config_file`, as text."""
    chosen = option or os.environ.get("GITSYNC_CONFIG")
    return absolute(chosen) if chosen else f"{_base('XDG_CONFIG_HOME', '~/.config', 'user_config_dir')}/config.toml"


def user_config_dir() -> Path:
    """Return the directory of the user's configuration; creates nothing."""
    from pathlib import Path

    return Path(_base("XDG_CONFIG_HOME", "~/.config", "user_config_dir"))


def state_dir() -> Path:
    """Return the directory for last runs, locks and logs; create it (0700) if missing."""
    from pathlib import Path

    path = Path(state_address())
    _make_private(path)
    return path


def state_address() -> str:
    """Return the same path as `state_dir`, as text; creates nothing."""
    return _base("XDG_STATE_HOME", "~/.local/state", "user_state_dir")


def _base(variable: str, default: str, otherwise: str) -> str:
    """Return platformdirs' directory for gitsync; on Linux without loading it, which takes longer than the rest."""
    if sys.platform == "linux" and "ANDROID_ROOT" not in os.environ:
        given = os.environ.get(variable, "")
        return f"{given if given.strip() else os.path.expanduser(default)}/gitsync"  # noqa: PTH111 - no pathlib here
    import platformdirs

    return str(getattr(platformdirs, otherwise)("gitsync", appauthor=False))


def repository_dir(state: Path, root: Path) -> Path:
    """Return the directory of what is remembered of the repository at `root`, below the state directory.

    It is by path, not by name: a repository that is renamed in the configuration keeps its journal.
    """
    return state / "repos" / digests.sha256(os.fsencode(root)).hexdigest()[:16]


def check_home() -> None:
    """Raise UsageError when the home directory is another user's, as after a `sudo` that keeps $HOME.

    Everything below it would be written with the wrong owner. One that belongs to root is accepted: a system account's.
    """
    home = os.path.expanduser("~")  # noqa: PTH111 - every shell prompt starts this, and pathlib takes 5 ms to load
    try:
        owner = os.stat(home).st_uid  # noqa: PTH116
    except OSError:
        return  # there is none: whatever is to be written there says so
    if owner in (0, os.geteuid()):
        return
    raise UsageError(
        f"{home} belongs to another user ({_name_of(owner)}) than the one that runs this ({_name_of(os.geteuid())})",
        "run it without sudo; or, with the home directory of the other user: sudo -H -u USER …",
    )


def _name_of(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def claim(path: str | os.PathLike[str]) -> None:
    """Note a file that this process writes because an option says so: its log, its PID file, its configuration."""
    _CLAIMED.add(os.path.realpath(path))


def own_paths() -> tuple[str, ...]:
    """Return the real paths of gitsync's own files and directories, whether they exist or not."""
    found = [os.path.realpath(path) for path in (state_address(), runtime_address(), config_address())]
    return tuple(dict.fromkeys((*found, *sorted(_CLAIMED))))


def runtime_dir() -> Path:
    """Return the directory of the socket; create it (0700) if missing. Raise OperationError when others can access
    it.
    """
    from pathlib import Path

    path = Path(runtime_address())
    _make_private(path)
    _check_private(path)
    return path


def short_runtime_dir(longest: int) -> Path:
    """Return `runtime_dir` if its path has at most `longest` bytes, else a directory in /tmp of its own, as private.

    On macOS, the runtime directory alone is nearly as long as a socket path may be. Raise OperationError when others
    can access it.
    """
    from pathlib import Path

    path = runtime_dir()
    if len(os.fsencode(path)) > longest:
        path = Path(_short_address(str(path)))
        _make_private(path)
        _check_private(path)
    return path


def leave_short_runtime_dir() -> None:
    """Remove the directory in /tmp that `short_runtime_dir` made, if there is one and nothing is in it."""
    import contextlib

    with contextlib.suppress(OSError):
        os.rmdir(_short_address(runtime_address()))  # noqa: PTH106 - no pathlib here


def _short_address(runtime: str) -> str:
    # Another home directory of this user has another one: what is in it ends with the daemon that made it.
    return f"/tmp/gitsync-{os.geteuid()}-{digests.sha256(os.fsencode(runtime)).hexdigest()[:8]}"


def socket_path(option: str | None = None) -> Path:
    """Return the control socket's path: the option, else `$GITSYNC_SOCKET`, else one in the runtime directory.

    Creates and checks the runtime directory. Raise UsageError when the path is longer than the system supports.
    """
    from pathlib import Path

    address = socket_address(option)
    if not (option or os.environ.get("GITSYNC_SOCKET")):
        runtime_dir()
    return Path(address)


def socket_address(option: str | None = None) -> str:
    """Return the same path as `socket_path`, as text; creates and checks nothing except its length."""
    chosen = option or os.environ.get("GITSYNC_SOCKET")
    path = absolute(chosen) if chosen else f"{runtime_address()}/socket"
    if len(os.fsencode(path)) > SOCKET_PATH_MAX:
        raise UsageError(
            f"the socket path is longer than {SOCKET_PATH_MAX} bytes: {path}",
            "choose a shorter path with --socket or $GITSYNC_SOCKET",
        )
    return path


def answering_address(option: str | None = None, *, system_run: str = SYSTEM_RUN) -> str:
    """Return the socket of this user's running daemon: `socket_address`, or that of the system service for this user.

    The system service is considered only when no socket was given and there is none in the runtime directory.
    """
    address = socket_address(option)
    if option or os.environ.get("GITSYNC_SOCKET") or os.path.lexists(address):
        return address
    import pwd

    try:
        system = f"{system_run}/gitsync-{pwd.getpwuid(os.geteuid()).pw_name}/socket"
        return system if os.stat(system).st_uid == os.geteuid() else address  # noqa: PTH116 - no pathlib here
    except (KeyError, OSError):
        return address


def runtime_address() -> str:
    """Return platformdirs' runtime directory for gitsync, as text; creates nothing.

    platformdirs is not loaded, which takes 6 ms, when every version of it would return the same. Raise OperationError
    when there is no safe directory.
    """
    if sys.platform == "linux" and "ANDROID_ROOT" not in os.environ:
        base = os.environ.get("XDG_RUNTIME_DIR", "") or f"/run/user/{os.geteuid()}"
        if _is_beyond_doubt(base):
            return f"{base}/gitsync"
    import warnings

    import platformdirs

    try:
        with warnings.catch_warnings():
            # It warns on stderr about a missing XDG_RUNTIME_DIR, as in every cron job.
            warnings.simplefilter("ignore")
            return platformdirs.user_runtime_dir("gitsync", appauthor=False)
    except OSError as error:
        raise OperationError(
            f"there is no safe directory for the socket: {error}",
            "set $XDG_RUNTIME_DIR to a directory that you own, with mode 0700",
        ) from error


def _is_beyond_doubt(base: str) -> bool:
    """Whether `base` is a runtime directory by the XDG rules: absolute, owned by this user, 0700, and no parent
    writable.
    """
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
    """Return the absolute path of an argument, with its links; raise UsageError when the working directory was
    removed.
    """
    path = os.path.expanduser(path)  # noqa: PTH111 - no pathlib here
    try:
        return path if path.startswith("/") else f"{os.getcwd()}/{path}"  # noqa: PTH109 - no pathlib here
    except FileNotFoundError:
        raise UsageError(f"the working directory was removed, so {path} is unknown", "give an absolute path") from None


def _make_private(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OperationError(
            f"cannot create the directory {path}: {error.strerror}",
            "check its permissions, or set $XDG_STATE_HOME and $XDG_RUNTIME_DIR to other directories",
        ) from error


def _check_private(path: Path) -> None:
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise OperationError(
            f"the directory {path} must be accessible to you only (a real directory, mode 0700)",
            f"check who created it, then: rm -r {path}",
        )
