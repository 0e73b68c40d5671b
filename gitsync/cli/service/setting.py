"""The settings of this process that a service needs: which program, and which part of the environment.

Pure but for looking at this interpreter; the control command's only thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Variables that decide about paths, about how git and its children reach a remote and sign, and about which `.conf`
# lines apply. A session's
# own variables (DISPLAY, DBUS_SESSION_BUS_ADDRESS) are the manager's business and change with each login.
HANDED_OVER = (
    "PATH",
    "GITSYNC_CONFIG",
    "GITSYNC_SOCKET",
    "SYNC_ENV",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "XDG_DATA_HOME",
    "GIT_CONFIG_GLOBAL",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSL_CAINFO",
    "GNUPGHOME",
    "KRB5CCNAME",
    "KRB5_CONFIG",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TZ",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
)
AGENT = "SSH_AUTH_SOCK"


@dataclass(frozen=True)
class Setting:
    """What is started: the daemon's words, the control command's, and the environment they get."""

    daemon: tuple[str, ...]
    control: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def here(config: str | None, socket: str | None) -> Setting:
    """Return the setting of this interpreter and environment; options of this command line become the service's."""
    environment = {name: os.environ[name] for name in HANDED_OVER if os.environ.get(name)}
    environment["PATH"] = _sound_path(environment.get("PATH", os.defpath))
    options: tuple[str, ...] = ()
    if config is not None:
        options = ("--config", str(Path(config).expanduser().absolute()))
    if socket is not None:
        environment["GITSYNC_SOCKET"] = str(Path(socket).expanduser().absolute())
    for name in ("GITSYNC_CONFIG", "GITSYNC_SOCKET"):
        if name in environment:
            environment[name] = str(Path(environment[name]).expanduser().absolute())
    return Setting(
        (*program_words("gitsync", "gitsync.daemon.main"), *options),
        (*program_words("gitsyncctl", "gitsync.cli.main"), *options),
        environment,
    )


def is_lasting(agent: str) -> bool:
    """Whether an agent's socket will be at that place after the next login, too.

    One that an agent made for itself has a new name each time and lies in the directory for temporary files.
    """
    places = (os.environ.get("XDG_RUNTIME_DIR", ""), str(Path.home()))
    return any(place and Path(agent).is_relative_to(place) for place in places)


def program_words(name: str, module: str) -> tuple[str, ...]:
    """Return the words that start one of gitsync's programs with this interpreter."""
    script = Path(sys.executable).parent / name
    if os.access(script, os.X_OK):
        return (str(script),)
    # -P: a directory called gitsync in the home directory is not what is meant.
    return (sys.executable, "-P", "-m", module)


def _sound_path(path: str) -> str:
    """Return PATH without what is relative, missing or named twice."""
    kept = [entry for entry in path.split(os.pathsep) if entry.startswith("/") and Path(entry).is_dir()]
    return os.pathsep.join(dict.fromkeys(kept)) or os.defpath
