"""What another machine sent while a machine was sending: nothing of it is lost. Real rsync, real ssh server."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitsync.backends.base import Report
from gitsync.git.probe import no_probe
from tests.fakes.deaths import Death, blob_id
from tests.fakes.job_client import Client, ok, tree
from tests.fakes.sshd import Sshd

HOUR_S = 3600
WAIT_S = 60.0
Place = tuple[str, tuple[str, ...], Path]


class Gate:
    """The server's rsync behind ssh, which waits before it lets somebody send: what happens then, he has not seen."""

    def __init__(self, directory: Path, sshd: Sshd, server: Path) -> None:
        directory.mkdir()
        self.waiting, self.go = directory / "waiting", directory / "go"
        program = directory / "rsync"
        program.write_text(
            "#!/bin/sh\n"
            f'case "$*" in *--sender*) ;; *) touch {self.waiting}\n'
            f"for i in $(seq 3000); do [ -e {self.go} ] && break; sleep 0.02; done;; esac\n"
            'exec rsync "$@"\n'
        )
        program.chmod(0o755)
        self.url = f"away:{server}"
        self.options = (f"--rsh=ssh -F {sshd.client_config()} -o BatchMode=yes", f"--rsync-path={program}")

    def run(self, client: Client, meanwhile: Callable[[], object], direction: str = "both") -> Report:
        """Run a client, and let `meanwhile` happen between its look at the server and its sending."""
        gated = replace(client, url=self.url, options=self.options)
        return _beside(lambda: gated.run(direction), self.waiting.exists, meanwhile, self.go.touch)


@pytest.fixture
def gate(tmp_path: Path, place: Place) -> Iterator[Gate]:
    with Sshd(tmp_path / "sshd") as sshd:
        yield Gate(tmp_path / "gate", sshd, place[2])


def _beside(
    run: Callable[[], Report],
    is_time: Callable[[], bool],
    act: Callable[[], object],
    then: Callable[[], object] = lambda: None,
) -> Report:
    reports: list[Report] = []
    thread = threading.Thread(target=lambda: reports.append(run()))
    thread.start()
    try:
        ends_at = time.monotonic() + WAIT_S
        while not is_time():
            assert time.monotonic() < ends_at
            assert thread.is_alive()
            time.sleep(0.01)
        act()
    finally:
        then()
        thread.join(WAIT_S)
    return reports[0]


def settle(clients: list[Client], server: Path) -> dict[str, str]:
    """Let all machines have it all, and return it; nothing of ours is left on the server."""
    for _ in range(2):
        for client in clients:
            ok(client.run())
    found = tree(server)
    assert all(client.tree() == found for client in clients)
    assert not [path for path in server.iterdir() if path.name.startswith(".rsync")]
    # Nothing is left to do, but for what only a person can settle.
    assert not [item for client in clients for item in client.run().items if item.code != "conflict"]
    return found


@pytest.mark.parametrize("is_link", [False, True])
def test_what_another_machine_sent_after_our_look_is_kept(
    clients: list[Client], place: Place, gate: Gate, is_link: bool
) -> None:
    one, two, _ = clients

    def put(client: Client, name: str, text: str, age_s: float) -> None:
        if not is_link:
            client.write(name, text, age_s=age_s)
            return
        path = client.root / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(text)
        at = time.time() - age_s
        os.utime(path, (at, at), follow_symlinks=False)

    put(one, "dir/old.txt", "before", 3 * HOUR_S)
    ok(one.run())
    ok(two.run())
    put(one, "dir/old.txt", "by one, here", 0)
    put(two, "dir/old.txt", "by two", HOUR_S)
    report = ok(gate.run(one, lambda: ok(two.run())))
    assert report.conflicts == ("dir/old.txt",)
    kept = tree(place[2])
    assert set(kept.values()) == {"by one, here", "by two"}
    assert kept["dir/old.txt"] == "by one, here"
    assert settle(clients, place[2]) == kept


def test_what_is_new_on_two_machines_at_once_is_over_nothing(clients: list[Client], place: Place, gate: Gate) -> None:
    one, two, _ = clients
    one.write("new.txt", "made by one")
    two.write("new.txt", "also by two", age_s=HOUR_S)
    ok(gate.run(one, lambda: ok(two.run())))
    assert tree(place[2]) == {"new.txt": "also by two"}
    assert ok(one.run()).conflicts == ("new.txt",)
    found = settle([one, two], place[2])
    assert found.pop("new.txt") == "made by one"
    assert list(found.values()) == ["also by two"]


def test_what_another_machine_changed_after_our_look_is_not_deleted(
    clients: list[Client], place: Place, gate: Gate
) -> None:
    one, two, _ = clients
    for name in ("dir/a.txt", "dir/b.txt", "other"):
        one.write(name, "before", age_s=HOUR_S)
    ok(one.run())
    ok(two.run())
    shutil.rmtree(one.root / "dir")
    two.write("dir/a.txt", "changed by two")
    report = ok(gate.run(one, lambda: ok(two.run())))
    assert [(item.subject, item.code) for item in report.items if item.code == "kept"] == [("dir/a.txt", "kept")]
    assert settle(clients, place[2]) == {"dir/a.txt": "changed by two", "other": "before"}


