"""The installed service as `status` and `doctor` show it, and what to type instead of "start it with gitsync --daemon".

On the control command's only thread. The service manager is asked only where the daemon's answer leaves a question: a
prompt that shows the status of a daemon that answers costs no further process.
"""

from __future__ import annotations

import os
import sys

from gitsync import places, text
from gitsync.control import client
from gitsync.errors import GitsyncError, NotRunningError, OperationError
from gitsync.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gitsync.cli.context import Context

    Json = dict[str, Any]
else:
    Json = dict

# An answer takes milliseconds; a person waits no longer than three seconds to hear that there is none.
ANSWER_S = 1.5
# One that has just begun to answer does so at once.
AGAIN_S = 0.4
# For a daemon that is at work, on a busy machine.
AT_WORK_S = 8.0


def view(context: Context, daemon: Json | None, *, is_hung: bool = False) -> Json | None:
    """Return the condition of the installed service, None where none is installed, or none can be.

    `daemon` is the part of the status document.
    """
    pid = int(daemon.get("pid") or 0) if daemon else None
    if daemon and not is_hung and (daemon.get("managed") or not _has_unit()):
        return None
    if pid is None and sys.platform == "linux" and (of_system := _of_system()):
        return of_system
    if not _has_manager():
        return None
    from gitsync.cli.service.condition import condition
    from gitsync.cli.service.launchd import Launchd
    from gitsync.cli.service.systemd import Systemd

    try:
        if sys.platform == "darwin":
            from pathlib import Path

            manager: Launchd | Systemd = Launchd(Path.home())
        else:
            manager = Systemd()
        state = manager.state()
        found = condition(manager, state, pid, context.config, is_hung=is_hung)
    except GitsyncError:
        return None  # status is shown even if the manager does not answer
    return None if found.state == "not-installed" else found.to_json(manager.name, state)


def _of_system() -> Json | None:
    """Return the condition of the unit by which the system runs gitsync for this user, None where there is none."""
    if not os.path.isdir("/etc/systemd/system/multi-user.target.wants"):  # noqa: PTH112 - pathlib takes 3 ms to load
        return None
    from gitsync.cli.service.server_unit import ServerUnit

    unit = ServerUnit()
    return unit.condition().to_json(unit.name, unit.state()) if unit.is_enabled else None


def ask(context: Context, arguments: Json) -> Json:
    """Return the answer of `Context.ask`; raise OperationError, with the service's view, for a daemon that hangs."""
    for patience_s in (ANSWER_S, AGAIN_S, AT_WORK_S):
        context.patience_s = patience_s
        try:
            return context.ask(arguments)
        except OperationError as error:
            if error.code != "timeout":
                raise
        pid = holder()
        # Without a holder, it is being started by its socket.
        is_over = pid is not None and not _is_at_work(pid)
        if patience_s == AT_WORK_S or (is_over and patience_s == AGAIN_S):
            break
    raise hung(context, pid)


def told(context: Context) -> Json:
    """Return the daemon's status within the same time; raise OperationError "timeout" when it does not answer."""
    try:
        return context.tell_daemon("status", ANSWER_S)
    except OperationError as error:
        if error.code != "timeout":
            raise
    return context.tell_daemon("status", AGAIN_S)


def hung(context: Context, pid: int | None) -> OperationError:
    """Return the error for a daemon that takes connections and does not answer."""
    found = view(context, {"pid": pid or 0}, is_hung=True)
    plain = not_answering(pid)
    if found is not None and found["state"] == "hung":
        return OperationError(f"{plain.message}; {found['reason']}", found["hint"], code="hung")
    return plain


def not_answering(pid: int | None) -> OperationError:
    """Return the error for a daemon that hangs, where no service manager knows more."""
    message, how = f"gitsync{f' (PID {pid})' if pid else ''} does not answer", "its log says what it was doing"
    if pid and _state(pid) in ("T", "t"):
        message, how = f"{message}: the process is stopped (SIGSTOP)", f"to let it go on: kill -CONT {pid}"
    elif pid:
        how = f"to end it, with its threads in its log: kill -ABRT {pid}; then start it again"
    return OperationError(message, how, code="hung")


