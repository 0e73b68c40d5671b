"""`gitsyncctl service`: have the user's service manager start gitsync. Runs in this process."""

from __future__ import annotations

import sys
from functools import partial

from gitsync import clock, text
from gitsync.cli import confirm, service_view
from gitsync.cli.commands import web
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.cli.service import page
from gitsync.cli.service.condition import Condition, condition, sentence
from gitsync.cli.service.find import find
from gitsync.cli.service.kind import ServiceManager, State
from gitsync.cli.service.setting import here
from gitsync.errors import (
    EXIT_ATTENTION,
    EXIT_NOT_RUNNING,
    EXIT_OK,
    AlreadyRunningError,
    ConfigError,
    GitsyncError,
    NotRunningError,
    OperationError,
)
from gitsync.version import VERSION

# systemd says when the daemon answers; launchd does not.
ANSWER_S = 30.0
LOOK_S = 0.1
LINGER = "it ends with your last logout; to keep it running: loginctl enable-linger"


def run(context: Context, arguments: Json) -> Reply:
    """Do what `action` says."""
    action = arguments["action"]
    if action == "status":
        return _status(context)
    manager = find()
    if action == "install":
        return _install(context, manager, is_agreed=arguments["yes"], has_page=arguments["web"])
    return _uninstall(manager)


def _install(context: Context, manager: ServiceManager, *, is_agreed: bool, has_page: bool) -> Reply:
    """Write the service, start it and ask it; raise what keeps it from answering."""
    from gitsync.config.load import load

    load(context.config)  # its faults are said here, not in a journal
    if has_page:
        _check_page(manager)
    if not is_agreed and manager.state().is_masked:
        _ask_about_mask(context, manager)
    running = _running(context)
    _refuse_another(running, manager)
    is_outdated = running is not None and running["version"] != VERSION
    change = manager.install(here(context.config, context.socket), is_outdated=is_outdated)
    daemon = _answer(context, manager)
    if has_page:
        change.kept += page.install(manager.file.parent, here(context.config, context.socket))
    state = manager.state()
    document = _document(context, manager, state, daemon)
    notes = [*change.notes, *([LINGER] if document["lingering"] is False else [])]
    document = {**document, "kept": change.kept, "notes": notes}
    return Reply(document, _show_installed)


def _check_page(manager: ServiceManager) -> None:
    """Raise OperationError where the page cannot be a service."""
    web.check_installed()
    if manager.name != "systemd":
        raise OperationError(
            f"the page is a service of systemd alone, not of {manager.name}", "to have it when you ask: gitsyncctl web"
        )


def _ask_about_mask(context: Context, manager: ServiceManager) -> None:
    """Ask whether a mask, by which somebody has forbidden the service, is to be lifted; raise OperationError if not."""
    asks = sys.stdin is not None and sys.stdin.isatty() and context.output.is_terminal and not context.output.is_json
    question = "The service gitsync is masked: it was forbidden to start. Lift the mask and install it?"
    if not asks or not confirm.is_yes(question):
        raise OperationError(
            "the service is masked, which forbids it to start; nothing was changed",
            f"to lift the mask and install it: gitsyncctl service install --yes; to lift it alone: {manager.unmask}",
            code="masked",
        )


def _show_installed(output: Output, answer: Json) -> None:
    daemon, manager = answer["daemon"], answer["manager"]
    output.wrapped(f"gitsync {daemon['version']} runs as a service of {manager} (PID {daemon['pid']})", "green")
    output.wrapped(f"it is started with your session, by {text.tilde(str(answer['file']))}")
    if answer["page"]:
        output.wrapped(f"the page is at {answer['page']}, and starts when it is asked for; to open it: gitsyncctl web")
    for kept in answer["kept"]:
        output.wrapped(f"note: what you had changed there is in {text.tilde(kept)} now")
    for note in answer["notes"]:
        output.wrapped(f"note: {note}", "yellow")


def _refuse_another(daemon: Json | None, manager: ServiceManager) -> None:
    """Raise AlreadyRunningError when a daemon runs that is not the service."""
    if daemon is not None and daemon["pid"] != manager.state().pid:
        raise AlreadyRunningError(
            f"gitsync already runs with PID {daemon['pid']}, and not as a service of {manager.name}",
            "end that one first: gitsyncctl stop, then: gitsyncctl service install",
        )


def _answer(context: Context, manager: ServiceManager) -> Json:
    """Return what the started daemon says of itself; raise OperationError when it does not answer."""
    now = clock.SystemClock().now
    ends_at = now() + ANSWER_S
    while True:
        daemon = _running(context)
        if daemon is not None and daemon["pid"] == manager.state().pid:
            return daemon
        if now() > ends_at:
            whose = f"PID {daemon['pid']} answers instead" if daemon else "nobody answers"
            raise OperationError(
                f"the service was started, but {whose} on {context.address}",
                "to see its state: gitsyncctl service status; to remove it: gitsyncctl service uninstall",
                code="service-failed",
            )
        clock.sleep(LOOK_S)


def _uninstall(manager: ServiceManager) -> Reply:
    """Stop and remove the service; what it kept in order stays."""
    was = manager.state()
    kept = page.uninstall(manager.file.parent) if manager.name == "systemd" else []
    change = manager.uninstall()
    change.kept += kept
    removed = was.file if was.is_installed else None
    document = {"manager": manager.name, "removed": removed, "kept": change.kept, "notes": change.notes}
    return Reply(document, _show_removed)


