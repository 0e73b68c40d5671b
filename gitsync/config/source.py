"""Finds the configuration file and reads its text. On the calling thread; owns nothing.

The order is: config.toml, then the first GitSync's INI file: `~/.config/gitsync` when that is a plain file (config.toml
cannot exist then), else the system-wide one.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from gitsync import places
from gitsync.errors import ConfigError
from gitsync.text import escape

SYSTEM_INI = Path("/etc/gitsync.cfg")
SIZE_MAX = 1024 * 1024


def named_file(option: str | None) -> Path:
    """Return `places.config_file(option)`; raise ConfigError when a `~user` in it does not exist."""
    try:
        return places.config_file(option)
    except RuntimeError as error:
        raise ConfigError([f"{escape(option or '$GITSYNC_CONFIG')}: {error}"]) from error


def is_named(option: str | None) -> bool:
    """Return whether the user chose the file to read."""
    return bool(option or os.environ.get("GITSYNC_CONFIG"))


def default_inis(system_ini: Path = SYSTEM_INI) -> list[Path]:
    """Return the possible paths of GitSync's INI file, the user's own first."""
    own = [places.user_config_dir(), Path(os.path.expanduser("~/.config/gitsync"))]  # noqa: PTH111 - never raises
    return [*dict.fromkeys(own), system_ini]


def active_file(option: str | None = None, *, system_ini: Path = SYSTEM_INI) -> Path | None:
    """Return the configuration file, None when there is none; a file that the user chose must exist."""
    chosen = named_file(option)
    _finish_move(chosen)
    if is_named(option) or os.path.lexists(chosen):
        return chosen
    return next((ini for ini in default_inis(system_ini) if ini.is_file()), None)


def staged_dir(path: Path) -> Path:
    """Return where the directory of the configuration `path` is made while an INI file still has its name."""
    return path.parent.parent / f".{path.parent.name}-new"


def _finish_move(path: Path) -> None:
    """Complete the move of an INI file that had the name of gitsync's directory, and lost it when the process died."""
    staged = staged_dir(path)
    if os.path.lexists(staged / path.name) and not os.path.lexists(path.parent):
        with suppress(OSError):  # another process has done it
            staged.rename(path.parent)


def read_text(path: Path) -> str:
    """Return the text of a configuration file; raise ConfigError when it is missing, unreadable, too large or not
    text.
    """
    return decode(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Return the content of a configuration file; raise ConfigError as `read_text` does."""
    try:
        # Non-blocking: a FIFO or a terminal must not block the daemon.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise _unreadable(
            path, "no such file", "check the path; to create a config.toml: gitsyncctl watch DIR"
        ) from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, getattr(error, "strerror", None) or str(error)) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):  # /dev/null is an empty configuration
            kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise _unreadable(path, f"it is {kind}", "give the path of the file, as DIR/config.toml")
        data = b""
        while len(data) <= SIZE_MAX and (more := os.read(descriptor, SIZE_MAX + 1 - len(data))):
            data += more
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    finally:
        os.close(descriptor)
    if len(data) > SIZE_MAX:
        raise _unreadable(path, f"it is larger than {SIZE_MAX // 1024} KiB", "check that it is the right file")
    return data


def decode(data: bytes, path: Path) -> str:
    """Return `data` as text, without a byte order mark; raise ConfigError when it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        fault = f"{escape(str(path))}:{line}: not UTF-8 text: invalid byte 0x{data[error.start]:02x}"
        raise ConfigError([fault], "save the file as UTF-8") from error


def _unreadable(path: Path, why: str, hint: str = "check the file and its permissions") -> ConfigError:
    return ConfigError([f"{escape(str(path))}: cannot read the configuration: {why}"], hint)