def not_running(context: Context, error: NotRunningError) -> NotRunningError:
    """Return the error with the hint that fits the installed service."""
    found = view(context, None)
    if found is None or error.hint != client.HOW_TO_START:
        return error
    from gitsync.cli.service.condition import sentence

    hint = found["hint"] or f"see: gitsyncctl service status ({found['state']})"
    return NotRunningError(f"{error.message}: {sentence(found)}", hint, code=error.code)


def outdated(document: Json) -> str:
    """Return what to show when the daemon that answers is of another version than this command."""
    daemon, version = document.get("daemon") or {}, str(document.get("version", VERSION))
    if not daemon or version == VERSION:
        return ""
    return f"the running gitsync is {version}, and {VERSION} is installed; to restart it: {how_to_restart(document)}"


def other_agent(document: Json) -> str:
    """Return what hands this terminal's ssh agent over to a daemon that is refused by a remote; "" for nothing."""
    daemon, agent = document.get("daemon") or {}, os.environ.get("SSH_AUTH_SOCK")
    entries = [*document.get("repos", ()), document.get("home") or {}, *document.get("jobs", ())]
    is_refused = any(entry.get("state") == "auth" for entry in entries)
    if not daemon or not agent or not is_refused or daemon.get("agent") == agent:
        return ""
    how = "gitsyncctl stop; gitsync --daemon"
    if daemon.get("managed") and sys.platform != "darwin":
        how = "systemctl --user import-environment SSH_AUTH_SOCK; gitsyncctl reload"
        if daemon.get("agent") and os.path.exists(daemon["agent"]):  # noqa: PTH110 - pathlib takes 3 ms to load
            how = "systemctl --user import-environment SSH_AUTH_SOCK; systemctl --user restart gitsync"
    return f"the ssh agent of this terminal is not the one that gitsync asks; to hand it over: {how}"


def how_to_restart(document: Json) -> str:
    """Return the command that restarts the daemon that gave this document."""
    if not (document.get("daemon") or {}).get("managed"):
        return "gitsyncctl stop; gitsync --daemon"
    if sys.platform == "darwin":
        return f"launchctl kickstart -k gui/{os.getuid()}/org.gitsync.gitsync"
    if system_unit := system_unit_of(int(document["daemon"].get("pid") or 0)):
        return f"sudo systemctl restart {system_unit}"
    return "systemctl --user restart gitsync"


def system_unit_of(pid: int) -> str:
    """Return the unit of the system that the process runs as, "" for none: gitsync@ada on a server."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="ascii", errors="replace") as file:
            group = file.read().strip().rpartition("\n")[2].rpartition("::")[2]
    except OSError:
        return ""
    name = group.rpartition("/")[2]
    return text.clean(name.removesuffix(".service")) if name.startswith("gitsync@") else ""


def _has_manager() -> bool:
    if sys.platform == "darwin":
        return True
    base = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    return os.path.isdir(f"{base}/systemd")  # noqa: PTH112 - pathlib takes 3 ms to load


def _has_unit() -> bool:
    """Whether a service of this user's is installed, or started with the session, as far as files say."""
    home = os.path.expanduser("~")  # noqa: PTH111 - the same
    if sys.platform == "darwin":
        return os.path.lexists(f"{home}/Library/LaunchAgents/org.gitsync.gitsync.plist")
    units = f"{os.environ.get('XDG_CONFIG_HOME') or f'{home}/.config'}/systemd/user"
    return any(os.path.lexists(f"{units}/{name}gitsync.service") for name in ("", "default.target.wants/"))


def holder() -> int | None:
    """Return the PID in the daemon's lock file; None while a command that works without a daemon has it."""
    try:
        with open(f"{places.state_dir()}/lock", "rb") as file:
            held = file.read(32).strip()
    except OSError:
        return None
    return int(held) if held.isdigit() else None


def _is_at_work(pid: int) -> bool:
    """Whether a thread of the process runs or waits for a processor, as a process that hangs does not."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - the same
    except OSError:
        return False
    return any(_state(pid, task) == "R" for task in tasks)


def _state(pid: int, task: str = "") -> str:
    try:
        with open(f"/proc/{pid}/{f'task/{task}/' if task else ''}stat", "rb") as file:
            return text.clean(file.read().rpartition(b") ")[2][:1].decode("ascii", "replace"))
    except OSError:
        return ""
