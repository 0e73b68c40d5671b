"""gitsync as a service of systemd's user manager. The control command's only thread; owns the units with our mark."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from gitsync.cli.service import unit, written
from gitsync.cli.service.kind import START_S, ServiceChange, State, last_line, must, run_manager
from gitsync.cli.service.setting import AGENT, Setting, is_lasting
from gitsync.errors import GitsyncError, OperationError

JOURNAL_LINES = 10
# The meaning of an exit status, where there is no journal.
_ENDS = {
    "2": "its configuration has a fault",
    "3": "another gitsync runs, or holds one of the repositories",
    "70": "a bug in gitsync ended it; the report is in the state directory",
}


class Systemd:
    """systemd's user manager, in whose session this process runs."""

    name = "systemd"

    @property
    def file(self) -> Path:
        """The unit that is written."""
        return _units() / unit.NAME

    def state(self) -> State:
        """Return the state of gitsync's systemd unit."""
        shown = _shown("FragmentPath", "UnitFileState", "ActiveState", "MainPID")
        pid = int(shown.get("MainPID", "0") or 0)
        return State(
            file=shown.get("FragmentPath") or None,
            is_installed=bool(shown.get("FragmentPath")),
            is_enabled=shown.get("UnitFileState", "").startswith("enabled"),
            is_active=shown.get("ActiveState") in ("active", "reloading"),
            pid=pid or None,
            is_lingering=_is_lingering(),
        )

    def install(self, setting: Setting, *, is_outdated: bool) -> ServiceChange:
        """Write the units, start the service, and return what the person should know.

        An up-to-date service that is running is left alone, unless it `is_outdated`. Raise OperationError with the
        journal's last words when it does not start; the units are as before then.
        """
        change = ServiceChange()
        setting = _with_agent(setting, change)
        texts = {
            self.file: written.marked(unit.render(setting)),
            self.file.with_name(unit.FAILED_NAME): written.marked(unit.template(unit.FAILED_NAME)),
        }
        before = {path: path.read_bytes() if path.exists() else None for path in texts}
        was = self.state()
        is_same = all(before[path] == text.encode("utf-8", "surrogateescape") for path, text in texts.items())
        try:
            for path, text in texts.items():
                aside = written.put(path, text)
                if aside is not None:
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
        must("systemctl", "--user", "daemon-reload")
        run_manager("systemctl", "--user", "reset-failed", unit.NAME)
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
        run_manager("systemctl", "--user", "daemon-reload")
        run_manager("systemctl", "--user", "reset-failed", unit.NAME)
        if was_enabled:
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
    journal = run_manager(
        "journalctl", "--user", "--unit", unit.NAME, "--lines", str(JOURNAL_LINES), "--output=cat", "--quiet"
    )
    words = [line.strip() for line in journal.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
    ours = [line for line in words if line.startswith("error: ")]
    ended = _ENDS.get(_shown("ExecMainStatus").get("ExecMainStatus", ""), said)
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


def _is_lingering() -> bool | None:
    done = run_manager("loginctl", "show-user", getpass.getuser(), "--property=Linger", "--value")
    answer = done.stdout.decode("ascii", "replace").strip() if done.ok else ""
    return {"yes": True, "no": False}.get(answer)
