"""Jobs done by git with a server of their own: three machines over a real ssh server, and a disk that is full."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.backends.base import Report
from tests.conftest import run_git
from tests.fakes.git_client import GitClient
from tests.fakes.job_client import ok
from tests.fakes.sshd import Sshd
from tests.needs import needs


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd") as server:
        monkeypatch.setenv("GIT_SSH_COMMAND", server.ssh_command())
        yield server


def test_three_machines_share_every_branch_over_ssh(tmp_path: Path, hub: Path, sshd: Sshd) -> None:
    one, two, three = (GitClient.new(tmp_path, name, hub, url=sshd.url(hub)) for name in ("one", "two", "three"))
    one.make()
    one.commit("main", "a.txt", "one\ntwo\nthree\n")
    one.commit("draft", "d.txt", "draft\n")
    for client in (one, two, three):
        ok(client.run())
    assert one.heads() == two.heads() == three.heads() == one.server_heads()

    one.commit("main", "a.txt", "ONE\ntwo\nthree\n")  # merged with what two does at the other end
    two.commit("main", "a.txt", "one\ntwo\nTHREE\n")
    two.commit("draft", "d.txt", "by two\n")
    three.commit("draft", "e.txt", "by three\n")
    run_git(two.root, "branch", "from-two", "main")
    run_git(three.root, "branch", "-m", "draft", "renamed")
    for client in (one, two, three, one, two):
        ok(client.run())
    assert one.heads() == two.heads() == three.heads() == one.server_heads()
    assert one.heads().keys() == {"main", "draft", "renamed", "from-two"}
    assert (three.root / "a.txt").read_text() == "ONE\ntwo\nTHREE\n"
    assert run_git(one.root, "show", "draft:d.txt") == "by two"
    assert run_git(one.root, "show", "renamed:e.txt") == "by three"


def is_about_room(report: Report) -> bool:
    said = [item.message for item in report.items] + [report.problem.message if report.problem else ""]
    return any("space left" in line or "disk" in line for line in said)


@pytest.mark.parametrize("side", ["server", "here"])
def test_a_full_disk_is_told_and_the_next_run_goes_on(tmp_path: Path, side: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    needs("mount")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False, timeout=30)
    if done.returncode:
        pytest.skip("only root may mount")
    try:
        hub = (disk if side == "server" else tmp_path) / "hub.git"
        run_git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "--template=", str(hub))
        one = GitClient.new(tmp_path, "one", hub)
        one.make()
        one.commit("main", "a.txt", "a\n")
        ok(one.run())
        two = GitClient.new(disk if side == "here" else tmp_path, "two", hub)
        ok(two.run())
        (disk / "filler").write_bytes(bytes(600_000))
        (one.root / "big.bin").write_bytes(random.Random(7).randbytes(700_000))
        run_git(one.root, "add", ".")
        run_git(one.root, "commit", "--quiet", "-m", "big")
        sent = one.run()
        report = sent if side == "server" else two.run()
        assert is_about_room(report), report
        assert two.heads()["main"] != one.heads()["main"]
        assert (two.root / "a.txt").read_text() == "a\n"
        run_git(hub, "fsck", "--strict")
        run_git(two.root, "fsck", "--strict")
        (disk / "filler").unlink()
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True, timeout=30)
        ok(one.run())
        ok(two.run())
        assert one.heads() == two.heads() == one.server_heads()
        assert (two.root / "big.bin").read_bytes() == (one.root / "big.bin").read_bytes()
    finally:
        subprocess.run(["umount", str(disk)], check=True, timeout=30)
