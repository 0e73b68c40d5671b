"""The steps of the guided setup in their order, and the account at its end. The control command's only thread."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import NamedTuple

from gitsync.cli.setup.guide import Guide
from gitsync.cli.setup.steps import home, import_old, job, start, watch, who
from gitsync.errors import EXIT_ATTENTION, EXIT_OK, OperationError

EXIT_INTERRUPTED = 130


class SetupStep(NamedTuple):
    """A step: its title, what it would do, and what does it."""

    title: str
    about: str
    act: Callable[[Guide], None]


STEPS = tuple(SetupStep(step.TITLE, step.ABOUT, step.act) for step in (who, import_old, watch, home, job, start))


def run(guide: Guide) -> int:
    """Lead through all steps, say what came of it, and return the exit status."""
    if shutil.which("git") is None:
        raise OperationError("git is not installed", "install it; on Debian: apt install git")
    status = EXIT_OK
    steps = [step for step in STEPS if step.act is not import_old.act or import_old.is_wanted()]
    step = 0
    try:
        _show_present(guide)
        while step < len(steps):
            title, about, act = steps[step]
            guide.dialogue.begin(f"Step {step + 1} of {len(steps)}: {title}", about)
            is_through = guide.go_through(title, act)
            step = step + 1 if is_through else max(step - 1, 0)
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
    except EOFError:
        pass  # the user has quit, which is not a failure
    _sum_up(guide, [step.title for step in steps[step:]])
    guide.dialogue.end()
    return status or (EXIT_ATTENTION if guide.account.failed else EXIT_OK)


def _show_present(guide: Guide) -> None:
    """Show what is configured; raise ConfigError, before anything is asked, where that has faults."""
    config = guide.config()
    if config.repos or config.home or config.jobs:
        guide.dialogue.tell("This is set up already; more can be added:")
        guide.run("list")


def _sum_up(guide: Guide, left: list[str]) -> None:
    dialogue, account = guide.dialogue, guide.account
    dialogue.begin("Left before the end" if left else "The end", "")
    dialogue.tell("Done, the newest first:" if account.done else "Nothing was changed.")
    # What is undone from the top down is undone in an order that works.
    for done in reversed(account.done):
        dialogue.tell(f"{done.what}; to undo it:", "green")
        for line in done.undo:
            dialogue.show(line)
    if account.failed:
        dialogue.tell("Not done:")
    for what, why in account.failed:
        dialogue.tell(f"{what}: {why}", "red")
    if account.to_do:
        dialogue.tell("Still to do:")
    for what, command in account.to_do:
        dialogue.tell(what, "yellow")
        dialogue.show(command)
    if left:
        dialogue.tell(f"Not asked to the end: {', '.join(left)}.")
    dialogue.tell("To see the state, find problems, and run this again:")
    for command in ("status", "doctor", "setup"):
        dialogue.show(guide.typed(command))
