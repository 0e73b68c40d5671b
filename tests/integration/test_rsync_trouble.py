"""Jobs done by rsync when things go wrong: emptied sides, mass deletions, no server, a full disk, a death."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gitsync.backends.base import Direction, Order
from gitsync.backends.rsync.job import run
from gitsync.config.options import JobConfig
from tests.fakes.job_client import Client, ok, tree
from tests.fakes.sshd import Sshd
from tests.needs import needs

everywhere = pytest.mark.parametrize("place", ["local", "ssh"], indirect=True)


@everywhere
def test_an_emptied_side_halts_until_it_is_accepted(clients: list[Client], place: tuple[str, object, Path]) -> None:
    one, two, _ = clients
    server = place[2]
    one.write("a.txt", "a")
    ok(one.run())
    ok(two.run())
    (server / "a.txt").unlink()
    report = one.run()
    assert report.is_halting
    assert report.problem is not None
    assert report.problem.code == "side-emptied"
    assert "--accept" in report.problem.hint
    assert one.tree() == {"a.txt": "a"}
    server.rmdir()
    assert one.run().is_halting
    server.mkdir()
    (two.root / "a.txt").unlink()
    (server / "a.txt").write_text("a")
    os.utime(server / "a.txt", (one.root / "a.txt").stat()[7:9])
    assert two.run().is_halting
    assert tree(server) == {"a.txt": "a"}
    ok(two.run(is_accepted=True))
    assert tree(server) == {}


def test_more_deletions_than_allowed_halt_before_anything_is_touched(clients: list[Client]) -> None:
    one, two, _ = clients
    for number in range(5):
        one.write(f"{number}.txt", "x")
    ok(one.run())
    two.max_deletes = 2
    ok(two.run())
    for number in range(3):
        (one.root / f"{number}.txt").unlink()
    ok(one.run())
    two.write("new.txt", "new")
    report = two.run()
    assert report.is_halting
    assert report.problem is not None
    assert report.problem.code == "mass-deletion"
    assert len(two.tree()) == 6
    ok(two.run(is_accepted=True))
    assert set(two.tree()) == {"3.txt", "4.txt", "new.txt"}


def test_empty_directories_are_deleted_in_one_run_however_many(
    clients: list[Client], place: tuple[str, object, Path]
) -> None:
    one = replace(clients[0], max_deletes=1)
    for number in range(4):
        (one.root / f"{number}").mkdir()
    one.write("kept", "kept")
    ok(one.run())
    for number in range(4):
        (one.root / f"{number}").rmdir()
    assert [item.code for item in ok(one.run()).items] == ["deleted-there"]
    assert [path.name for path in place[2].iterdir()] == ["kept"]
    assert ok(one.run()).items == ()


def test_a_directory_against_a_file_is_left_alone_and_the_rest_goes_on(clients: list[Client]) -> None:
    one, two, _ = clients
    one.write("x/inner.txt", "inner")
    two.write("x", "a file")
    two.write("y.txt", "y")
    ok(one.run())
    report = ok(two.run())
    assert report.conflicts == ("x",)
    assert two.tree() == {"x": "a file", "y.txt": "y"}
    ok(one.run())
    assert one.tree() == {"x/inner.txt": "inner", "y.txt": "y"}


def test_modes_arrive_and_filters_hold_on_both_sides(clients: list[Client], place: tuple[str, object, Path]) -> None:
    one, two, _ = clients
    one.options += ("--exclude=*.o",)
    one.write("secret", "s")
    (one.root / "secret").chmod(0o600)
    one.write("skip.o", "o")
    (place[2] / "there.o").write_text("o")
    ok(one.run())
    ok(two.run())
    assert (two.root / "secret").stat().st_mode & 0o777 == 0o600
    assert "skip.o" not in tree(place[2])
    assert "there.o" not in one.tree()


def test_an_unreadable_directory_there_is_no_deletion(clients: list[Client], place: tuple[str, object, Path]) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    one = clients[0]
    one.write("dir/a.txt", "a")
    one.write("b.txt", "b")
    ok(one.run())
    (place[2] / "dir").chmod(0)
    try:
        one.run()
        assert one.tree() == {"dir/a.txt": "a", "b.txt": "b"}
    finally:
        (place[2] / "dir").chmod(0o755)


def test_the_time_of_what_arrived_is_checked_by_content_when_asked(clients: list[Client]) -> None:
    one, two, _ = clients
    one.options += ("--checksum",)
    one.write("a.txt", "a")
    report = ok(one.run())
    assert [item.code for item in report.items] == ["sent"]
    ok(two.run())
    assert two.tree() == {"a.txt": "a"}


def test_a_server_that_is_not_there_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "notes").mkdir()
    with Sshd(tmp_path / "sshd") as sshd:
        shell = f"ssh -F {sshd.client_config()} -o BatchMode=yes"
    client = Client(tmp_path / "one", tmp_path / "notes", f"away:{tmp_path}/server", (f"--rsh={shell}",))
    client.write("a.txt", "a")
    report = client.run()
    assert report.problem is not None
    assert report.problem.code == "offline"
    assert "Connection refused" in report.problem.message
    assert client.tree() == {"a.txt": "a"}


def test_a_full_disk_is_told_and_the_next_run_goes_on(tmp_path: Path) -> None:
    needs("rsync")
    server = tmp_path / "server"
    server.mkdir()
    needs("mount")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(server)], check=False, timeout=30)
    if done.returncode:
        pytest.skip("only root may mount")
    try:
        (tmp_path / "one").mkdir()
        (tmp_path / "notes").mkdir()
        client = Client(tmp_path / "one", tmp_path / "notes", str(server))
        client.write("big", "x" * 1_000_000)
        client.write("small", "small")
        report = client.run()
        assert report.problem is not None
        assert report.problem.code == "disk-full"
        client.write("big", "smaller")
        ok(client.run())
        assert tree(server) == {"big": "smaller", "small": "small"}
    finally:
        subprocess.run(["umount", str(server)], check=True, timeout=30)


def test_a_transfer_that_was_abandoned_is_done_by_the_next_run(clients: list[Client]) -> None:
    one, two, _ = clients
    one.write("a.bin", "x" * 3_000_000)
    job = JobConfig(name="one", path=one.root, backend="rsync", url=one.url, options=one.options)
    asked = iter(range(100))
    order = Order(job, Direction.BOTH, one.notes, 20.0)
    report = run(replace(order, is_cancelled=lambda: next(asked) > 6))
    assert report.problem is None or report.problem.code == "cancelled"
    ok(one.run())
    ok(two.run())
    assert two.tree() == one.tree()


def test_one_version_that_cannot_be_kept_stops_nothing_else(
    clients: list[Client], place: tuple[str, object, Path]
) -> None:
    one, two, _ = clients
    one.write("dir/a.txt", "first")
    one.write("b.txt", "first")
    ok(one.run())
    ok(two.run())
    two.write("dir/a.txt", "by two", age_s=100)
    two.write("b.txt", "second by two")
    one.write("dir/a.txt", "the newer one, by one")
    ok(one.run())
    closed = str(two.root / "dir")
    needs("mount")
    if subprocess.run(["mount", "--bind", "-o", "ro", closed, closed], check=False, timeout=30).returncode:
        pytest.skip("only root may mount")
    try:
        report = ok(two.run())
        assert [(item.subject, item.code) for item in report.items] == [("dir/a.txt", "conflict"), ("b.txt", "sent")]
        assert "Read-only file system" in report.items[0].message
        assert report.conflicts == ("dir/a.txt",)
    finally:
        subprocess.run(["umount", closed], check=True, timeout=30)
    assert tree(place[2]) == {"dir/a.txt": "the newer one, by one", "b.txt": "second by two"}
    assert two.tree()["dir/a.txt"] == "by two"
    for client in (two, one):
        ok(client.run())
    assert one.tree() == two.tree() == tree(place[2])
    assert sorted(one.tree().values()) == ["by two", "second by two", "the newer one, by one"]
