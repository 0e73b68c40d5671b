"""What another machine sent while a machine was sending: nothing of it is lost. Real rsync, real ssh server."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitsync.backends.base import Report
from gitsync.core.pairs import decide
from tests.fakes.deaths import Death
from tests.fakes.job_client import Client, ok, tree

HOUR_S = 3600
WAIT_S = 60.0
over_ssh = pytest.mark.parametrize("place", ["ssh"], indirect=True)
Place = tuple[str, tuple[str, ...], Path]


class Gate:
    """The server's rsync, which waits before it lets somebody send: what happens then, happens after his look."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.waiting, self.go = directory / "waiting", directory / "go"
        self.program = directory / "rsync"
        self.program.write_text(
            "#!/bin/sh\n"
            f'case "$*" in *--sender*) ;; *) touch {self.waiting}\n'
            f"for i in $(seq 3000); do [ -e {self.go} ] && break; sleep 0.02; done;; esac\n"
            'exec rsync "$@"\n'
        )
        self.program.chmod(0o755)

    def run(self, client: Client, meanwhile: Callable[[], object], direction: str = "both") -> Report:
        """Run a client, and let `meanwhile` happen between its look at the server and its sending."""
        gated = replace(client, options=(*client.options, f"--rsync-path={self.program}"))
        return _beside(lambda: gated.run(direction), self.waiting.exists, meanwhile, self.go.touch)


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
    assert [client.run().items for client in clients] == [()] * len(clients)
    return found


@over_ssh
@pytest.mark.parametrize("is_link", [False, True])
def test_what_another_machine_sent_after_our_look_is_kept(
    clients: list[Client], place: Place, tmp_path: Path, is_link: bool
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
    put(one, "new.txt", "made by one", 0)
    put(two, "dir/old.txt", "by two", HOUR_S)
    put(two, "new.txt", "also by two", HOUR_S)
    report = ok(Gate(tmp_path / "gate").run(one, lambda: ok(two.run())))
    assert sorted(report.conflicts) == ["dir/old.txt", "new.txt"]
    kept = tree(place[2])
    assert set(kept.values()) == {"by one, here", "by two", "made by one", "also by two"}
    assert (kept["dir/old.txt"], kept["new.txt"]) == ("by one, here", "made by one")
    assert settle(clients, place[2]) == kept


@over_ssh
def test_what_another_machine_changed_after_our_look_is_not_deleted(
    clients: list[Client], place: Place, tmp_path: Path
) -> None:
    one, two, _ = clients
    for name in ("dir/a.txt", "dir/b.txt", "other"):
        one.write(name, "before", age_s=HOUR_S)
    ok(one.run())
    ok(two.run())
    shutil.rmtree(one.root / "dir")
    two.write("dir/a.txt", "changed by two")
    report = ok(Gate(tmp_path / "gate").run(one, lambda: ok(two.run())))
    assert [(item.subject, item.code) for item in report.items if item.code == "kept"] == [("dir/a.txt", "kept")]
    assert settle(clients, place[2]) == {"dir/a.txt": "changed by two", "other": "before"}


@over_ssh
def test_two_machines_that_wrote_the_same_have_no_conflict(clients: list[Client], place: Place, tmp_path: Path) -> None:
    one, two, _ = clients
    one.write("a.txt", "the same")
    two.write("a.txt", "the same", age_s=HOUR_S)
    assert ok(Gate(tmp_path / "gate").run(one, lambda: ok(two.run()))).conflicts == ()
    assert settle(clients, place[2]) == {"a.txt": "the same"}


@over_ssh
def test_a_machine_that_only_sends_keeps_the_other_version_on_the_server(
    clients: list[Client], place: Place, tmp_path: Path
) -> None:
    one, two, _ = clients
    one.write("a.txt", "by one, here")
    two.write("a.txt", "by two", age_s=HOUR_S)
    gate = Gate(tmp_path / "gate")
    report = ok(gate.run(one, lambda: ok(two.run()), "push"))
    assert report.conflicts == ("a.txt",)
    assert one.tree() == {"a.txt": "by one, here"}
    assert sorted(tree(place[2]).values()) == ["by one, here", "by two"]
    assert not list(place[2].glob(".rsync*"))


def test_what_came_while_our_version_was_on_its_way_is_kept(clients: list[Client], place: Place) -> None:
    one, two, _ = clients
    one.write("f", "before", age_s=3 * HOUR_S)
    ok(one.run())
    ok(two.run())
    one.write("f", "x" * 4_000_000)
    two.write("f", "by two", age_s=HOUR_S)
    slow = replace(one, options=("--bwlimit=2000",))
    report = _beside(slow.run, lambda: bool(list(place[2].glob(".f.*"))), lambda: ok(two.run()))
    assert ok(report).conflicts == ("f",)
    assert sorted(map(len, settle(clients, place[2]).values())) == [6, 4_000_000]


@pytest.mark.parametrize("who", ["itself", "another machine"])
def test_a_death_after_the_sending_loses_nothing(
    clients: list[Client], place: Place, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    one, two, three = clients
    server = place[2]
    for name in ("f", "dir/g", "deleted"):
        one.write(name, "before", age_s=3 * HOUR_S)
    for client in clients:
        ok(client.run())
    one.write("f", "by one")
    one.write("dir/g", "only by one")
    (one.root / "deleted").unlink()
    with monkeypatch.context() as dying:
        # After its look at the server, where it comes to from a run that it has not seen.
        dying.setattr("gitsync.backends.rsync.settle_replaced", _die)

        def looked(*facts: Any) -> Any:
            replace(two, root=server).write("f", "by two", age_s=9)
            return decide(*facts)

        dying.setattr("gitsync.backends.rsync.decide", looked)
        with pytest.raises(Death):
            one.run("push")
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


def _die(*_: object) -> None:
    raise Death
