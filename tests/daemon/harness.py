"""Drives the installed programs as a user would: a home of one's own, real processes, the real socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import GITCONFIG, run_git

BIN = Path(sys.executable).parent
PATIENCE_S = 40.0


def wait_for(what: str, probe: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """Return the first true value of `probe`; fail, naming `what`, when there is none in time."""
    ends_at = time.monotonic() + patience_s
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > ends_at:
            raise AssertionError(f"waited {patience_s:.0f} s in vain for: {what}")
        time.sleep(0.05)


class Machine:
    """One user's machine: home, configuration, state, socket, and at most one daemon."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self.home.mkdir(parents=True)
        (self.home / ".gitconfig").write_text(GITCONFIG)
        self.run_dir = directory / "run"
        self.run_dir.mkdir(mode=0o700)
        self.config = self.home / ".config/gitsync/config.toml"
        self.log = directory / "daemon.log"
        self.env = {
            **os.environ,
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_STATE_HOME": str(self.home / ".local/state"),
            "XDG_RUNTIME_DIR": str(self.run_dir),
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def write_config(self, text: str) -> None:
        """Write config.toml."""
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(text)

    def repo(self, name: str = "notes", *, remote: Path | None = None) -> Path:
        """Make a work tree with one commit, below home."""
        root = self.home / name
        root.mkdir()
        run_git(root, "init", "-q")
        (root / "first.txt").write_text("first\n")
        run_git(root, "add", ".")
        run_git(root, "commit", "-qm", "first")
        if remote is not None:
            run_git(root, "remote", "add", "origin", str(remote))
        return root

    def configure(self, *roots: Path, quiet: str = "100ms", max_wait: str = "5s", extra: str = "") -> None:
        """Write a configuration that watches `roots` with a short quiet period."""
        repos = "".join(f'\n[[repo]]\npath = "{root}"\n{extra}' for root in roots)
        self.write_config(
            f'[defaults]\nquiet = "{quiet}"\nmax_wait = "{max_wait}"\npull = "1s"\npush = "50ms"\n{repos}'
        )

    def start(self, *options: str, files: int = 0) -> None:
        """Start the daemon in the foreground, perhaps with so many descriptors only, and wait until it answers."""
        limited = ("sh", "-c", 'ulimit -n "$0" && exec "$@"', str(files)) if files else ()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*limited, str(BIN / "gitsync"), "-v", *options],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
            )
        process = self.process

        def answers() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"the daemon ended with {process.returncode}:\n{self.log.read_text()}")
            return self.status().get("daemon") is not None

        wait_for("the daemon to answer", answers)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the daemon's exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(30)
        self.process = None
        return status

    def gitsync(self, *argv: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run the daemon's program to its end."""
        return self._run("gitsync", *argv, timeout=timeout)

    def ctl(self, *argv: str, timeout: float = 60, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the control command to its end, in the home directory or in `cwd`."""
        return self._run("gitsyncctl", *argv, timeout=timeout, cwd=cwd)

    def status(self) -> dict[str, Any]:
        """Return the status document."""
        document: dict[str, Any] = json.loads(self.ctl("status", "--json").stdout)
        return document

    def repo_status(self, name: str = "notes") -> dict[str, Any]:
        """Return one repository of the status document."""
        found: dict[str, Any] = next(repo for repo in self.status()["repos"] if repo["name"] == name)
        return found

    def wait_state(self, state: str, name: str = "notes") -> dict[str, Any]:
        """Wait until a repository is in a state, and return its status."""
        seen: list[Any] = []

        def reached() -> dict[str, Any] | None:
            status = self.repo_status(name)
            seen[:] = [status]
            return status if status["state"] == state else None

        try:
            found: dict[str, Any] = wait_for(f"{name} to be {state}", reached)
        except AssertionError as error:
            raise AssertionError(f"{error}\nlast: {seen}\nlog:\n{self.log.read_text()[-4000:]}") from None
        return found

    def wait_committed(self, root: Path, *, patience_s: float = PATIENCE_S) -> str:
        """Wait until HEAD's tree is the work tree, and return the commit."""

        def is_clean() -> bool:
            return run_git(root, "--no-optional-locks", "status", "--porcelain") == ""

        try:
            wait_for(f"{root.name} to be committed", is_clean, patience_s)
        except AssertionError as error:
            raise AssertionError(
                f"{error}\n{run_git(root, 'status', '--porcelain')}\nlog:\n{self.log.read_text()[-4000:]}"
            ) from None
        return run_git(root, "rev-parse", "HEAD")

    def _run(
        self, program: str, *argv: str, timeout: float, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / program), *argv],
            check=False,
            env=self.env,
            cwd=cwd or self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=timeout,
        )


@contextmanager
def machine(directory: Path) -> Iterator[Machine]:
    """Give a machine and end its daemon; a daemon that had a bug (status 70, a traceback) fails the test."""
    it = Machine(directory)
    try:
        yield it
    finally:
        if it.process is not None and it.process.poll() is None:
            it.process.terminate()
            try:
                it.process.wait(25)
            except subprocess.TimeoutExpired:
                it.process.kill()
                it.process.wait()
        log = it.log.read_text(errors="replace") if it.log.exists() else ""
        assert "Traceback" not in log, log