@pytest.mark.parametrize("other", ["by two", "by one, here"])
def test_a_machine_that_only_sends_keeps_the_other_version_on_the_server(
    clients: list[Client], place: Place, gate: Gate, other: str
) -> None:
    one, two, _ = clients
    one.write("a.txt", "before", age_s=3 * HOUR_S)
    ok(one.run())
    ok(two.run())
    one.write("a.txt", "by one, here")
    two.write("a.txt", other, age_s=HOUR_S)
    report = ok(gate.run(one, lambda: ok(two.run()), "push"))
    assert report.conflicts == (() if other == "by one, here" else ("a.txt",))  # the same is no conflict
    assert one.tree() == {"a.txt": "by one, here"}
    assert set(tree(place[2]).values()) == {"by one, here", other}
    assert not list(place[2].glob(".rsync*"))


def test_a_version_whose_name_is_taken_on_the_server_stays_there(clients: list[Client], place: Place) -> None:
    one, server = clients[0], place[2]
    one.write("a.txt", "by one")
    ok(one.run("push"))
    left = server / f".rsync-partial-replaced-{json.loads((one.notes / 'rsync.json').read_bytes())['id']}-run"
    left.mkdir()
    (left / "a.txt").write_text("by another")
    copy = server / f"a.conflict-{blob_id(b'by another')[:8]}.txt"
    copy.write_text("edited there")
    for _ in range(2):
        assert ok(one.run("push")).conflicts == ("a.txt",)
        assert (left / "a.txt").read_text() == "by another"
    copy.unlink()
    assert ok(one.run("push")).conflicts == ("a.txt",)
    assert copy.read_text() == "by another"
    assert not left.exists()


def test_a_version_that_is_still_written_on_the_server_is_kept_when_it_is_whole(
    clients: list[Client], place: Place
) -> None:
    one, server = clients[0], place[2]
    one.write("a.txt", "before", age_s=HOUR_S)
    ok(one.run())
    left = server / f".rsync-partial-replaced-{json.loads((one.notes / 'rsync.json').read_bytes())['id']}-run"
    left.mkdir()
    (left / "a.txt").write_text("by another")

    def write(point: str, _: bytes) -> None:
        if point in ("listed", "listed again"):
            with (left / "a.txt").open("a") as writer:
                writer.write(", and more")

    one.probe = write
    assert ok(one.run()).conflicts == ()
    one.probe = no_probe
    assert (left / "a.txt").exists()
    assert ok(one.run()).conflicts == ("a.txt",)
    assert sorted(tree(server).values()) == ["before", "by another, and more, and more"]


def test_what_came_while_our_version_was_on_its_way_is_kept(clients: list[Client], place: Place) -> None:
    one, two, _ = clients
    one.write("f", "before", age_s=3 * HOUR_S)
    ok(one.run())
    ok(two.run())
    one.write("f", "x" * 4_000_000)
    two.write("f", "by two", age_s=HOUR_S)
    slow = replace(one, options=("--bwlimit=2000",))
    report = _beside(slow.run, lambda: bool(list(place[2].glob(".rsync-partial-*-new/f.*"))), lambda: ok(two.run()))
    assert ok(report).conflicts == ("f",)
    assert sorted(map(len, settle(clients, place[2]).values())) == [6, 4_000_000]


@pytest.mark.parametrize("who", ["itself", "another machine"])
def test_a_death_after_the_sending_loses_nothing(clients: list[Client], place: Place, who: str) -> None:
    one, two, three = clients
    server = place[2]
    for name in ("f", "dir/g", "deleted"):
        one.write(name, "before", age_s=3 * HOUR_S)
    for client in clients:
        ok(client.run())
    one.write("f", "by one")
    one.write("dir/g", "only by one")
    (one.root / "deleted").unlink()

    def die(point: str, _: bytes) -> None:
        if point == "listed":
            # After its look at the server, where it comes to from a run that it has not seen.
            replace(two, root=server).write("f", "by two", age_s=9)
        elif point == "listed again":
            raise Death

    one.probe = die
    with pytest.raises(Death):
        one.run("push")
    one.probe = no_probe
    (left,) = server.glob(".rsync-partial-replaced-*")
    assert tree(left) == {"f": "by two", "dir/g": "before", "deleted": "before"}
    ok(two.run())
    assert tree(left) == {"f": "by two", "dir/g": "before", "deleted": "before"}  # it could still be at work
    assert two.tree() == {"f": "by one", "dir/g": "only by one"}
    if who == "another machine":
        days_ago = time.time() - 3 * 24 * HOUR_S
        os.utime(left, (days_ago, days_ago))
        ok(three.run())
        assert not left.exists()
    assert ok(one.run()).conflicts == (("f",) if who == "itself" else ())
    found = settle(clients, server)
    copies = {text for name, text in found.items() if name not in ("f", "dir/g")}
    # Who is gone takes along what its listing saw: then it is better to keep too much.
    assert copies == ({"by two"} if who == "itself" else {"by two", "before"})
