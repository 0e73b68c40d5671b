"""Starting it: `gitsyncctl service install`. On the control command's only thread."""

from __future__ import annotations

from gitsync import text
from gitsync.cli.service.find import find
from gitsync.cli.setup.guide import Guide
from gitsync.errors import NotRunningError, OperationError

TITLE = "start it"
ABOUT = "gitsync works while its daemon runs. As a service it is started now, and with each of your logins."


def act(guide: Guide) -> None:
    """Install the service where there can be one, else say how to start the daemon."""
    config = guide.config()
    has_work = bool(config.repos or config.home or config.jobs)
    try:
        manager = find()
        state = manager.state()
    except OperationError as error:
        guide.dialogue.tell(error.message, "yellow")
        guide.dialogue.tell(error.advice)
        if has_work and _running(guide) is None:
            guide.account.to_do.append(("start it in the background", _daemon(guide)))
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


def _daemon(guide: Guide) -> str:
    """Return the command line that starts the daemon on what was set up."""
    option = ["--config", guide.context.config] if guide.context.config else []
    return " ".join(text.as_word(each) for each in ("gitsync", *option, "--daemon"))


def _running(guide: Guide) -> int | None:
    try:
        daemon = guide.answer("status").get("daemon") or {}
    except NotRunningError:
        return None
    return int(daemon["pid"]) if daemon else None
