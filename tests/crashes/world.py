"""One machine with its home, its remotes and another person's clone, in a directory that can be put back as it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

from tests.conftest import GITCONFIG, run_git
from tests.crashes.shim import Shim

MEMORY = Path("/dev/shm")
PATIENCE_S = 60.0
DAEMON_S = 4.0
# No lock that is younger is taken for dead.
LONG_AGO_S = 120.0
OWN = (".config/gitsync", ".local/state", ".git", "run")


class World:
    """The machine. Its processes are children of one server, and the shim is loaded into all of them."""

    def __init__(self) -> None:
        place = MEMORY if os.access(MEMORY, os.W_OK) else None
        self.base = Path(tempfile.mkdtemp(prefix="gitsync-crashes-", dir=place))
        self.place = self.base / "w"
        self.home = self.place / "home"
        self.hub = self.place / "hub.git"
        self.other = self.place / "other"
        self.said = self.base / "said"
        self.shim = Shim(self.base, (self.home, self.hub))
        self.home.mkdir(parents=True)
        self._server = self._begin()

    def _begin(self) -> subprocess.Popen[bytes]:
        own = {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_STATE_HOME": str(self.home / ".local/state"),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
        }
        (self.home / ".gitconfig").write_text(GITCONFIG)
        address = str(self.base / "s")
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.crashes.server", address],
            env={**os.environ, **own, **self.shim.env},
            stdout=subprocess.PIPE,
        )
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        self._connection = Client(address, "AF_UNIX")
        return server

    def close(self) -> None:
        """End the server and remove everything."""
        self._connection.close()
        assert self._server.wait(30) == 0
        assert self._server.stdout is not None
        self._server.stdout.close()
        shutil.rmtree(self.base)

    # -- what is done on it --------------------------------------------------------------------------------------------

    def run(self, *argv: str) -> int:
        """Run one of the programs to its end and return its status; what it said is in `output`."""
        return self._order("run", list(argv), str(self.home), str(self.said), PATIENCE_S)

    def start(self, *argv: str) -> int:
        """Start one of the programs and return its process."""
        return self._order("start", list(argv), str(self.home), str(self.said))

    def wait(self, pid: int) -> int:
        """Return the status of what was started."""
        return self._order("wait", pid)

    def serve(self, deed: Callable[[World], None], is_done: Callable[[], bool]) -> int:
        """Run a daemon that sees a deed, until that is done; return its status."""
        pid = self.start("gitsync")
        socket = self.home / "run/gitsync/socket"
        if self._lives_until(pid, socket.exists):
            deed(self)
            if self._lives_until(pid, is_done):
                os.kill(pid, signal.SIGTERM)
        return self.wait(pid)

    def _lives_until(self, pid: int, is_done: Callable[[], bool]) -> bool:
        """Return whether it lives when that is so, or after a while."""
        ends_at = time.monotonic() + DAEMON_S
        while (is_alive := _is_alive(pid)) and not is_done() and time.monotonic() < ends_at:
            time.sleep(0.02)
        return is_alive

    def _order(self, name: str, *arguments: object) -> int:
        self._connection.send((name, arguments))
        return int(self._connection.recv())

    @property
    def output(self) -> str:
        return self.said.read_text(errors="replace") + Path(f"{self.said}.err").read_text(errors="replace")

    def ask(self, *argv: str) -> Any:
        """Return the document of a command."""
        self.run("gitsyncctl", *argv, "--json")
        return json.loads(self.said.read_text())

    def configure(self, text: str) -> None:
        """Write the configuration; nothing is due but what a scene is about."""
        path = self.home / ".config/gitsync/config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'[daemon]\nmachine = "desk"\n{text}')

    def write(self, root: Path, files: dict[str, str | None]) -> None:
        """Save or remove (None) files."""
        for name, text in files.items():
            path = root / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif text is None or path.is_symlink():
                path.unlink()
            if text is not None:
                if path.parent.is_file():
                    path.parent.unlink()
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)

    def publish(self, files: dict[str, str | None], root: Path | None = None) -> None:
        """Let the other person commit and push."""
        root = root or self.other
        self.write(root, files)
        run_git(root, "pull", "-q", "--no-rebase")
        run_git(root, "add", "-A")
        run_git(root, "commit", "-qm", "theirs")
        run_git(root, "push", "-q")

    # -- how it is kept and put back -----------------------------------------------------------------------------------

    def keep(self, name: str) -> None:
        """Keep the world as it is now under a name."""
        shutil.rmtree(self.base / name, ignore_errors=True)
        subprocess.run(["cp", "-a", self.place, self.base / name], check=True)

    def reset(self, name: str) -> None:
        """Put the world back; directories keep their inodes, by which roots are known."""
        there = self.base / name
        for place, directories, files in os.walk(self.place, topdown=False):
            for each in (*files, *directories):
                path = Path(place, each)
                kept = there / path.relative_to(self.place)
                if path.is_symlink() or not path.is_dir():
                    path.unlink()
                elif not kept.is_dir() or kept.is_symlink():
                    path.rmdir()
        subprocess.run(["cp", "-a", f"{there}/.", self.place], check=True)
        self.age()

    def age(self) -> None:
        """Let every lock be older than all processes; a test does not wait for that."""
        locks = (*self.place.rglob("*.lock"), *self.place.rglob("packed-refs.new"))
        for path in (*locks, *self.home.glob(".local/state/gitsync/jobs/*/lock")):
            facts = path.stat()
            os.utime(path, (facts.st_atime - LONG_AGO_S, facts.st_mtime - LONG_AGO_S))

    def lose_unsynced(self) -> list[Path]:
        """Empty what no fsync has written, as a power cut does, of this machine; return the files."""
        inodes, found = self.shim.unsynced(), []
        for place, _, files in os.walk(self.home):
            for name in files:
                path = Path(place, name)
                facts = path.lstat()
                if stat.S_ISREG(facts.st_mode) and facts.st_ino in inodes and facts.st_size:
                    os.truncate(path, 0)
                    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # a journal has what rsync has set
                    found.append(path)
        return found

    # -- what is seen of it --------------------------------------------------------------------------------------------

    def repositories(self) -> list[Path]:
        """Return the git directories of the machine and of its remotes."""
        return sorted(
            path.parent
            for top in (self.home, *self.place.glob("*.git"))
            for path in top.rglob("HEAD")
            if (path.parent / "objects").is_dir()
        )

    def picture(self) -> dict[str, str]:
        """Return what people see: their files on every side, and the trees of the branches."""
        found: dict[str, str] = {}
        for place, directories, files in os.walk(self.place):
            inside = os.path.relpath(place, self.home)
            directories[:] = [
                name for name in directories if os.path.normpath(f"{inside}/{name}") not in OWN and name != ".git"
            ]
            if place.startswith(str(self.other)) or (Path(place) / "objects").is_dir():
                directories[:] = []
                continue
            for name in (*files, *(name for name in directories if os.path.islink(f"{place}/{name}"))):
                path = Path(place, name)
                found[str(path.relative_to(self.place))] = version_of(path)
        for git_dir in self.repositories():
            listed = run_git(git_dir, "for-each-ref", "--format=%(refname) %(tree)", "refs/heads")
            for line in listed.splitlines():
                ref, tree = line.split()
                found[f"{git_dir.relative_to(self.place)} {ref}"] = tree
        return found

    def versions(self) -> frozenset[str]:
        """Return the blobs of all files of the user's, on every side."""
        return frozenset(
            word.rpartition(" ")[2] for word in self.picture().values() if word.startswith(("file", "exec"))
        )

    def kept(self) -> frozenset[str]:
        """Return every blob that is on disk, or reachable from a ref of some repository."""
        found = set(self.versions())
        for git_dir in self.repositories():
            found.update(line[:40] for line in run_git(git_dir, "rev-list", "--objects", "--all").splitlines())
        return frozenset(found)

    def left(self) -> list[str]:
        """Return what a machine at rest does not have: locks, temporaries, journals."""
        names = (
            ".gitsync-tmp-*",
            "integration.json",
            "*.new",
            "gitsync-*.tmp*",
            "*.dead-*",
            "MERGE_HEAD",
            "packed-refs.new",
        )
        found = {path for name in names for path in self.place.rglob(name)}
        for git_dir in self.repositories():
            found.update(git_dir.rglob("*.lock"))
        return sorted(str(path.relative_to(self.place)) for path in found)

    def damage(self) -> list[str]:
        """Return what git says of repositories that are not sound."""
        options = ("fsck", "--strict", "--no-dangling", "--no-progress")
        found = {git_dir: run_git(git_dir, *options, check=False) for git_dir in self.repositories()}
        return [f"{git_dir.relative_to(self.place)}: {said}" for git_dir, said in found.items() if said]


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def version_of(path: Path) -> str:
    """Return kind, mode and blob of a file or a link."""
    facts = path.lstat()
    if stat.S_ISLNK(facts.st_mode):
        return f"link {os.readlink(path)}"
    data = path.read_bytes()
    kind = "exec" if facts.st_mode & stat.S_IXUSR else "file"
    return f"{kind} {hashlib.sha1(b'blob %d' % len(data) + bytes(1) + data).hexdigest()}"
