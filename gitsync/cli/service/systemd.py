"""gitsync as a service of systemd's user manager. The control command's only thread; owns the units with our mark."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from gitsync.cli.service import replaced, unit, written
from gitsync.cli.service.ends import ENDS
from gitsync.cli.service.kind import START_S, ServiceChange, State, last_line, must, run_manager, runtime_dir
from gitsync.cli.service.setting import AGENT, Setting, is_lasting
from gitsync.errors import GitsyncError, OperationError

JOURNAL_LINES = 10
_FIELDS = (
    "FragmentPath",
    "UnitFileState",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "ExecMainStatus",
    "MainPID",
    "StatusText",
    "WatchdogUSec",
    "Restart",
)
# RestartPreventExitStatus= of the unit.
_NOT_TRIED_AGAIN = ("2", "3", "127", "203")
_ACTIVITIES = {
    "active": "active",
    "reloading": "active",
    "activating": "starting",
    "deactivating": "stopping",
    "failed": "failed",
}


class Systemd:
    """systemd's user manager, in whose session this process runs."""

    name = "systemd"

    def __init__(self) -> None:
        # In the shell of `su`, the variable is missing for the person, too.
        prefix = "" if os.environ.get("XDG_RUNTIME_DIR") else f"XDG_RUNTIME_DIR={runtime_dir()} "
        systemctl = f"{prefix}systemctl --user"
        self.start = f"{systemctl} start gitsync"
        self.start_again = f"{systemctl} reset-failed gitsync && {systemctl} start gitsync"
        self.restart = f"{systemctl} restart gitsync"
        self.enable = f"{systemctl} enable --now gitsync"
        self.unmask = f"{systemctl} unmask gitsync"
        self.log = f"{prefix}journalctl --user -u gitsync -n 20"

    @property
    def file(self) -> Path:
        """The unit that is written."""
        return _units() / unit.NAME

    def state(self) -> State:
        """Return the state of gitsync's systemd unit."""
        shown = _shown(*_FIELDS)
        pid, file, active = int(shown.get("MainPID", "0") or 0), shown.get("FragmentPath"), shown.get("ActiveState", "")
        is_waiting = shown.get("SubState") == "auto-restart"
        is_masked = shown.get("LoadState") == "masked"
        status = shown.get("ExecMainStatus", "")
        return State(
            file=file or None,
            is_installed=bool(file) and not is_masked,
            is_enabled=shown.get("UnitFileState", "").startswith("enabled"),
            is_active=_ACTIVITIES.get(active) == "active",
            pid=pid or None,
            activity="auto-restart" if is_waiting else _ACTIVITIES.get(active, "stopped"),
            result=shown.get("Result", ""),
            exit_status=int(status) if status.isdigit() else None,
            has_hit_limit=_has_hit_limit(shown),
            is_masked=is_masked,
            is_ours=bool(file) and not is_masked and written.has_mark(Path(str(file))),
            description=_description(shown),
        )

    def is_lingering(self) -> bool | None:
        """Return whether the user manager goes on after the last logout."""
        done = run_manager("loginctl", "show-user", getpass.getuser(), "--property=Linger", "--value")
        answer = done.stdout.decode("ascii", "replace").strip() if done.ok else ""
        return {"yes": True, "no": False}.get(answer)

    def last_words(self) -> str:
        """Return the last error in the journal of the service's last start; "" for none."""
        words = _journal()
        found = [line for line in words if line.startswith("error: ")]
        return found[-1].removeprefix("error: ") if found else ""

    def install(self, setting: Setting, *, is_outdated: bool) -> ServiceChange:
        """Write the units, start the service, and return what the person should know.

        An up-to-date service that is running is left alone, unless it `is_outdated`. Raise OperationError with the
        journal's last words when it does not start; the units are as before then.
        """
        change = ServiceChange()
        setting = _with_agent(setting, change)
        was = self.state()
        texts = {
            self.file: written.marked(unit.render(setting)),
            self.file.with_name(unit.FAILED_NAME): written.marked(unit.render_failed(setting)),
        }
        # What is not gitsync's own is moved aside, and comes back from there.
        before = {path: path.read_bytes() if written.has_mark(path) else None for path in texts}
        is_same = all(before[path] == text.encode("utf-8", "surrogateescape") for path, text in texts.items())
        try:
            is_hidden = was.is_installed and not was.is_ours and was.file != str(self.file)
            if is_hidden and (was.is_enabled or was.is_active):
                replaced.note(None, was)
            for path, text in texts.items():
                is_foreign = not written.has_mark(path)
                aside = written.put(path, text)
                if aside is not None and is_foreign and path == self.file:
                    replaced.note(aside, was)
                elif aside is not None:
                    change.kept.append(str(aside))
            must("systemctl", "--user", "daemon-reload")
            run_manager("systemctl", "--user", "reset-failed", unit.NAME)
            must("systemctl", "--user", "enable", "--quiet", unit.NAME)
            if not (was.is_active and is_same) or is_outdated or change.notes:
                # Not `enable --now`: what runs is to be what was written a moment ago.
                started = run_manager("systemctl", "--user", "restart", unit.NAME, deadline_s=START_S)
                if not started.ok:
                    raise _not_started(last_line(started))
        except GitsyncError:
            self._undo(before, was_enabled=was.is_enabled)
            for kept in change.kept:  # its content is back in its place
                Path(kept).unlink(missing_ok=True)
            raise
        return change

    def uninstall(self) -> ServiceChange:
        """Stop and disable the service and remove the units with our mark; a socket unit in use is stopped too."""
        state = self.state()
        if state.is_masked:
            raise OperationError("gitsync.service is masked: there is nothing to remove", f"to allow it: {self.unmask}")
        if state.file is not None and not written.has_mark(Path(state.file)):
            raise OperationError(
                f"{state.file} was not written by gitsyncctl service install",
                "to stop it: systemctl --user disable --now gitsync",
            )
        change = ServiceChange()
        if state.is_installed:
            must("systemctl", "--user", "disable", "--quiet", "--now", unit.NAME, deadline_s=START_S)
        for path in (self.file, self.file.with_name(unit.FAILED_NAME)):
            aside = written.remove(path)
            if aside is not None:
                change.kept.append(str(aside))
        before = replaced.put_back(self.file)
        must("systemctl", "--user", "daemon-reload")
        run_manager("systemctl", "--user", "reset-failed", unit.NAME)
        now = self.state() if before is not None else None
        if before is not None and now is not None and (now.is_installed or now.is_masked):
            change.notes.append(f"what was there before is in its place again: {now.file or self.file}")
            for verb, is_wanted in (("enable", before.is_enabled), ("start", before.is_active)):
                if is_wanted:
                    run_manager("systemctl", "--user", "--quiet", verb, unit.NAME, deadline_s=START_S)
        return change

    def _undo(self, before: dict[Path, bytes | None], *, was_enabled: bool) -> None:
        """Put the units back as they were; what ran before is started again."""
        run_manager("systemctl", "--user", "stop", unit.NAME, deadline_s=START_S)
        if not was_enabled:
            run_manager("systemctl", "--user", "disable", "--quiet", unit.NAME)
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)
        replaced.put_back(self.file)
        run_manager("systemctl", "--user", "daemon-reload")
        run_manager("systemctl", "--user", "reset-failed", unit.NAME)
        if was_enabled:
            # The link that enables it leads to the file that was removed.
            run_manager("systemctl", "--user", "reenable", "--quiet", unit.NAME)
            run_manager("systemctl", "--user", "start", unit.NAME, deadline_s=START_S)


