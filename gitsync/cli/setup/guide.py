"""Leads one person through the steps, calls the commands, and keeps the account. The control command's only thread.

Whatever a step does goes through `carry_out`, after a yes: so that the account at the end is true, however it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from gitsync import places, text
from gitsync.cli.context import Context, Reply
from gitsync.cli.progress import Progress
from gitsync.cli.setup.dialogue import TEXT, BackError, Dialogue
from gitsync.config.load import load, parse
from gitsync.config.options import Config
from gitsync.config.source import read_text
from gitsync.control.commands import BY_NAME, checked
from gitsync.errors import GitsyncError, UsageError

Check = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Done:
    """Something that was done, and the command lines that take it back."""

    what: str
    undo: Sequence[str]


@dataclass(slots=True)
class Account:
    """The account: what was done, what failed with its reason, and what is left, with its command line."""

    done: list[Done] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    to_do: list[tuple[str, str]] = field(default_factory=list)


class Guide:
    """What the steps work with."""

    def __init__(self, context: Context, dialogue: Dialogue) -> None:
        self.context = context
        self.dialogue = dialogue
        self.account = Account()
        self._begun: dict[str, int] = {}  # how much was to be done when a step was begun first

    @property
    def config_file(self) -> Path:
        """The file that is written."""
        return places.config_file(self.context.config)

    def config(self) -> Config:
        """Return the configuration in force; raise ConfigError for one with faults."""
        return load(self.context.config, is_to_be_made=True)

    def written(self) -> Config:
        """Return what the file that is written says, without what else is in force."""
        path = self.config_file
        return parse(read_text(path), path) if path.is_file() else Config()

    def ask(self, question: str, check: Check = str, *, default: str = "", empty: str = "", kind: str = TEXT) -> str:
        """Return an answer as `check` returns it; ask again, saying why, while that raises UsageError.

        Where `empty` says what no answer means, "" is returned for none.
        """
        refusal: GitsyncError | None = None
        while True:
            answer = self.dialogue.read(question, default=default, empty=empty, kind=kind, refusal=refusal)
            if not answer.strip() and empty:
                return ""
            try:
                if not answer.strip():
                    raise UsageError("an answer is needed here", "Ctrl-C or Cancel leaves the setup")
                return check(answer)
            except UsageError as error:
                refusal = error

    def is_yes(self, question: str, *command: str, is_default: bool = False) -> bool:
        """Return whether the person agrees, having seen the command line that would do it."""
        if command:
            self.dialogue.show(self.typed(*command))
        return self.dialogue.is_yes(question, is_default=is_default)

    def carry_out(self, what: str, undo: Sequence[str], act: Callable[[], object]) -> bool:
        """Do what was agreed to and note it; show its error, note that, and return False when it fails."""
        try:
            act()
        except GitsyncError as error:
            self.dialogue.refuse(error)
            self.account.failed.append((what, error.message))
            return False
        except KeyboardInterrupt:
            self.account.failed.append((what, "interrupted; to see the state: gitsyncctl status"))
            raise
        self.account.done.append(Done(what, undo))
        return True

    def go_through(self, title: str, act: Callable[[Guide], None]) -> bool:
        """Go through a step; an unexpected error ends this one, and the next one follows. Return False where the person
        wants to return to the step before: what a step has done stays done, and it is asked for what is left.
        """
        # Tasks left by an earlier pass: the step asks again.
        del self.account.to_do[self._begun.setdefault(title, len(self.account.to_do)) :]
        try:
            act(self)
        except BackError:
            return False
        except GitsyncError as error:
            self.dialogue.refuse(error)
            self.account.failed.append((title, error.message))
        return True

    def run(self, name: str, **arguments: Any) -> int:
        """Run another command as if it had been typed, and return its exit status."""
        command = BY_NAME[name]
        module = import_module(f"gitsync.cli.commands.{name.replace('-', '_')}")
        reply: Reply = module.run(self._context(name), checked(command, arguments))
        return reply.write(self.dialogue.output)

    def answer(self, name: str) -> dict[str, Any]:
        """Return what another command would show, for what is decided by it."""
        return self._context(name).ask({})

    def working(self, label: str) -> Progress:
        """Return what shows, while the block lasts, that something is done which may take a while."""
        return Progress(self.dialogue.output, label, self.context.address)

    def typed(self, command: str, *words: str) -> str:
        """Return the command line for a person at a shell."""
        named = {"--config": self.context.config, "--socket": self.context.socket}
        options = [word for flag, value in named.items() if value for word in (flag, value)]
        return " ".join(text.as_word(each) for each in ("gitsyncctl", *options, command, *words))

    def _context(self, name: str) -> Context:
        return Context(BY_NAME[name], self.dialogue.output, self.context.config, self.context.socket)
