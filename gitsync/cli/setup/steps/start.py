"""Starting it: `gitsyncctl service install`. On the control command's only thread."""

from __future__ import annotations

from functools import partial

from gitsync import proc, text
from gitsync.cli.service.find import find
from gitsync.cli.service.setting import program_words
from gitsync.cli.setup.guide import Guide
from gitsync.errors import NotRunningError, OperationError

TITLE = "start it"
START_S = 60.0
ABOUT = "gitsync works while its daemon runs. As a service it is started now, and with each of your logins."


def act(guide: Guide) -> None:
    """Install the service where there can be one, else start the daemon."""
    config = guide.config()
    has_work = bool(config.repos or config.home or config.jobs)
    try:
        manager = find()
        state = manager.state()
    except OperationError as error:
        guide.dialogue.tell(error.message, "yellow")
        guide.dialogue.tell(error.advice)
        if has_work and _running(guide) is None:
            _start(guide)
        return
    if state.is_installed and state.is_enabled and state.is_active:
        guide.dialogue.tell(f"it is a service of {manager.name} and runs (PID {state.pid})", "green")
        return
    pid = _running(guide)
    if pid is not None and pid != state.pid:
        guide.dialogue.tell(f"gitsync runs already (PID {pid}), but not as a service. To have it as one:", "yellow")
        guide.dialogue.show("gitsyncctl stop && gitsyncctl service install")
        return
    if not has_work:
        guide.dialogue.tell("There is nothing to do for it yet.")
    if guide.is_yes(f"Install it as a service of {manager.name}?", "service", "install", is_default=has_work):
        with guide.working("service install"):
            guide.carry_out(
                "install the service",
                [guide.typed("service", "uninstall")],
                lambda: guide.run("service", action="install"),
            )
    elif has_work and pid is None:
        guide.account.to_do.append(("start it as a service", guide.typed("service", "install")))


def _start(guide: Guide) -> None:
    """Start the daemon in the background where that is wanted, else say at the end how to."""
    option = ["--config", guide.context.config] if guide.context.config else []
    words = ["gitsync", *option, "--daemon"]
    command = " ".join(text.as_word(each) for each in words)
    guide.dialogue.show(command)
    is_wanted = guide.is_yes("Start it in the background now?", is_default=True)
    if not (is_wanted and guide.carry_out("start gitsync", [guide.typed("stop")], partial(_run, words))):
        guide.account.to_do.append(("start it in the background", command))


def _run(words: list[str]) -> None:
    done = proc.run([*program_words("gitsync", "gitsync.daemon.main"), *words[1:]], deadline_s=START_S)
    if not done.ok:
        raise OperationError(
            done.errors.removeprefix("error: ").partition("\n")[0] or "gitsync did not start", "gitsync"
        )


def _running(guide: Guide) -> int | None:
    try:
        daemon = guide.answer("status").get("daemon") or {}
    except NotRunningError:
        return None
    return int(daemon["pid"]) if daemon else None
