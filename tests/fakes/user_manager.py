"""A login on a machine with systemd: a real user manager in namespaces of its own, and a shell in it.

The commands of a test run as an unprivileged user beside that manager; one started agent runs them all, because a
manager takes a second to start. It lies about nothing but the login: the manager is started by hand.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import GITCONFIG
from tests.needs import needs

SCRIPT = Path(__file__).with_suffix(".sh")
CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
START_S = 60.0
COMMAND_S = 60.0
PATIENCE_S = 40.0
# Reads one JSON list a line, runs it, and answers with one JSON line.
AGENT = """
import json, subprocess, sys
for line in sys.stdin:
    argv, env, cwd, input = json.loads(line)
    import os
    try:
        done = subprocess.run(argv, env={**os.environ, **env}, cwd=cwd, input=input, capture_output=True, text=True,
                              errors="replace", timeout=%r)
        answer = [done.returncode, done.stdout, done.stderr]
    except subprocess.TimeoutExpired:
        answer = [124, "", "the command took too long"]
    print(json.dumps(answer), flush=True)
"""


def require_user_manager() -> None:
    """Skip where no user manager can be started; on a CI machine that is a failure."""
    needs("systemctl", "unshare", "setpriv", "dbus-daemon")
    why = ""
    if os.geteuid() != 0:
        why = "only root can make the namespaces that keep the user manager apart"
    if not why and not os.access("/lib/systemd/systemd", os.X_OK):
        why = "needs systemd"
    if not why:
        probe = subprocess.run(
            ["unshare", "--mount", "--cgroup", "--pid", "--fork", "true"], check=False, capture_output=True, timeout=30
        )
        why = "" if probe.returncode == 0 else f"this machine makes no namespaces: {os.fsdecode(probe.stderr).strip()}"
    if why and os.environ.get("CI"):
        pytest.fail(f"the tests with systemd cannot run here: {why}")
    if why:
        pytest.skip(why)


class Ran(NamedTuple):
    """What became of a command."""

    status: int
    out: str
    errors: str


class UserManager:
    """A session beside a user manager; use it as a context manager."""

    def __init__(self) -> None:
        require_user_manager()
        self.stand = Path(tempfile.mkdtemp(prefix="gitsync-systemd-"))
        self.stand.chmod(0o755)
        self.home = self.stand / "home"
        self._agent: subprocess.Popen[str] | None = None

    def __enter__(self) -> UserManager:
        places = {Path(sys.prefix), Path(sys.base_prefix), CHECKOUT}
        # A place within another one comes with it.
        open_places = [place for place in places if not any(place.is_relative_to(other) for other in places - {place})]
        with (self.stand / "agent.log").open("w") as log:
            self._agent = subprocess.Popen(
                [str(SCRIPT), sys.executable, "-c", AGENT % COMMAND_S],
                env={"PATH": os.environ["PATH"], "STAND": str(self.stand), "OPEN": ":".join(map(str, open_places))},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.must("bash", "-c", 'cat > ~/.gitconfig && test "$(id -u)" = 1777', input=GITCONFIG)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._agent is not None
        assert self._agent.stdin is not None
        self._agent.stdin.close()
        try:
            self._agent.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._agent.pid, signal.SIGKILL)
            self._agent.wait()
        assert self._agent.stdout is not None
        self._agent.stdout.close()
        shutil.rmtree(self.stand, ignore_errors=True)

    def run(self, *argv: str, input: str = "", cwd: str | None = None, **env: str) -> Ran:
        """Run a command there and return what became of it."""
        agent = self._agent
        assert agent is not None
        assert agent.stdin is not None
        assert agent.stdout is not None
        try:
            agent.stdin.write(json.dumps([argv, {"PATH": f"{BIN}:/usr/bin:/bin", **env}, cwd, input]) + "\n")
            agent.stdin.flush()
            answer = agent.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise AssertionError(f"no user manager: {(self.stand / 'agent.log').read_text()}")
        return Ran(*json.loads(answer))

    def must(self, *argv: str, input: str = "", cwd: str | None = None, **env: str) -> str:
        """Run a command that has to end well and return its output without the last newline."""
        ran = self.run(*argv, input=input, cwd=cwd, **env)
        assert ran.status == 0, f"{argv}: status {ran.status}\n{ran.out}{ran.errors}\n{self.story()}"
        return ran.out.rstrip("\n")

    def systemctl(self, *argv: str) -> Ran:
        """Talk to the manager."""
        return self.run("systemctl", "--user", *argv)

    def show(self, name: str, unit: str = "gitsync.service") -> str:
        """Return one property of a unit."""
        return self.must("systemctl", "--user", "show", "--property", name, "--value", unit)

    def ctl(self, *argv: str, **env: str) -> Ran:
        """Run the control command there."""
        return self.run(str(BIN / "gitsyncctl"), *argv, **env)

    def write(self, path: str, text: str) -> None:
        """Write a file below home, as the user."""
        self.must("bash", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1"', "-", str(self.home / path), input=text)

    def unit(self, name: str, text: str) -> None:
        """Put a unit or a drop-in where the user manager reads it."""
        self.write(f".config/systemd/user/{name}", text)

    def repo(self, name: str = "notes") -> Path:
        """Make a work tree with one commit, below home."""
        script = 'git init -q "$1" && cd "$1" && echo first >first.txt && git add . && git commit -qm first'
        self.must("bash", "-c", script, "-", str(self.home / name))
        return self.home / name

    def configure(self, *roots: Path, quiet: str = "100ms") -> None:
        """Write a configuration that watches `roots`."""
        repos = "".join(f'\n[[repo]]\npath = "{root}"\n' for root in roots)
        self.write(".config/gitsync/config.toml", f'[defaults]\nquiet = "{quiet}"\n{repos}')

    def wait_for(self, what: str, probe: Callable[[], Any]) -> Any:
        """Return the first true value of `probe`; fail with the unit's story when there is none in time."""
        ends_at = time.monotonic() + PATIENCE_S
        while True:
            value = probe()
            if value:
                return value
            if time.monotonic() > ends_at:
                raise AssertionError(f"waited {PATIENCE_S:.0f} s in vain for: {what}\n{self.story()}")
            time.sleep(0.1)

    def story(self) -> str:
        """Return what the manager and the daemon said."""
        seen = [self.home / "manager.log", self.home / "daemon.log", self.stand / "agent.log"]
        return "\n".join(f"{path.name}:\n{path.read_text(errors='replace')[-4000:]}" for path in seen if path.exists())
