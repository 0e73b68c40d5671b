"""gitsync as an agent of launchd, on macOS. The control command's only thread; owns the plist with our mark."""

from __future__ import annotations

import contextlib
import os
import plistlib
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gitsync import clock, proc
from gitsync.cli.service import written
from gitsync.cli.service.kind import START_S, ServiceChange, State, last_line, must, run_manager
from gitsync.cli.service.setting import AGENT, Setting
from gitsync.config.store import edit_file
from gitsync.errors import GitsyncError, OperationError

LABEL = "org.gitsync.gitsync"
# launchctl's statuses while launchd still ends or starts the same label: "Operation now in progress" and "already in
# progress". It reports 5, "Input/output error", for a label that is still there, too, and for much else.
IN_PROGRESS = (36, 37)
NOT_YET = (5, *IN_PROGRESS)
# How long launchd may take for what it said it is at work on.
PATIENCE_S = 20.0
LOOK_S = 0.25
JOURNAL_LINES = 10
# The words of `launchctl print`.
_ACTIVITIES = {"running": "active", "spawn scheduled": "auto-restart", "waiting": "stopped"}


class Launchd:
    """launchd's domain of this user's graphical session."""

    name = "launchd"

    def __init__(self, home: Path, patience_s: float = PATIENCE_S) -> None:
        self._home = home
        self._patience_s = patience_s
        self._domain = f"gui/{os.getuid()}"
        self._target = f"{self._domain}/{LABEL}"
        self.start = self.start_again = f"launchctl kickstart {self._target}"
        self.restart = f"launchctl kickstart -k {self._target}"
        self.enable = self.unmask = "gitsyncctl service install"
        self.log = f"tail -n 20 {shlex.quote(str(self._log_dir / 'gitsync.log'))}"

    @property
    def file(self) -> Path:
        """The plist that is written."""
        return self._home / "Library/LaunchAgents" / f"{LABEL}.plist"

    def state(self) -> State:
        """Return the state of gitsync's launchd agent."""
        printed = run_manager("launchctl", "print", self._target)
        fields = dict(
            line.strip().split(" = ", 1)
            for line in printed.stdout.decode("utf-8", "replace").splitlines()
            if " = " in line and line.startswith("\t") and not line.startswith("\t\t")
        )
        pid, ended = fields.get("pid", ""), fields.get("last exit code", "").partition(":")[0]
        is_there = self.file.exists()
        state = fields.get("state", "") if printed.ok else ""
        status = int(ended) if ended.isdigit() else None
        # The daemon ends with status 0 where another start would not help; the reason is in its log of errors.
        is_failed = printed.ok and state != "running" and bool(status or self.last_words())
        activity = _ACTIVITIES.get(state, "failed" if is_failed else "stopped")
        return State(
            file=str(self.file) if is_there else None,
            is_installed=is_there,
            is_enabled=is_there and printed.ok,
            is_active=state == "running",
            pid=int(pid) if pid.isdigit() else None,
            activity=activity,
            result="exit-code" if status else "",
            exit_status=status,
            is_ours=is_there and written.has_mark(self.file),
            description=f"for launchd it is {state or 'not loaded'}",
        )

    def is_lingering(self) -> bool | None:
        """Return None: an agent ends with the session, as everything else of it does."""
        return None

    def last_words(self) -> str:
        """Return the last error that the agent wrote before its log began; "" for none."""
        try:
            lines = (self._log_dir / "errors.log").read_text("utf-8", "replace").splitlines()
        except OSError:
            return ""
        found = [line for line in lines[-JOURNAL_LINES:] if line.startswith("error: ")]
        return found[-1].removeprefix("error: ") if found else ""

    def install(self, setting: Setting, *, is_outdated: bool) -> ServiceChange:
        """Write the plist and have launchd run it; raise OperationError, with the plist as before, when it does not.

        An up-to-date service that is running is left alone, unless it `is_outdated`.
        """
        change = ServiceChange()
        text = written.marked(self.render(setting), is_xml=True)
        before = self.file.read_bytes() if self.file.exists() else None
        if before == text.encode() and self.state().is_active and not is_outdated:
            return change
        self._log_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            aside = written.put(self.file, text)
            if aside is not None:
                change.kept.append(str(aside))
            self._bootout()
            must("launchctl", "enable", self._target)
            started = self._bootstrap()
            if not started.ok and not self._is_loaded():
                raise OperationError(
                    f"the service did not start: {last_line(started)}",
                    f"see what it says: {self._log_dir}, or in the foreground: gitsync -v",
                    code="service-failed",
                )
        except GitsyncError:
            with contextlib.suppress(OperationError):  # the first error is the one to report
                self._bootout()
            if change.kept:
                Path(change.kept[0]).replace(self.file)  # with what its user has changed there
            elif before is None:
                self.file.unlink(missing_ok=True)
            else:
                edit_file(self.file, lambda _: before.decode("utf-8", "surrogateescape"))
            if before is not None:
                self._bootstrap()
            raise
        return change

    def uninstall(self) -> ServiceChange:
        """Stop the agent and remove the plist with our mark."""
        if self.file.exists() and not written.has_mark(self.file):
            raise OperationError(
                f"{self.file} was not written by gitsyncctl service install",
                f"to stop it: launchctl bootout {self._target}",
            )
        change = ServiceChange()
        self._bootout()
        aside = written.remove(self.file)
        if aside is not None:
            change.kept.append(str(aside))
        return change

    def render(self, setting: Setting) -> str:
        """Return the plist for a program and an environment."""
        settings: dict[str, Any] = plistlib.loads(Path(__file__).with_name(f"{LABEL}.plist").read_bytes())
        environment = dict(setting.environment)
        agent = os.environ.get(AGENT, "")
        # launchd's own agent is in every session already, at a place that changes.
        if agent and "com.apple.launchd" not in agent:
            environment[AGENT] = agent
        settings["ProgramArguments"] = [*setting.daemon, "--log-file", str(self._log_dir / "gitsync.log")]
        settings["EnvironmentVariables"] = {**settings.get("EnvironmentVariables", {}), **environment}
        settings["StandardErrorPath"] = str(self._log_dir / "errors.log")
        settings["StandardOutPath"] = str(self._log_dir / "errors.log")
        return plistlib.dumps(settings, sort_keys=False).decode("utf-8")

    @property
    def _log_dir(self) -> Path:
        return self._home / "Library/Logs/gitsync"

    def _bootout(self) -> None:
        """Have the agent ended, and return when launchd knows it no more; raise OperationError when that fails."""
        if not self._is_loaded():
            return
        done = run_manager("launchctl", "bootout", self._target, deadline_s=START_S)
        is_begun = done.ok or done.returncode in IN_PROGRESS
        if self._wait(lambda: not self._is_loaded(), self._patience_s if is_begun else 0.0):
            return
        raise OperationError(
            f"launchd does not let go of the running gitsync: {'it takes too long' if done.ok else last_line(done)}",
            f"run it by hand: launchctl bootout {self._target}",
        )

    def _bootstrap(self) -> proc.Completed:
        """Have the agent started, again while launchd is still at work on the one before; return the last answer."""
        answers: list[proc.Completed] = []

        def is_answered() -> bool:
            command = ("launchctl", "bootstrap", self._domain, str(self.file))
            answers.append(run_manager(*command, deadline_s=START_S))
            return answers[-1].returncode not in NOT_YET or self._is_loaded()

        self._wait(is_answered, self._patience_s)
        return answers[-1]

    def _is_loaded(self) -> bool:
        return run_manager("launchctl", "print", self._target).ok

    def _wait(self, is_over: Callable[[], bool], patience_s: float) -> bool:
        """Return whether `is_over` becomes true in time."""
        now = clock.SystemClock().now
        ends_at = now() + patience_s
        while not is_over():
            if now() > ends_at:
                return False
            clock.sleep(LOOK_S)
        return True
