"""The ways from one machine to another that are measured: a directory on the same disk, and ssh over the loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import Place
from tests.fakes.sshd import SSH, SSHD, Sshd

KINDS = ("file", "ssh")


@dataclass(frozen=True, slots=True)
class Wire:
    """A bare repository, the URL by which machines reach it, and the ssh command that they need for that."""

    remote: Path
    url: str
    ssh_command: str = ""
    connections: Callable[[], int] = int  # how many there were so far

    def clone(self, place: Place, name: str = "notes") -> Path:
        """Clone it into a machine's home and return the work tree."""
        root = place.home / name
        ssh = ["-c", f"core.sshCommand={self.ssh_command}"] if self.ssh_command else []
        place.git(place.home, "clone", "-q", *ssh, self.url, str(root))
        if self.ssh_command:
            place.git(root, "config", "core.sshCommand", self.ssh_command)
        return root


def is_there(kind: str) -> bool:
    """Return whether this machine has what such a way takes."""
    return kind == "file" or bool(SSH and SSHD)


@contextlib.contextmanager
def laid(directory: Path, kind: str, files: int) -> Iterator[Wire]:
    """Make a bare repository of so many files, reachable by a way of that kind; the server ends on leaving."""
    maker = Place(directory / "maker")
    root, remote = maker.home / "notes", directory / "remote.git"
    root.mkdir()
    maker.git(root, "init", "-q")
    for number in range(files):
        (root / f"note{number}.txt").write_text(f"note {number}\n")
    maker.git(root, "add", "-A")
    maker.git(root, "commit", "-qm", "first")
    maker.git(directory, "init", "-q", "--bare", str(remote))
    maker.git(root, "push", "-q", str(remote), "main")
    if kind == "file":
        yield Wire(remote, str(remote))
        return
    with Sshd(directory / "sshd") as server:
        yield Wire(remote, server.url(remote), server.ssh_command(), lambda: server.connections)
