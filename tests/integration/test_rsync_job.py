"""Jobs done by rsync: three machines, a server, real rsync, on the same disk and over a real ssh server."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gitsync.backends.base import Level
from tests.fakes.job_client import Client, ok, tree
from tests.fakes.sshd import closed_port

HOUR_S = 3600


everywhere = pytest.mark.parametrize("place", ["local", "ssh"], indirect=True)


@everywhere
def test_new_changed_and_deleted_files_reach_every_machine(
    clients: list[Client], place: tuple[str, object, Path]
) -> None:
    one, two, three = clients
    one.write("a.txt", "from one")
    one.write("dir/b.txt", "b", age_s=HOUR_S)
    one.write("odd\nname # \\#123 é.txt", "odd")
    (one.root / "link").symlink_to("a.txt")
    two.write("from-two.txt", "two")
    for client in (one, two, three, one):
        ok(client.run())
    everything = one.tree()
    assert set(everything) == {"a.txt", "dir/b.txt", "odd\nname # \\#123 é.txt", "link", "from-two.txt"}
    assert two.run().items == ()
    assert two.tree() == three.tree() == everything == tree(place[2])

    two.write("dir/b.txt", "changed by two")
    (three.root / "a.txt").unlink()
    shutil.move(one.root / "from-two.txt", one.root / "renamed.txt")
    for client in (two, three, one, two, three):
        ok(client.run())
    assert one.tree() == two.tree() == three.tree() == tree(place[2])
    assert one.tree()["dir/b.txt"] == "changed by two"
    assert "a.txt" not in one.tree()
    assert one.tree()["renamed.txt"] == "two"
    assert "from-two.txt" not in one.tree()
    assert [client.run().items for client in clients] == [(), (), ()]


def test_a_deleted_directory_goes_everywhere_unless_something_new_is_in_it(clients: list[Client]) -> None:
    one, two, _ = clients
    for name in ("gone/deep/x", "gone/y", "kept/deep/x", "other"):
        one.write(name, name)
    ok(one.run())
    ok(two.run())
    shutil.rmtree(one.root / "gone")
    shutil.rmtree(one.root / "kept")
    two.write("kept/deep/new", "new")
    for client in (one, two, one):
        ok(client.run())
    assert one.tree() == two.tree() == {"kept/deep/new": "new", "other": "other"}
    assert not (two.root / "gone").exists()


def test_an_edit_beats_a_delete(clients: list[Client]) -> None:
    one, two, _ = clients
    one.write("a.txt", "first")
    one.write("b.txt", "first")
    ok(one.run())
    ok(two.run())
    (one.root / "a.txt").unlink()
    two.write("a.txt", "edited by two")
    one.write("b.txt", "edited by one")
    (two.root / "b.txt").unlink()
    for client in (one, two, one, two):
        ok(client.run())
    assert one.tree() == two.tree() == {"a.txt": "edited by two", "b.txt": "edited by one"}


@pytest.mark.parametrize("newer", ["one", "two"])
def test_both_versions_of_a_file_that_both_changed_are_kept(
    clients: list[Client], place: tuple[str, object, Path], newer: str
) -> None:
    one, two, three = clients
    one.write("a.txt", "first", age_s=3 * HOUR_S)
    ok(one.run())
    ok(two.run())
    one.write("a.txt", "by one", age_s=0 if newer == "one" else HOUR_S)
    two.write("a.txt", "by two", age_s=0 if newer == "two" else HOUR_S)
    ok(one.run())
    report = ok(two.run())
    assert report.conflicts == ("a.txt",)
    assert [item.level for item in report.items if item.code == "conflict"] == [Level.ATTENTION]
    for client in (one, three, two):
        ok(client.run())
    assert one.tree() == two.tree() == three.tree() == tree(place[2])
    assert one.tree()["a.txt"] == f"by {newer}"
    copies = {name: text for name, text in one.tree().items() if ".conflict-" in name}
    assert list(copies.values()) == [f"by {'one' if newer == 'two' else 'two'}"]
    assert next(iter(copies)).endswith(".txt")
    # It stays in the list, on the machine that found it, until the copy is gone.
    assert two.run().conflicts == ("a.txt",)
    assert one.run().conflicts == ()
    (one.root / next(iter(copies))).unlink()
    ok(one.run())
    assert ok(two.run()).conflicts == ()
    assert two.run().items == ()


def test_the_same_content_with_another_time_is_no_conflict(clients: list[Client]) -> None:
    one, two, _ = clients
    one.write("a.txt", "same", age_s=HOUR_S)
    two.write("a.txt", "same")
    ok(one.run())
    assert ok(two.run()).conflicts == ()
    ok(one.run())
    assert one.tree() == two.tree() == {"a.txt": "same"}
    assert ok(two.run()).items == ()


def test_a_version_that_is_older_than_the_one_it_replaces_arrives(clients: list[Client]) -> None:
    one, two, _ = clients
    one.write("a.txt", "second")
    ok(one.run())
    ok(two.run())
    one.write("a.txt", "put back", age_s=5 * HOUR_S)
    ok(one.run())
    ok(two.run())
    assert two.tree() == {"a.txt": "put back"}
    two.write("a.txt", "even older", age_s=9 * HOUR_S)
    ok(two.run())
    ok(one.run())
    assert one.tree() == {"a.txt": "even older"}


def test_a_first_run_deletes_nothing(clients: list[Client], place: tuple[str, object, Path]) -> None:
    one, two, _ = clients
    one.write("a.txt", "a")
    (place[2] / "b.txt").write_text("b")
    ok(one.run())
    assert one.tree() == {"a.txt": "a", "b.txt": "b"}
    shutil.rmtree(two.notes)
    two.notes.mkdir()
    ok(two.run())
    assert two.tree() == {"a.txt": "a", "b.txt": "b"}


@everywhere
def test_push_and_pull_change_one_side_alone(clients: list[Client], place: tuple[str, object, Path]) -> None:
    one, two, _ = clients
    server = place[2]
    one.write("a.txt", "a")
    one.write("b.txt", "b")
    (server / "there.txt").write_text("there")
    ok(one.run("push"))
    assert one.tree() == {"a.txt": "a", "b.txt": "b"}
    assert tree(server) == {"a.txt": "a", "b.txt": "b", "there.txt": "there"}
    ok(two.run("pull"))
    two.write("mine.txt", "mine")
    (two.root / "b.txt").unlink()
    (server / "a.txt").unlink()
    ok(two.run("pull"))
    assert two.tree() == {"b.txt": "b", "there.txt": "there", "mine.txt": "mine"}
    ok(one.run("push"))
    assert tree(server) == {"a.txt": "a", "b.txt": "b", "there.txt": "there"}
    (one.root / "b.txt").unlink()
    ok(one.run("push"))
    assert tree(server) == {"a.txt": "a", "there.txt": "there"}


def test_what_both_changed_is_left_alone_when_only_one_side_may_change(clients: list[Client]) -> None:
    one, two, _ = clients
    one.write("a.txt", "first", age_s=HOUR_S)
    ok(one.run())
    ok(two.run())
    one.write("a.txt", "by one")
    ok(one.run())
    two.write("a.txt", "by two, longer")
    report = ok(two.run("pull"))
    assert report.conflicts == ("a.txt",)
    assert two.tree() == {"a.txt": "by two, longer"}
    report = ok(two.run("push"))
    assert report.conflicts == ("a.txt",)
    ok(one.run())
    assert one.tree() == {"a.txt": "by one"}


def test_a_server_that_is_an_rsync_daemon(
    clients: list[Client], place: tuple[str, object, Path], tmp_path: Path
) -> None:
    port = closed_port()
    settings = tmp_path / "rsyncd.conf"
    module = f"[files]\npath = {place[2]}\nread only = no\nuse chroot = no\n"
    owner = f"uid = {os.getuid()}\ngid = {os.getgid()}\n" if os.getuid() == 0 else ""
    settings.write_text(f"port = {port}\naddress = 127.0.0.1\n{owner}{module}")
    arguments = ("--daemon", "--no-detach", f"--config={settings}", f"--log-file={tmp_path}/rsyncd.log")
    with subprocess.Popen(["rsync", *arguments], stdin=subprocess.DEVNULL) as daemon:
        try:
            one, two = (replace(client, url=f"rsync://127.0.0.1:{port}/files") for client in clients[:2])
            one.write("dir/a.txt", "before", age_s=HOUR_S)
            one.write("b.txt", "b")
            ends_at = time.monotonic() + 60
            while one.run().problem is not None:  # until it listens
                assert time.monotonic() < ends_at
            ok(two.run())
            one.write("dir/a.txt", "changed by one")
            (two.root / "b.txt").unlink()
            for client in (one, two, one):
                ok(client.run())
            assert one.tree() == two.tree() == tree(place[2]) == {"dir/a.txt": "changed by one"}
        finally:
            daemon.terminate()