def _show_removed(output: Output, answer: Json) -> None:
    if answer["removed"] is None:
        output.wrapped("no service was installed")
        return
    output.wrapped(f"stopped and removed: {text.tilde(str(answer['removed']))}")
    for kept in answer["kept"]:
        output.wrapped(f"note: what you had changed there is in {text.tilde(kept)} now")
    for note in answer["notes"]:
        output.wrapped(f"note: {text.tilde(note)}")
    output.wrapped("your files, their history and the configuration stay")


def _status(context: Context) -> Reply:
    """Show the state of the service; status 3 when no daemon answers, however it was started."""
    fault: ConfigError | None = None
    try:
        daemon = _running(context)
    except ConfigError as error:  # a process holds its socket and waits for the file to be fixed
        daemon, fault = None, error
    why = advice = ""
    manager: ServiceManager | None = None
    try:
        manager = find()
    except OperationError as error:
        why, advice = error.message, error.advice
    state = manager.state() if manager is not None else State()
    document = _document(context, manager, state, daemon)
    status = EXIT_OK if daemon else EXIT_NOT_RUNNING
    if fault is not None:
        document |= {"reason": fault.summary, "hint": fault.advice, "needs_user": True}
        status = EXIT_ATTENTION
    elif daemon and (document["needs_user"] or not daemon["answers"]):
        status = EXIT_ATTENTION
    return Reply(document, partial(_show_status, why, advice), status)


def _show_status(why: str, advice: str, output: Output, answer: Json) -> None:
    manager, daemon = answer["manager"], answer["daemon"]
    if manager is None:
        output.wrapped(why, "yellow")
        output.wrapped(f"hint: {advice}")
    elif not (answer["installed"] or answer["active"] or answer["state"] == "masked"):
        output.wrapped(f"not installed as a service of {manager}; to have it: gitsyncctl service install", "yellow")
    else:
        how = ["starts with your session" if answer["enabled"] else "is not started with your session"]
        how.append(f"runs (PID {answer['pid']})" if answer["active"] else "does not run")
        output.wrapped(
            f"service of {manager}: {', '.join(how)}",
            "green" if answer["enabled"] and answer["active"] else "yellow",
        )
        if answer["file"]:
            output.wrapped(text.tilde(str(answer["file"])), "dim", "  ")
        if answer["enabled"] and answer["lingering"] is False:
            output.wrapped(f"note: {LINGER}")
    is_shown = answer["reason"] or answer["state"] not in ("running", "not-installed")
    if is_shown and (told := sentence(answer)):
        output.wrapped(told, "red" if answer["needs_user"] else "yellow")
    if answer["hint"]:
        output.wrapped(f"hint: {answer['hint']}")
    if answer["page"]:
        output.wrapped(f"the page is at {answer['page']}; to open it: gitsyncctl web")
    if daemon is not None and not daemon["answers"]:
        hung = service_view.not_answering(daemon["pid"])
        output.wrapped(hung.message, "red")
        if not answer["hint"]:
            output.wrapped(f"hint: {hung.hint}")
        return
    if daemon is None:
        output.wrapped("gitsync is not running", "yellow")
    elif daemon["pid"] != answer["pid"]:
        unit = service_view.system_unit_of(daemon["pid"])
        where = f" as the system's service {unit}" if unit else "" if manager is None else " outside of it"
        output.wrapped(f"gitsync {daemon['version']} runs{where} (PID {daemon['pid']})", "green" if unit else "yellow")
    else:
        output.wrapped(f"gitsync {daemon['version']} answers, running for {text.span(daemon['uptime_s'])}")


def _document(context: Context, manager: ServiceManager | None, state: State, daemon: Json | None) -> Json:
    found = Condition("not-installed")
    if manager is not None:
        is_hung = daemon is not None and not daemon["answers"]
        found = condition(manager, state, daemon["pid"] if daemon else None, context.config, is_hung=is_hung)
    return {
        "manager": manager.name if manager is not None else None,
        "state": found.state,
        "reason": found.reason,
        "hint": found.hint,
        "needs_user": found.needs_person,
        "file": state.file,
        "installed": state.is_installed,
        "enabled": state.is_enabled,
        "active": state.is_active,
        "pid": state.pid,
        "lingering": manager.is_lingering() if manager is not None else None,
        "page": page.address() if manager is not None and manager.name == "systemd" else None,
        "daemon": daemon,
    }


def _running(context: Context) -> Json | None:
    """Return version, pid and uptime_s of the daemon, None when there is none; `answers` is false when it hangs."""
    try:
        document = service_view.told(context)
    except NotRunningError:
        return None
    except GitsyncError as error:
        if error.code == "hung-up":  # it is about to end
            return None
        if error.code == "timeout":
            return {"version": "", "pid": service_view.holder() or 0, "uptime_s": 0.0, "answers": False}
        raise
    daemon = document.get("daemon") or {}
    return {
        "version": str(document.get("version", "")),
        "pid": int(daemon.get("pid", 0)),
        "uptime_s": float(daemon.get("uptime_s", 0)),
        "answers": True,
    }
