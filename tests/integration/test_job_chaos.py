"""Each backend with a server that is cut off, slow, full, read-only, and of another version, in random order.

While it lasts no file is half of anything and no cause is called another; when it is over, all machines have all.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gitsync.backends.base import Report
from tests.conftest import run_git
from tests.fakes.git_client import GitClient
from tests.fakes.job_client import Client, ok
from tests.fakes.lying_ssh import LyingSsh
from tests.needs import needs

SEEDS = range(int(os.environ.get("CHAOS_FIRST", "0")), int(os.environ.get("CHAOS_SEEDS", "1")))
STEPS, ROUNDS = 3, 8
# What a server of another version begins with; and what it may be called, beside what no server can help.
GREETINGS = {
    "git": b"000eversion 9\n0000",
    "rsync": b"\x05\x00\x00\x00",
    "unison": b"Unison 2.27\n",
}
CODES = {
    "cut-answer": {"offline", "timeout", "protocol", "remote-corrupt", "failed", "unknown", "not-found"},
    "cut-question": {"offline", "timeout", "protocol", "remote-corrupt", "failed", "unknown", "refused"},
    "refused": {"offline"},
    "slow": set(),
    "other-version": {"protocol"},
    "noisy": {"protocol"},
    "missing": {"not-found"},
    "full": {"disk-full", "refused", "failed", "partial", "remote-corrupt", "unknown"},
    "read-only": {
        "read-only",
        "failed",
        "refused",
        "partial",
        "not-found",
        "permission",
        "unknown",
        "remote-locked",
        "auth",
    },
}
NEVER_OFFLINE = ("other-version", "noisy", "missing", "full", "read-only")


@dataclass
class Site:
    """A server behind the lying ssh, and two machines; a subclass knows the backend."""

    base: Path
    server: Path
    ssh: LyingSsh
    backend: str
    machines: list[Client] = field(default_factory=list)
    clients: list[GitClient] = field(default_factory=list)
    texts: set[str] = field(default_factory=set)
    latest: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("one", "two"):
            if self.backend == "git":
                hub = self.server / "hub.git"
                self.clients.append(GitClient.new(self.base, name, hub, url=f"server:{hub}"))
                continue
            (self.base / name).mkdir()
            (self.base / f"{name}-notes").mkdir()
            options = (f"servercmd = {self.server_program()}",) if self.backend == "unison" else ()
            url = f"ssh://server/{self.server}/files"
            machine = Client(self.base / name, self.base / f"{name}-notes", url, options, backend=self.backend)
            self.machines.append(machine)
        (self.server / "files").mkdir()
        (self.base / "server-unison").mkdir()
        if self.backend == "git":
            run_git(
                self.base,
                "init",
                "--quiet",
                "--bare",
                "--initial-branch=main",
                "--template=",
                str(self.server / "hub.git"),
            )
            self.clients[0].make()
            self.save(0, "first", "first\n")
        for number in (0, 1):
            ok(self.run(number))

    def server_program(self) -> Path:
        """Return a unison of the server's own, which keeps its archives apart."""
        program = self.base / "server-bin/unison"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nUNISON={self.base}/server-unison exec unison "$@"\n')
        program.chmod(0o755)
        return program

    def root(self, number: int) -> Path:
        return self.clients[number].root if self.clients else self.machines[number].root

    def run(self, number: int) -> Report:
        return self.clients[number].run() if self.clients else self.machines[number].run()

    def save(self, number: int, path: str, text: str) -> None:
        self.texts.add(text)
        self.latest[path] = text
        if self.clients:
            (self.clients[number].root / path).parent.mkdir(exist_ok=True)
            self.clients[number].commit("main", path, text)
        else:
            self.machines[number].write(path, text)

    def files(self, root: Path) -> dict[str, str]:
        """Return what a person sees below `root`: no name that begins with a dot is one of theirs."""
        return {
            str(path.relative_to(root)): path.read_text()
            for path in sorted(root.rglob("*"))
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
        }

    def check_whole(self) -> None:
        """Fail where a file holds anything that nobody saved."""
        roots = [self.root(0), self.root(1), *([] if self.clients else [self.server / "files"])]
        for root in roots:
            assert set(self.files(root).values()) <= self.texts, root

    def check_alike(self) -> None:
        assert self.files(self.root(0)) == self.files(self.root(1)) == self.latest
        if self.clients:
            assert self.clients[0].heads() == self.clients[1].heads() == self.clients[0].server_heads()
            run_git(self.server / "hub.git", "fsck", "--strict")
        else:
            assert self.files(self.server / "files") == self.latest


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, bool]]:
    """A small disk for the server, and whether it is one: only root may mount."""
    needs("mount")
    place = tmp_path / "server"
    place.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    is_mounted = subprocess.run(argv, check=False, capture_output=True, timeout=30).returncode == 0
    yield place, is_mounted
    if is_mounted:
        subprocess.run(["umount", "--lazy", str(place)], check=True, timeout=30)


def problems_of(report: Report) -> set[str]:
    found = {item.code for item in report.items if item.level != "done"}
    return found | ({report.problem.code} if report.problem is not None else set())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("backend", ["git", "rsync", "unison"])
def test_nothing_is_torn_or_misnamed_and_all_arrive_in_the_end(
    tmp_path: Path, disk: tuple[Path, bool], monkeypatch: pytest.MonkeyPatch, backend: str, seed: int
) -> None:
    if shutil.which(backend) is None:
        if os.environ.get("CI"):
            pytest.fail(f"this machine has no {backend}")
        pytest.skip(f"needs {backend}")
    server, is_disk = disk
    chance = random.Random(f"{backend} {seed}")
    site = Site(tmp_path, server, LyingSsh(tmp_path / "bin", monkeypatch), backend)
    lies = [lie for lie in CODES if is_disk or lie not in ("full", "read-only")]
    for step, lie in enumerate([*chance.sample(lies, len(lies)), *chance.choices(lies, k=STEPS)]):
        number = chance.randrange(2)
        text = f"{step} by {number}\n" + "x" * (chance.choice((10, 3_000, 20_000)) + 7 * step) + "\n"
        site.save(number, f"dir/{number}-{chance.randrange(3)}", text)
        with told(site, server, lie, chance):
            for each in (number, 1 - number):
                found = problems_of(site.run(each))
                site.check_whole()
                assert found <= CODES[lie], (seed, step, lie, found)
                assert not (lie in NEVER_OFFLINE and "offline" in found)
    for _ in range(ROUNDS):
        if not [item for number in (0, 1) for item in ok(site.run(number)).items]:
            break
    site.check_alike()


class told:
    """While it lasts, the server is as `lie` says."""

    def __init__(self, site: Site, server: Path, lie: str, chance: random.Random) -> None:
        self._site, self._server, self._lie, self._chance = site, server, lie, chance

    def __enter__(self) -> None:
        site, lie = self._site, self._lie
        if lie == "full":
            room = os.statvfs(self._server)
            (self._server / "filler").write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - 8_192)))
        elif lie == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", str(self._server)], check=True, timeout=30)
        else:
            count = self._chance.choice((0, 20, 200, 2_000))
            site.ssh.lie(lie, count=count, greeting=GREETINGS[site.backend])

    def __exit__(self, *_: object) -> None:
        if self._lie == "read-only":
            subprocess.run(["mount", "-o", "remount,rw", str(self._server)], check=True, timeout=30)
        (self._server / "filler").unlink(missing_ok=True)
        self._site.ssh.lie("well")
