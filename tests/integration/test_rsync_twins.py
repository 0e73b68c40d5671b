"""Versions that rsync's listings do not tell apart, options that delete unseen, half files, and a full server."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from gitsync.backends.base import Direction, Order
from gitsync.backends.rsync import overtaken
from gitsync.backends.rsync.program import Rsync
from gitsync.config.options import JobConfig
from gitsync.core.pairs import LINK, ListedEntry
from gitsync.git.probe import no_probe
from tests.fakes.job_client import Client, ok, tree
from tests.needs import needs

HOUR_S = 3600
AT_NS = 1_700_000_000_000_000_000


def save(client: Client, name: str, text: str, part_ns: int) -> None:
    """Save within the one second of these tests."""
    client.write(name, text)
    os.utime(client.root / name, ns=(AT_NS + part_ns, AT_NS + part_ns))


def test_a_save_of_the_same_size_within_a_second_reaches_all(clients: list[Client], place: Any) -> None:
    one, two, _ = clients
    save(one, "f", "first.", 100)
    ok(one.run())
    ok(two.run())
    save(one, "f", "second", 200)
    assert [item.code for item in ok(one.run()).items] == ["sent"]
    for client in (two, one, two):
        ok(client.run())
    assert tree(place[2]) == one.tree() == two.tree() == {"f": "second"}
    assert one.run().items == two.run().items == ()


def test_a_save_within_the_second_in_which_the_run_sends_is_sent_by_the_next(clients: list[Client], place: Any) -> None:
    one, two, _ = clients
    save(one, "f", "before", 0)
    ok(one.run())
    ok(two.run())
    one.write("f", "longer..", age_s=0)
    save(one, "f", "longer..", 100)

    def save_again(point: str, _: bytes) -> None:
        if point == "transferred":
            save(one, "f", "in time!", 200)

    one.probe = save_again
    ok(one.run())
    one.probe = no_probe
    assert tree(place[2]) == {"f": "longer.."}
    for client in (one, two):
        ok(client.run())
    assert tree(place[2]) == two.tree() == {"f": "in time!"}


def test_two_machines_that_save_within_one_second_have_a_conflict(clients: list[Client], place: Any) -> None:
    one, two, _ = clients
    one.write("f", "before", age_s=HOUR_S)
    ok(one.run())
    ok(two.run())
    save(one, "f", "by one", 100)
    save(two, "f", "by two", 200)
    ok(one.run())
    assert ok(two.run()).conflicts == ("f",)
    ok(one.run())
    assert tree(place[2]) == one.tree() == two.tree()
    assert sorted(one.tree().values()) == ["by one", "by two"]


@pytest.mark.parametrize("option", ["--delete", "--delete-excluded", "--force", "--inplace", "--remove-source-files"])
def test_an_option_that_takes_away_what_nobody_has_seen_is_refused(clients: list[Client], option: str) -> None:
    one = clients[0]
    one.options = (option,)
    problem = one.run().problem
    assert problem is not None
    assert problem.code == "usage"
    assert option in problem.message


def test_what_is_being_received_on_the_server_is_no_file_yet(clients: list[Client], place: Any) -> None:
    one = clients[0]
    half = place[2] / ".movie.mkv.Ab12Cd"
    half.write_text("half")
    ok(one.run())
    assert one.tree() == {}
    an_hour_ago = time.time() - HOUR_S
    os.utime(half, (an_hour_ago, an_hour_ago))
    ok(one.run())
    assert one.tree() == {half.name: "half"}


def test_each_machine_goes_on_with_its_own_half_of_a_file(clients: list[Client], place: Any) -> None:
    """rsync writes on in place where it finds one: two machines' versions would be mixed."""
    names = set()
    for client in clients[:2]:
        job = JobConfig(name="job", path=client.root, backend="rsync", url=client.url)
        names.add(Rsync(Order(job, Direction.BOTH, client.notes, 20.0)).copying[-1])
    assert len(names) == 2
    assert all(name.startswith("--partial-dir=.rsync-partial-") for name in names)


def test_a_link_that_was_changed_here_while_another_came_is_kept(clients: list[Client]) -> None:
    one = clients[0]
    job = JobConfig(name="job", path=one.root, backend="rsync", url=one.url)
    (one.notes / "replaced/run").mkdir(parents=True)
    for name, target in (("as-listed", "old"), ("changed", "mine")):
        (one.notes / "replaced/run" / name).symlink_to(target)
    listed = {name: ListedEntry(LINK, 3, 0, 0, "old") for name in ("as-listed", "changed")}
    (item,) = overtaken.look_through(Rsync(Order(job, Direction.BOTH, one.notes, 20.0)), listed, is_left=True)
    assert item.subject == "changed"
    assert list(one.tree().values()) == ["mine"]


def test_what_a_full_server_cannot_keep_stays_until_it_can(tmp_path: Path) -> None:
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
        one = Client(tmp_path / "one", tmp_path / "notes", str(server))
        one.write("f", "before")
        ok(one.run())
        left = server / f".rsync-partial-replaced-{json.loads((one.notes / 'rsync.json').read_bytes())['id']}-run"
        left.mkdir()
        (left / "f").write_text("by another machine")
        filler = server / ".rsync-partial-filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(bytes(300_000))
        problem = one.run().problem
        assert problem is not None
        assert problem.code == "disk-full"
        assert (left / "f").read_text() == "by another machine"
        filler.unlink()
        assert ok(one.run()).conflicts == ("f",)
        assert sorted(tree(server).values()) == ["before", "by another machine"]
        assert not left.exists()
    finally:
        subprocess.run(["umount", str(server)], check=True, timeout=30)


class Died(Exception):
    """A process dies."""


def test_a_save_within_a_second_whose_run_died_before_the_copy_is_sent_by_the_next(
    clients: list[Client], place: Any
) -> None:
    """The server's old file looks like the one to be sent: it is no sign that the copy was made."""
    one, two, _ = clients
    save(one, "f", "first.", 100)
    ok(one.run())
    ok(two.run())
    save(one, "f", "second", 200)

    def die(point: str, _: bytes) -> None:
        if point == "before a copy":
            raise Died

    one.probe = die
    with pytest.raises(Died):
        one.run()
    one.probe = no_probe
    assert tree(place[2]) == {"f": "first."}
    ok(one.run())
    assert tree(place[2]) == {"f": "second"}
