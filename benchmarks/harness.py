"""A home of its own for every measurement: a daemon, its figures from /proc, and children that are timed.

Everything lives in one temporary directory; nothing of the user's is read or written.
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
GITCONFIG = """\
[user]
    name = Bench Mark
    email = bench@example.org
[init]
    defaultBranch = main
[gc]
    auto = 0
[maintenance]
    auto = false
"""
PATIENCE_S = 300.0
# Names the directory whose gitsync is measured, where that is another revision's.
TREE = "BENCH_TREE"
# How often a ref is looked at while one waits for it to move: the resolution of what is measured.
LOOK_EVERY_S = 0.0003


@dataclass(frozen=True, slots=True)
class Spent:
    """What a child took: seconds on the clock and of CPU, its own children included."""

    wall_s: float
    cpu_s: float

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s)


@dataclass(frozen=True, slots=True)
class Usage:
    """A living process: CPU seconds (ended children included), resident MB, voluntary context switches."""

    cpu_s: float
    rss_mb: float
    switches: int


class Place:
    """One user's machine: home, configuration, socket and the environment that points to them."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self.home.mkdir(parents=True)
        (self.home / ".gitconfig").write_text(GITCONFIG)
        runtime = directory / "run"
        runtime.mkdir(mode=0o700)
        self.socket = runtime / "s"
        self.log = directory / "daemon.log"
        self.config = self.home / ".config/gitsync/config.toml"
        foreign = ("GIT_", "GITSYNC_", "XDG_", "SSH_", "PYTHON")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_STATE_HOME": str(self.home / ".local/state"),
            "XDG_RUNTIME_DIR": str(runtime),
            "GITSYNC_SOCKET": str(self.socket),
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C.UTF-8",
        }
        if tree := os.environ.get(TREE):
            self.env["PYTHONPATH"] = tree

    def configure(self, roots: Sequence[Path], **defaults: str) -> None:
        """Watch `roots`; `defaults` are keys of [defaults]."""
        self.config.parent.mkdir(parents=True, exist_ok=True)
        lines = ["[defaults]", *(f'{key} = "{value}"' for key, value in defaults.items())]
        lines += [f'\n[[repo]]\npath = "{root}"' for root in roots]
        self.config.write_text("\n".join(lines) + "\n")

    def git(self, root: Path, *argv: str, input: bytes | None = None) -> str:
        """Run git and return what it printed."""
        done = subprocess.run(
            ["git", "-C", str(root), *argv], check=True, env=self.env, input=input, stdout=subprocess.PIPE
        )
        return os.fsdecode(done.stdout).strip()

    def timed(self, *argv: str | Path, cwd: Path | None = None) -> Spent:
        """Run a child that says nothing and return what it took."""
        begun = time.perf_counter()
        child = subprocess.Popen(
            argv,
            cwd=cwd or self.home,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in (0, 1):
            raise RuntimeError(f"{argv} ended with {child.returncode}")
        return Spent(wall, used.ru_utime + used.ru_stime)

    def git_commit(self, root: Path) -> Spent:
        """Commit everything as a person (or a shell script) would."""
        return self.timed("git", "add", "-A", cwd=root) + self.timed("git", "commit", "-qm", "save", cwd=root)

    @contextlib.contextmanager
    def daemon(self) -> Iterator[Daemon]:
        """Run a daemon until it rests; it is ended on leaving."""
        with self.starting() as daemon:
            daemon.wait_answering()
            daemon.wait_resting()
            yield daemon

    @contextlib.contextmanager
    def starting(self) -> Iterator[Daemon]:
        """Start a daemon and return at once; it is ended on leaving."""
        with self.log.open("ab") as log:
            begun = time.perf_counter()
            process = subprocess.Popen(
                [BIN / "gitsync", "-q"],
                env=self.env,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            yield Daemon(self, process, begun)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Daemon:
    """A running daemon as it is seen from outside."""

    def __init__(self, place: Place, process: subprocess.Popen[bytes], begun: float) -> None:
        self._place = place
        self._process = process
        self.begun = begun

    def wait(self, what: str, probe: Callable[[], bool], every_s: float = LOOK_EVERY_S) -> float:
        """Wait until `probe` is true and return the instant at which it was."""
        ends_at = time.perf_counter() + PATIENCE_S
        while True:
            if probe():
                return time.perf_counter()
            if self._process.poll() is not None or time.perf_counter() > ends_at:
                tail = self._place.log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"waited in vain for {what}; the daemon's log:\n{tail}")
            time.sleep(every_s)

    def wait_moved(self, ref: Path, before: str) -> float:
        """Return the instant at which the file of a ref no longer says `before`."""
        return self.wait(f"{ref} to move", lambda: ref.read_text() != before)

    def wait_answering(self) -> float:
        """Return the instant at which the control socket took a connection."""
        return self.wait("the socket", self._answers, every_s=0.001)

    def wait_resting(self) -> None:
        """Wait until the daemon has used no CPU, and had no child but ssh's, for a while.

        A child's CPU counts once it has ended. An ssh of its own is a connection that is kept open.
        """
        resting = 0
        before = self.usage().cpu_s
        ends_at = time.perf_counter() + PATIENCE_S
        while resting < 5 and time.perf_counter() < ends_at:
            time.sleep(0.1)
            now = self.usage().cpu_s
            is_at_rest = now - before < 0.0005 and not self._is_helped()
            resting, before = (resting + 1 if is_at_rest else 0), now

    def usage(self) -> Usage:
        """Return what the process has used until now, from /proc."""
        return _usage(Path("/proc", str(self._process.pid)))

    def kept(self) -> list[Usage]:
        """Return the same of each child that runs: those that stay are ssh's, for a connection or a channel in it."""
        found = []
        for pid in self._children():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found.append(_usage(Path("/proc", pid)))
        return found

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def threads(self) -> int:
        """Return how many threads there are."""
        return len(list(Path("/proc", str(self._process.pid), "task").iterdir()))

    def descriptors(self) -> list[str]:
        """Return what each open descriptor refers to."""
        found = []
        for entry in Path("/proc", str(self._process.pid), "fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(str(entry.readlink()))
        return found

    def watch_count(self) -> int:
        """Return how many inotify watches the process holds."""
        count = 0
        for info in Path("/proc", str(self._process.pid), "fdinfo").iterdir():
            with contextlib.suppress(OSError):
                count += info.read_text().count("inotify wd:")
        return count

    def _is_helped(self) -> bool:
        for pid in self._children():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if Path("/proc", pid, "comm").read_text() != "ssh\n":
                    return True
        return False

    def _children(self) -> list[str]:
        found = []
        for task in Path("/proc", str(self._process.pid), "task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found += (task / "children").read_text().split()
        return sorted(found)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as end:
            return end.connect_ex(str(self._place.socket)) == 0


def tip(root: Path) -> str:
    """Return where main is, from the file itself: no child, so that looking costs next to nothing."""
    try:
        return (root / ".git/refs/heads/main").read_text()
    except FileNotFoundError:
        return ""


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p90(values: Sequence[float]) -> float:
    """Return what nine of ten stay below."""
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.9))]


def _field(text: str, name: str) -> str:
    for line in text.splitlines():
        if line.startswith(name + ":"):
            return line.split()[1]
    return "0"


def _usage(proc: Path) -> Usage:
    fields = (proc / "stat").read_text().rpartition(")")[2].split()
    children = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    own = switches = 0
    # By nanoseconds, thread by thread: the sum in `stat` counts hundredths of a second.
    for task in (proc / "task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            own += int((task / "schedstat").read_text().split()[0])
            switches += int(_field((task / "status").read_text(), "voluntary_ctxt_switches"))
    rss_kb = int(_field((proc / "status").read_text(), "VmRSS"))
    return Usage(own / 1e9 + children, rss_kb / 1024, switches)
