"""A server that vanishes without a word, and comes back: in network namespaces with a router between both hosts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.daemon.harness import BIN, Machine, wait_for
from tests.fakes.sshd import SSHD, Sshd
from tests.needs import needs

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]
ADDRESS = "10.213.2.2"
PORT = 2222


class Network:
    """Two hosts and a router, as network namespaces of this machine; only the daemon and sshd run there."""

    def __init__(self) -> None:
        self.client, self.router, self.server = (f"gs{os.getpid()}{kind}" for kind in "crs")

    def lay(self) -> None:
        for name in (self.client, self.router, self.server):
            ip("netns", "add", name)
            self.run(name, "ip", "link", "set", "lo", "up")
        for host, subnet, there in ((self.client, "10.213.1", "10.213.2"), (self.server, "10.213.2", "10.213.1")):
            far, near = f"{host[-6:]}a", f"{host[-6:]}b"
            ip("link", "add", far, "netns", host, "type", "veth", "peer", "name", near, "netns", self.router)
            self.run(host, "ip", "address", "add", f"{subnet}.2/24", "dev", far)
            self.run(self.router, "ip", "address", "add", f"{subnet}.1/24", "dev", near)
            self.run(host, "ip", "link", "set", far, "up")
            self.run(self.router, "ip", "link", "set", near, "up")
            self.run(host, "ip", "route", "add", f"{there}.0/24", "via", f"{subnet}.1")
        self.forward(is_on=True)

    def forward(self, *, is_on: bool) -> None:
        """Let packets pass, or drop them all: neither host's own link changes."""
        self.run(self.router, "sh", "-c", f"echo {int(is_on)} >/proc/sys/net/ipv4/ip_forward")

    def argv(self, host: str, *argv: str) -> list[str]:
        return ["ip", "netns", "exec", host, *argv]

    def run(self, host: str, *argv: str) -> None:
        subprocess.run(self.argv(host, *argv), check=True, timeout=30)

    def clear(self) -> None:
        for name in (self.client, self.router, self.server):
            subprocess.run(["ip", "netns", "del", name], check=False, timeout=30, stderr=subprocess.DEVNULL)


def ip(*argv: str) -> None:
    subprocess.run(["ip", *argv], check=True, timeout=30)


@pytest.fixture
def network() -> Iterator[Network]:
    needs("ip")
    if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "true"], check=False).returncode != 0:
        pytest.skip("network namespaces are for root, and not in every container")
    it = Network()
    try:
        it.lay()
        yield it
    finally:
        it.clear()


@pytest.fixture
def sshd(network: Network, tmp_path: Path) -> Iterator[tuple[Sshd, subprocess.Popen[bytes]]]:
    """Run a server in its namespace: the one that listens, and its files."""
    with Sshd(tmp_path / "ssh") as files:
        config = tmp_path / "ssh/sshd_config"
        config.write_text(f"Port {PORT}\nListenAddress {ADDRESS}\n{config.read_text()}")
        host_key = files.host_key.with_suffix(".pub").read_text()
        files.known_hosts.write_text(f"[{ADDRESS}]:{PORT} {host_key}")
        argv = network.argv(network.server, str(SSHD), "-D", "-e", "-f", str(config))
        with files.log.open("ab") as log:
            daemon = subprocess.Popen(argv, stderr=log)
        try:
            yield files, daemon
        finally:
            daemon.kill()
            daemon.wait()


def sessions(tmp_path: Path) -> list[int]:
    """Return the processes of sshd through which the daemon hears."""
    found = []
    for pid in tails(tmp_path):
        while "sshd" not in Path(f"/proc/{pid}/cmdline").read_text():
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(pid)
    return found


def tails(tmp_path: Path) -> list[int]:
    """Return what listens on the server."""
    lines = subprocess.run(["ps", "axww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return [int(line.split()[0]) for line in lines.splitlines() if " tail -v" in line and str(tmp_path) in line]


@pytest.fixture
def heard(
    box: Machine, network: Network, sshd: tuple[Sshd, subprocess.Popen[bytes]], tmp_path: Path
) -> tuple[Path, Path]:
    """Start a daemon in the other namespace that listens to the server; return its work tree and the remote."""
    files, _ = sshd
    alias = files.client_config()
    alias.write_text(alias.read_text().replace("127.0.0.1", ADDRESS).replace(f"Port {files.port}", f"Port {PORT}"))
    hub = tmp_path / "hub.git"
    run_git(tmp_path, "init", "-q", "--bare", str(hub))
    root = box.repo()
    run_git(root, "config", "core.sshCommand", f"ssh -F '{alias}'")
    run_git(root, "remote", "add", "origin", f"away:{hub}")
    box.write_config(f'[defaults]\nquiet = "100ms"\npush = "50ms"\npull = "1h"\n[[repo]]\npath = "{root}"\n')
    with box.log.open("ab") as log:
        argv = network.argv(network.client, str(BIN / "gitsync"), "-v")
        box.process = subprocess.Popen(argv, env=box.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    wait_for("the daemon", lambda: box.status().get("daemon"))
    wait_for("the channel", lambda: notice(box) == "ssh")
    wait_for("the first push", lambda: run_git(hub, "rev-parse", "-q", "--verify", "main", check=False))
    return root, hub


def notice(box: Machine) -> str:
    return str(box.repo_status()["remotes"][0]["notice"])


def push_elsewhere(hub: Path, name: str) -> None:
    clone = hub.parent / f"clone-{name}"
    run_git(hub.parent, "clone", "-q", str(hub), str(clone))
    (clone / name).write_text(f"{name}\n")
    run_git(clone, "add", ".")
    run_git(clone, "commit", "-qm", name)
    run_git(clone, "push", "-q", "origin", "main")
    shutil.rmtree(clone)


def took(what: str, probe: Callable[[], Any], patience_s: float) -> float:
    began_at = time.monotonic()
    wait_for(what, probe, patience_s)
    seconds = time.monotonic() - began_at
    print(f"{what}: {seconds:.1f} s")
    return seconds


@pytest.mark.parametrize("rest_s", [1, 70])
def test_a_line_that_is_cut_is_noticed_on_both_sides(
    box: Machine, network: Network, heard: tuple[Path, Path], tmp_path: Path, rest_s: int
) -> None:
    root, hub = heard
    time.sleep(rest_s)
    assert tails(tmp_path)
    network.forward(is_on=False)
    cut_at = time.monotonic()
    took("nothing left on the server", lambda: not tails(tmp_path), 60)
    took("the machine knows", lambda: notice(box) == "poll", 120 - (time.monotonic() - cut_at))
    push_elsewhere(hub, "meanwhile.txt")
    network.forward(is_on=True)
    took("what was pushed meanwhile", (root / "meanwhile.txt").exists, 120)
    took("the channel again", lambda: notice(box) == "ssh", 60)
    push_elsewhere(hub, "after.txt")
    took("what was pushed after that", (root / "after.txt").exists, 5)


def test_a_server_that_stands_still_is_noticed(
    box: Machine, heard: tuple[Path, Path], sshd: tuple[Sshd, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    root, hub = heard
    stopped = [sshd[1].pid, *sessions(tmp_path)]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    took("the machine knows", lambda: notice(box) == "poll", 120)
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    push_elsewhere(hub, "after.txt")
    took("what was pushed after that", (root / "after.txt").exists, 60)