def _with_agent(setting: Setting, change: ServiceChange) -> Setting:
    """Hand the ssh agent's socket over, in the way that outlives the most."""
    agent = os.environ.get(AGENT)
    manager = must("systemctl", "--user", "show-environment").splitlines()
    if not agent or f"{AGENT}={agent}" in manager:
        return setting  # none, or the session hands it over by itself at each login
    if is_lasting(agent):
        return Setting(setting.daemon, setting.control, {**setting.environment, AGENT: agent})
    must("systemctl", "--user", "import-environment", AGENT)
    change.notes.append(
        f"the ssh agent at {agent} has a new place after each login; hand it over each time, in ~/.profile: "
        f"systemctl --user import-environment {AGENT}"
    )
    return setting


def _not_started(said: str) -> OperationError:
    # Its own last words tell more than systemctl's; a session without a journal has only these.
    words = _journal()
    ours = [line for line in words if line.startswith("error: ")]
    status = _shown("ExecMainStatus").get("ExecMainStatus", "")
    ended = ENDS.get(int(status) if status.isdigit() else 0, said)
    why = ours[-1].removeprefix("error: ") if ours else "; ".join(words[-3:]) or ended
    return OperationError(
        f"the service did not start: {why}",
        "nothing was left behind; see what it says in the foreground: gitsync -v",
        code="service-failed",
    )


def _units() -> Path:
    config = os.environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else Path.home() / ".config") / "systemd/user"


def _shown(*names: str) -> dict[str, str]:
    properties = [word for name in names for word in ("--property", name)]
    text = must("systemctl", "--user", "show", *properties, unit.NAME)
    return {name: value for name, _, value in (line.partition("=") for line in text.splitlines())}


def _journal() -> list[str]:
    """Return the lines that the service wrote last, oldest first; none where there is no journal."""
    invocation = _shown("InvocationID").get("InvocationID", "")
    match = f"_SYSTEMD_INVOCATION_ID={invocation}" if invocation else f"_SYSTEMD_USER_UNIT={unit.NAME}"
    try:
        done = run_manager("journalctl", "--user", match, "--lines", str(JOURNAL_LINES), "--output=cat", "--quiet")
    except OperationError:  # a systemd without journalctl
        return []
    return [line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]


def _has_hit_limit(shown: dict[str, str]) -> bool:
    """Whether systemd gave up after too many starts: it shows the first failure's result for a loop of crashes."""
    is_tried_again = shown.get("Restart", "no") != "no" and shown.get("ExecMainStatus") not in _NOT_TRIED_AGAIN
    is_failed = shown.get("ActiveState") == "failed"
    return is_failed and (shown.get("Result") == "start-limit-hit" or is_tried_again)


def _description(shown: dict[str, str]) -> str:
    """Return systemd's view in one sentence."""
    said = f", and it last said: {shown['StatusText']}" if shown.get("StatusText") else ""
    watchdog = shown.get("WatchdogUSec", "")
    guarded = "" if watchdog in ("", "0", "infinity") else f"; its watchdog restarts it after {watchdog} of silence"
    return f"for systemd it is {shown.get('ActiveState', 'unknown')} ({shown.get('SubState', '')}){said}{guarded}"
