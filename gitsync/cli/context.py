"""What a command gets to work with: the output, the options of every command, and a way to ask gitsync.

Runs on the control command's only thread. A command that needs files and git only is answered by the daemon where one
runs, else by the same handler in this process, which is loaded by name and late: it takes longer than the question.
"""

from __future__ import annotations

import os
from contextlib import suppress

from gitsync import places, text
from gitsync.cli import known_status
from gitsync.cli.progress import Progress
from gitsync.control import client
from gitsync.control.commands import checked
from gitsync.control.table import NO, TARGET, TARGETS, Command
from gitsync.errors import EXIT_OK, NotRunningError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from gitsync.cli.output import Output

    Json = dict[str, Any]
else:
    Json = dict


# The commands that change the configuration.
EDITING = ("watch", "unwatch", "init", "clone")


class Reply:
    """What a command ends with: its document, how `show` writes that for people, and the exit status.

    Without a document the command has written all there is.
    """

    def __init__(
        self,
        document: Json | None = None,
        show: Callable[[Output, Json], None] | None = None,
        status: int = EXIT_OK,
    ) -> None:
        self.document = document
        self.show = show
        self.status = status

    def write(self, output: Output) -> int:
        """Write it, as JSON where that was asked for, and return the exit status."""
        if self.document is not None and output.is_json:
            output.json(self.document)
        elif self.document is not None and self.show is not None:
            self.show(output, self.document)
        return self.status


class Context:
    """One run of one command."""

    def __init__(self, command: Command, output: Output, config: str | None, socket: str | None) -> None:
        self.command = command
        self.output = output
        self.config = config
        self.socket = socket
        self.patience_s: float | None = None
        self.is_alone = False  # whether this process answered, and no daemon runs
        self._unsent: list[Json] = []

    @property
    def address(self) -> str:
        """The path of the control socket."""
        return places.answering_address(self.socket)

    def ask(self, arguments: Json) -> Json:
        """Return what this command's handler answers to `arguments`, in the daemon or in this process."""
        params = checked(self.command, arguments)
        try:
            return self._ask(params)
        except UsageError:
            # A bare word is a name first. If no repository has that name, it may still be a directory here.
            other = self._with_directories(params)
            if other == params:
                raise
            return self._ask(other)

    def ask_daemon(self, arguments: Json) -> Json | None:
        """Return what the daemon answers to `arguments`; None where none runs, or it does not understand them."""
        try:
            return _document(
                client.call(self.address, self.command.name, checked(self.command, arguments), self._timeout_s)
            )
        except (NotRunningError, UsageError):
            return None

    def tell_daemon(self, method: str, timeout_s: float = 60.0) -> Json:
        """Return the daemon's answer to a method without parameters; raise NotRunningError when there is none."""
        return _document(client.call(self.address, method, {}, timeout_s))

    def _ask(self, params: Json) -> Json:
        with Progress(self.output, self.command.name, self.address) as progress:
            try:
                return _document(client.call(self.address, self.command.name, params, self._timeout_s))
            except NotRunningError:
                if self.command.without_daemon == NO:
                    raise
            answer = self._alone(params, progress)
            self._unsent = answer.get("unsent") or []
            self.is_alone = True
            if self.command.name in EDITING:
                # A daemon that was started meanwhile has read the configuration before it was changed.
                with suppress(NotRunningError):
                    self.tell_daemon("reload")
                    self.is_alone = False
            return answer

    def _alone(self, params: Json, progress: Progress) -> Json:
        """Return the answer from this process."""

        def handled() -> Json:
            progress.hear_log()
            alone = __import__("gitsync.daemon.alone", fromlist=["handle"])
            return _document(alone.handle(self.command.name, params, self.config))

        if self.command.name != "status":
            return handled()
        return known_status.answer(places.config_address(self.config), params, handled)

    @property
    def _timeout_s(self) -> float:
        return self.command.timeout_s if self.patience_s is None else self.patience_s

    def stream(self, arguments: Json, handler: Callable[[Any, Json], Iterator[Json]]) -> Iterator[Json]:
        """Return what a handler that only reads yields, in this process, so that it can be printed as it comes."""
        looking = __import__("gitsync.daemon.alone", fromlist=["looking"]).looking(self.config)
        params = checked(self.command, arguments)
        try:
            return handler(looking, params)
        except UsageError:
            other = self._with_directories(params)
            if other == params:
                raise
            return handler(looking, other)

    def tell_unsent(self) -> None:
        """Say what was committed in this process and could not be sent to its remote; a daemon would try again."""
        for item in self._unsent:
            name, error = str(item.get("repo", "")), item.get("error") or {}
            why = f": {error['message']}" if error.get("message") else ""
            self.output.complain("note", f"{name} is committed here, but not sent yet{why}")
            self.output.complain(
                "hint", f"to send it: gitsyncctl sync {text.as_word(name)}; gitsync does so while it runs"
            )

    def _with_directories(self, params: Json) -> Json:
        changed = dict(params)
        for parameter in self.command.parameters:
            value = params[parameter.name]
            if parameter.kind == TARGETS:
                changed[parameter.name] = [_directory(word) for word in value]
            elif parameter.kind == TARGET and value is not None:
                changed[parameter.name] = _directory(value)
        return changed


def _directory(word: str) -> str:
    is_here = "/" not in word and os.path.isdir(word)  # noqa: PTH112 - pathlib takes 3 ms to load
    return os.path.abspath(word) if is_here else word  # noqa: PTH100 - the same


def _document(answer: Any) -> Json:
    if not isinstance(answer, dict):
        raise client.nonsense()
    return answer
