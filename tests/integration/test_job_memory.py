"""What a job remembers between its runs is emptied, cut, spoiled or removed: said at once, and nothing is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gitsync.backends import state_file
from gitsync.backends.base import Level
from tests.fakes.job_client import Client, codes, ok

SPOILS: dict[str, Callable[[Path], object]] = {
    "emptied": lambda path: path.write_bytes(b""),
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "rubbish": lambda path: path.write_bytes(b"\0\xff" * 40),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS.keys())
def test_damaged_files_are_set_aside_and_named(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    state_file.write(tmp_path / "sound.json", {"a": 1})
    state_file.write(tmp_path / "listing.json", {"a": [1, 2], "b": [3, 4]})
    spoil(tmp_path / "listing.json")
    assert state_file.set_aside_damaged(tmp_path) == ["listing.json"]
    assert sorted(os.listdir(tmp_path)) == ["listing.json.damaged", "sound.json"]
    assert state_file.set_aside_damaged(tmp_path) == []


def test_rsync_without_a_record_says_so_and_deletes_nothing(clients: list[Client]) -> None:
    one, server = clients[0], Path(clients[0].url)
    one.write("a", "a")
    one.write("b", "b")
    assert ("", "first-run") not in codes(ok(one.run())), "there was nothing on the server"
    (one.notes / "listing.json").unlink()
    (one.root / "a").unlink()
    (server / "b").unlink()
    report = ok(one.run())
    assert ("", "first-run") in codes(report)
    assert one.tree() == {"a": "a", "b": "b"}
    assert ok(one.run()).items == ()


def test_rsync_without_a_record_reports_what_differs_once(clients: list[Client]) -> None:
    one, server = clients[0], Path(clients[0].url)
    one.write("a", "a")
    ok(one.run())
    (one.notes / "listing.json").unlink()
    one.write("a", "mine")
    (server / "a").write_text("theirs")
    report = ok(one.run())
    assert report.conflicts == ("a",)
    assert {"mine", "theirs"} == set(one.tree().values())
    # Nobody knows that both sides had changed it: both versions are there, and the job is well.
    assert ok(one.run()).conflicts == ()


@pytest.mark.parametrize("spoil", [*SPOILS.values(), shutil.rmtree], ids=[*SPOILS.keys(), "removed"])
def test_damaged_archives_of_unison_are_set_aside_and_made_anew(
    trio: list[Client], spoil: Callable[[Path], object]
) -> None:
    one, server = trio[0], Path(trio[0].url)
    for name in "abcd":
        one.write(name, name)
    ok(one.run())
    ok(one.run())
    archives = list((one.notes / "unison").glob("ar*"))
    assert archives
    if spoil is shutil.rmtree:
        spoil(one.notes / "unison")
    else:
        for archive in archives:
            spoil(archive)
    (one.root / "a").unlink()
    (server / "b").unlink()
    one.write("c", "edited here")
    report = ok(one.run())
    lost = [item for item in report.items if item.code == "memory-lost"]
    assert [item.level for item in lost] == [Level.ATTENTION]
    assert "a" in one.tree()
    assert "b" in one.tree()
    assert "edited here" in one.tree().values()
    assert all(item.code != "memory-lost" for item in ok(one.run()).items)


def test_unison_with_nothing_on_either_side_has_lost_nothing(trio: list[Client]) -> None:
    one = trio[0]
    for _ in range(3):
        assert ok(one.run()).items == ()
    one.write("a", "a")
    assert [item.code for item in ok(one.run()).items] == ["sent"]
