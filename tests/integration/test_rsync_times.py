"""Files that grow while they are sent, times that a file system rounds or moves by an hour, sparse files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitsync.errors import TransientError
from gitsync.git.probe import no_probe
from tests.fakes.job_client import Client, codes, ok


def shift(path: Path, by_s: int) -> None:
    facts = path.stat()
    os.utime(path, (facts.st_atime, facts.st_mtime + by_s))


def settled(clients: list[Client], name: str, text: str) -> tuple[Client, Path]:
    """Return a machine and its server, which have had a file for an hour."""
    one = clients[0]
    one.write(name, text, age_s=7200)
    ok(one.run())
    ok(one.run())
    return one, Path(one.url) / name


@pytest.mark.parametrize("is_sending", [True, False], ids=["sent", "taken"])
def test_a_file_that_grows_while_it_is_copied_is_no_conflict_with_itself(
    clients: list[Client], is_sending: bool
) -> None:
    one, there = settled(clients, "app.log", "1\n" * 1000)
    here = one.root / "app.log"
    growing, other = (here, there) if is_sending else (there, here)
    texts = {"before a copy": "read by rsync\n", "copied": "written behind it\n"}

    def grow(point: str, _: bytes) -> None:
        with growing.open("a") as file:
            file.write(texts.get(point, ""))

    one.probe = grow
    for _ in range(3):
        with growing.open("a") as file:
            file.write("seen by the listing\n")
        ok(one.run())
    one.probe = no_probe
    ok(one.run())
    assert other.read_text() == growing.read_text()
    assert os.listdir(one.root) == os.listdir(one.url) == ["app.log"]
    assert ok(one.run()).items == ()


@pytest.mark.parametrize("by_s", [3600, -3600, 3599, 3602])
@pytest.mark.parametrize("is_here", [True, False], ids=["here", "there"])
def test_times_that_are_an_hour_off_are_no_change(clients: list[Client], is_here: bool, by_s: int) -> None:
    one, there = settled(clients, "photo", "as it was\n")
    shift(one.root / "photo" if is_here else there, by_s)
    for _ in range(2):
        assert ok(one.run()).items == ()
    one.write("photo", "edited here\n", age_s=1800)
    ok(one.run())
    assert there.read_text() == "edited here\n"
    assert os.listdir(one.root) == ["photo"]


def test_a_change_of_the_same_size_an_hour_later_is_one(clients: list[Client]) -> None:
    one, there = settled(clients, "photo", "as it was\n")
    facts = there.stat()
    there.write_text("otherwise\n")
    os.utime(there, (facts.st_atime, facts.st_mtime + 3600))
    ok(one.run())
    assert (one.root / "photo").read_text() == "otherwise\n"


def test_an_older_content_never_takes_the_name_by_a_time_an_hour_off(clients: list[Client]) -> None:
    one, there = settled(clients, "letter", "the first version\n")
    facts = there.stat()
    shift(there, 3600)
    one.write("letter", "the second version, longer\n")
    here = one.root / "letter"
    os.utime(here, (facts.st_atime, facts.st_mtime + 1800))  # newer than the first, older than its time by now
    ok(one.run())
    ok(one.run())
    assert here.read_text() == there.read_text() == "the second version, longer\n"


def test_a_server_that_rounds_times_makes_no_conflict(clients: list[Client]) -> None:
    one = clients[0]
    server = Path(one.url)

    def round_times(point: str, _: bytes) -> None:
        for path in server.rglob("*"):
            if path.is_file() and ".rsync-partial" not in str(path):
                whole = path.stat().st_mtime_ns // 2_000_000_000 * 2
                os.utime(path, (whole, whole))

    one.probe = round_times
    for number in range(4):
        one.write("note", f"version {number}\n" * (number + 1))
        odd = 1_700_000_001 + 10 * number
        os.utime(one.root / "note", (odd, odd))
        ok(one.run())
        assert ok(one.run()).items == (), "a rounded time is no news"
        assert (server / "note").read_text() == (one.root / "note").read_text()
    (server / "note").write_text("by another machine\n")
    ok(one.run())
    assert (one.root / "note").read_text() == "by another machine\n"
    assert os.listdir(one.root) == ["note"]


def test_a_sparse_file_stays_sparse(clients: list[Client]) -> None:
    one, two = clients[:2]
    with (one.root / "disk.img").open("wb") as file:
        file.truncate(32 * 1024 * 1024)
        file.seek(1024 * 1024)
        file.write(b"data")
    ok(one.run())
    ok(two.run())
    for root in (Path(one.url), two.root):
        facts = (root / "disk.img").stat()
        assert (facts.st_size, facts.st_blocks * 512 < 4 * 1024 * 1024) == (32 * 1024 * 1024, True)
    # The version that loses its name, too.
    for client, data in ((one, b"from one"), (two, b"from two!")):
        with (client.root / "disk.img").open("r+b") as file:
            file.seek(2 * 1024 * 1024)
            file.write(data)
        os.utime(client.root / "disk.img", (1_700_000_000 + len(data), 1_700_000_000 + len(data)))
    ok(one.run())
    assert ("disk.img", "conflict") in codes(ok(two.run()))
    copies = list(two.root.glob("disk.conflict-*"))
    assert len(copies) == 1
    assert copies[0].stat().st_blocks * 512 < 4 * 1024 * 1024


@pytest.mark.parametrize("is_sending", [True, False], ids=["sent", "taken"])
def test_what_a_run_that_ended_early_had_copied_does_not_conflict_with_itself(
    clients: list[Client], is_sending: bool
) -> None:
    one, there = settled(clients, "note", "the first version\n")
    here = one.root / "note"
    source = here if is_sending else there

    def fail(point: str, _: bytes) -> None:
        if point == "transferred":
            raise TransientError("the connection was cut", code="offline")

    source.write_text("the second version, longer\n")
    os.utime(source, (1_700_000_000, 1_700_000_000 + 3600 * 24 * 365 * 2))
    one.probe = fail
    assert one.run().problem is not None
    one.probe = no_probe
    assert here.read_text() == there.read_text()
    source.write_text("the third version, longer than that\n")
    assert ok(one.run()).conflicts == ()
    assert here.read_text() == there.read_text() == "the third version, longer than that\n"
    assert os.listdir(one.root) == ["note"]
