"""Asks gitsync, as the control command does: over the socket, or without a daemon from files and git.

Runs on worker threads; owns nothing. It has no power that the control command does not have.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gitsync
from gitsync import places, proc
from gitsync.control import client
from gitsync.control.commands import BY_NAME, checked
from gitsync.control.table import ACT, NO, Command
from gitsync.errors import (
    EXIT_ATTENTION,
    EXIT_OK,
    AlreadyRunningError,
    GitsyncError,
    NotRunningError,
    OperationError,
)

Json = dict[str, Any]
# A command in a process of its own, as an import or the installation of the service.
COMMAND_S = 300.0
GLANCE_S = 0.5


class Gateway:
    """The way to gitsync, for one configuration and one socket."""

    def __init__(self, config: str | None, socket: str | None) -> None:
        self.config = config
        self.socket = socket

    @property
    def address(self) -> str:
        """The path of the control socket."""
        return places.answering_address(self.socket)

    def ask(self, name: str, /, **arguments: Any) -> Json:
        """Return gitsync's answer to a command; raise what it raises."""
        command = BY_NAME[name]
        params = checked(command, arguments)
        try:
            answer = client.call(self.address, name, params, command.timeout_s)
        except NotRunningError:
            if command.without_daemon == NO:
                raise
            answer = self._without_daemon(command, params)
        if not isinstance(answer, dict):
            raise client.nonsense()
        return answer

    def glance(self) -> Json:
        """Return the status of a daemon that answers at once; raise GitsyncError where there is none."""
        answer = client.call(self.address, "status", {}, GLANCE_S)
        return answer if isinstance(answer, dict) else {}

    def command(self, *words: str, is_cancelled: Callable[[], bool] | None = None) -> str:
        """Run a command of `gitsyncctl` in a process of its own, and return what it said; raise OperationError."""
        options = ["--config", self.config] if self.config else []
        argv = [sys.executable, "-m", "gitsync.cli.main", *options, *words]
        done = proc.run(argv, deadline_s=COMMAND_S, env=_import_path(), is_cancelled=is_cancelled)
        if done.returncode not in (EXIT_OK, EXIT_ATTENTION):
            error, _, hint = done.errors.strip().partition("\nhint: ")
            raise OperationError(error.removeprefix("error: ") or f"{words[0]} ended with {done.returncode}", hint)
        return os.fsdecode(done.stdout).strip()

    def _without_daemon(self, command: Command, params: Json) -> Any:
        only_looks = command.without_daemon != ACT or any(params.get(name) for name in command.looks_with)
        if not only_looks:
            return self._in_child(command, params)
        from gitsync.daemon import alone

        return alone.handle(command.name, params, self.config)

    def _in_child(self, command: Command, params: Json) -> Any:
        """Return the answer of a process that acts under the daemon's lock and ends, as the control command does."""
        request = json.dumps([command.name, params, self.config]).encode("ascii")
        argv = [sys.executable, "-m", "gitsync.web.alone"]
        done = proc.run(argv, deadline_s=command.timeout_s, input=request, env=_import_path())
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            raise OperationError(f"{command.name} ended without an answer", done.errors[-300:]) from None
        if "error" not in answer:
            return answer["answer"]
        raise _error(answer["error"])


def _import_path() -> dict[str, str]:
    """Return the environment in which a child finds this program, wherever it was started."""
    home = str(Path(gitsync.__file__).parent.parent)
    return {"PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))}


def _error(told: Json) -> GitsyncError:
    if told.get("code") == AlreadyRunningError.code:
        return AlreadyRunningError(told["message"], told["hint"])
    return OperationError(told["message"], told["hint"], code=told["code"])
