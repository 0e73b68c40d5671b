"""Jobs done by unison when things go wrong: emptied sides, mass deletions, no server, a full disk, deaths."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gitsync.backends.base import Direction, Level, Order, Report
from gitsync.backends.registry import BACKENDS
from gitsync.config.options import JobConfig
from gitsync.model import Problem
from tests.fakes.job_client import Client, codes, ok, tree
from tests.fakes.sshd import closed_port
from tests.needs import needs

over_ssh = pytest.mark.parametrize("unison_place", ["ssh"], indirect=True)
Place = tuple[str, tuple[str, ...], Path]


def problem_of(report: Report) -> Problem:
    assert report.problem is not None, report
    return report.problem


def test_an_emptied_side_halts_until_it_is_accepted(trio: list[Client], unison_place: Place) -> None:
    one, two, _ = trio
    server = unison_place[2]
    one.write("a.txt", "a")
    one.write("dir/b.txt", "b")
    ok(one.run())
    ok(two.run())
    shutil.move(server, server.with_name("unmounted"))
    for _ in range(2):
        report = one.run()
        assert (report.is_halting, problem_of(report).code) == (True, "side-emptied")
        assert "--accept" in problem_of(report).hint
        server.mkdir(exist_ok=True)
    assert one.tree() == {"a.txt": "a", "dir/b.txt": "b"}
    server.rmdir()
    shutil.move(server.with_name("unmounted"), server)
    assert ok(one.run()).items == ()

    shutil.rmtree(two.root)
    assert two.run().is_halting
    two.root.mkdir()
    assert two.run().is_halting
    assert tree(server) == one.tree()
    ok(two.run(is_accepted=True))
    assert tree(server) == {}


def test_one_way_accepted_means_to_have_it_all_again(trio: list[Client], unison_place: Place) -> None:
    one, server = trio[0], unison_place[2]
    one.write("a.txt", "a")
    ok(one.run("push"))
    (server / "a.txt").unlink()
    assert one.run("push").is_halting
    ok(one.run("push", is_accepted=True))
    assert one.tree() == tree(server) == {"a.txt": "a"}


def test_more_deletions_than_allowed_halt_before_anything_is_touched(trio: list[Client], unison_place: Place) -> None:
    one, two, _ = trio
    server = unison_place[2]
    for number in range(6):
        one.write(f"dir/deep/{number}", "x")
    one.write("stays", "x")
    ok(one.run())
    ok(two.run())
    one.max_deletes = two.max_deletes = 5
    shutil.rmtree(one.root / "dir")
    one.write("new", "new")
    report = one.run()
    assert (report.is_halting, problem_of(report).code) == (True, "mass-deletion")
    assert "6 files would be deleted on the server" in problem_of(report).message
    assert "new" not in tree(server)
    # A file in the place of a directory deletes what was in it.
    one.write("dir", "now a file")
    assert one.run().is_halting
    (one.root / "dir").unlink()
    ok(one.run(is_accepted=True))
    assert tree(server) == {"stays": "x", "new": "new"}
    report = two.run()
    assert "6 files would be deleted here" in problem_of(report).message
    two.max_deletes = 6
    ok(two.run())
    assert two.tree() == one.tree()


@over_ssh
def test_archives_that_one_side_lost_delete_nothing(trio: list[Client], tmp_path: Path) -> None:
    one, two, _ = trio
    one.write("a.txt", "a")
    one.write("b.txt", "b")
    ok(one.run())
    ok(two.run())
    (one.root / "a.txt").unlink()
    shutil.rmtree(tmp_path / "server-unison")
    (tmp_path / "server-unison").mkdir()
    assert codes(ok(one.run())) == [("", "memory-lost"), ("a.txt", "taken")]
    shutil.rmtree(two.notes)
    two.notes.mkdir()
    assert ok(two.run()).items == ()


@over_ssh
def test_locks_that_a_death_left_are_no_obstacle(trio: list[Client], tmp_path: Path) -> None:
    one = trio[0]
    one.write("a.txt", "a")
    ok(one.run())
    for directory in (one.notes / "unison", tmp_path / "server-unison"):
        for archive in directory.glob("ar*"):
            (directory / archive.name.replace("ar", "lk", 1)).touch()
    one.write("b.txt", "b")
    assert codes(ok(one.run())) == [("b.txt", "sent")]


def test_a_server_that_is_not_there_is_told(trio: list[Client], tmp_path: Path) -> None:
    one = trio[0]
    one.write("a.txt", "a")
    one.url = f"ssh://127.0.0.1:{closed_port()}//srv/x"
    problem = problem_of(one.run())
    assert (problem.code, problem.hint != "") == ("offline", True)
    one.url = str(tmp_path / "no/where")
    assert problem_of(one.run()).code == "not-found"
    one.url = str(tmp_path / "nothing")
    assert problem_of(one.run("pull")).code == "not-found"
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("echo 'bash: line 1: unison: command not found' >&2; exit 127", "not-found"),
        ("echo 'Welcome to this machine'; exit 1", "protocol"),
        ("echo 'me@host: Permission denied (publickey).' >&2; exit 255", "auth"),
        ("echo 'Host key verification failed.' >&2; exit 255", "host-key"),
        ("echo 'ssh: Could not resolve hostname x: Name or service not known' >&2; exit 255", "offline"),
    ],
)
def test_what_the_server_lacks_is_told(trio: list[Client], tmp_path: Path, said: str, code: str) -> None:
    one = trio[0]
    shell = tmp_path / "shell"
    shell.write_text(f"#!/bin/sh\n{said}\n")
    shell.chmod(0o755)
    one.url, one.options = "me@server:x", (f"sshcmd = {shell}",)
    problem = problem_of(one.run())
    assert (problem.code, problem.hint != "") == (code, True), problem


def test_a_machine_without_unison_is_told(trio: list[Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert problem_of(trio[0].run()).hint == "install unison"


def test_a_full_disk_is_told_and_the_next_run_goes_on(trio: list[Client], unison_place: Place) -> None:
    one, server = trio[0], unison_place[2]
    needs("mount")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(server)], check=False, timeout=30)
    if done.returncode:
        pytest.skip("only root may mount")
    try:
        one.write("big", "x" * 1_000_000)
        one.write("dir/small", "small")
        report = one.run()
        assert problem_of(report).code == "disk-full"
        assert [item.level for item in report.items if item.subject == "big"] == [Level.WAITING]
        assert "big" not in tree(server)
        one.write("big", "smaller")
        ok(one.run())
        assert tree(server) == {"big": "smaller", "dir/small": "small"}
    finally:
        subprocess.run(["umount", str(server)], check=True, timeout=30)


def test_a_transfer_that_was_abandoned_is_done_by_the_next_run(trio: list[Client]) -> None:
    one = trio[0]
    one.write("a.bin", "x" * 3_000_000)
    job = JobConfig(name="one", path=one.root, backend="unison", url=one.url)
    asked = iter(range(1000))
    order = Order(job, Direction.BOTH, one.notes, 20.0)
    report = BACKENDS["unison"](replace(order, is_cancelled=lambda: next(asked) > 1))
    assert problem_of(report).code == "cancelled"
    ok(one.run())
    assert tree(Path(one.url)) == one.tree()


def test_a_second_version_within_one_second_is_read(trio: list[Client], unison_place: Place) -> None:
    one, server = trio[0], unison_place[2]
    one.write("a.txt", "first")
    ok(one.run())
    at = (1_700_000_000, 1_700_000_000)
    (server / "a.txt").write_text("version 1")
    os.utime(server / "a.txt", at)
    ok(one.run("push"))  # unison notes the version that it may not take
    (server / "a.txt").write_text("version 2")
    os.utime(server / "a.txt", at)
    assert [item.level for item in ok(one.run()).items] == [Level.DONE]
    assert one.tree() == {"a.txt": "version 2"}
