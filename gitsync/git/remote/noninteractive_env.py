"""The environment in which git and ssh ask nobody: no terminal, no askpass, and connecting within a bound.

Any thread; owns nothing. The user's own ssh command is kept, and options are appended.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from gitsync.git import program
from gitsync.git.remote import upstream

CONNECT_TIMEOUT_MAX_S = 20


def environment(root: Path, timeout_s: float, line: str = "") -> dict[str, str]:
    """Return what makes git and ssh fail where they would ask a person; `timeout_s` bounds ssh's connecting, too.

    `line` is the ControlPath of a connection that is open already.
    """
    environment = dict(program.ASK_NOBODY)
    command = openssh_command(root)
    if command is not None:
        connect_s = max(1, min(CONNECT_TIMEOUT_MAX_S, int(timeout_s)))
        by_line = f" -o ControlMaster=no -o {shlex.quote(f'ControlPath={line}')}" if line else ""
        environment["GIT_SSH_COMMAND"] = f"{command} -o BatchMode=yes -o ConnectTimeout={connect_s}{by_line}"
    return environment


def openssh_command(root: Path) -> str | None:
    """Return the user's ssh command where it takes OpenSSH's -o options, else None."""
    command = ssh_command(root)
    return command if _is_openssh(root, command) else None


def ssh_command(root: Path) -> str:
    """Return the user's own ssh command, as the shell words that GIT_SSH_COMMAND takes."""
    if command := os.environ.get("GIT_SSH_COMMAND"):
        return command
    if command := upstream.read_config(root).get("core.sshcommand"):
        return command
    if program := os.environ.get("GIT_SSH"):
        return shlex.quote(program)
    return "ssh"


def _is_openssh(root: Path, command: str) -> bool:
    """Return whether the command takes OpenSSH's -o options; plink and "simple" ones are left as they are."""
    variant = os.environ.get("GIT_SSH_VARIANT") or upstream.read_config(root).get("ssh.variant", "auto")
    if variant not in ("auto", "ssh"):
        return False
    try:
        words = shlex.split(command)
    except ValueError:
        return False
    program = next((word for word in words if not re.fullmatch(r"\w+=.*", word)), "")
    return "plink" not in os.path.basename(program).lower()
