"""What happens here while rsync is at work: edits that it would replace, names that look like something else."""

from __future__ import annotations

import os
import shutil
import stat
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gitsync.backends.base import Direction, Order
from gitsync.backends.rsync import overtaken
from gitsync.backends.rsync.job import run
from gitsync.backends.rsync.program import Rsync
from gitsync.config.options import JobConfig
from gitsync.core.pairs import ListedEntry
from tests.fakes.job_client import Client, ok
from tests.needs import needs

SLOW = ("--bwlimit=2000",)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Client, Client]:
    needs("rsync")
    (tmp_path / "server").mkdir()
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}-notes").mkdir()
        made.append(Client(tmp_path / name, tmp_path / f"{name}-notes", str(tmp_path / "server")))
    return made[0], made[1]


def test_a_file_saved_while_its_new_version_comes_is_kept_beside(pair: tuple[Client, Client]) -> None:
    """rsync looks before the transfer and not again when it puts the new version in its place."""
    one, two = pair
    one.write("f", "before\n")
    ok(one.run())
    ok(two.run())
    (one.root / "f").write_bytes(os.urandom(6_000_000))
    ok(one.run())
    slow = replace(two, options=SLOW)
    ends_at = time.monotonic() + 60

    def edit() -> None:
        while time.monotonic() < ends_at and not list(two.root.glob(".rsync-partial-*-new/f.*")):
            time.sleep(0.01)
        (two.root / "f").write_text("mine\n")

    editor = threading.Thread(target=edit)
    editor.start()
    report = ok(slow.run())
    editor.join()
    assert (two.root / "f").stat().st_size == 6_000_000
    (kept,) = two.root.glob("f.conflict-*")
    assert kept.read_text() == "mine\n"
    assert report.conflicts == ("f",)
    assert not list((two.notes / "replaced").iterdir())
    ok(two.run())
    assert [item.code for item in ok(two.run()).items] == ["conflict"]
    assert len(list((two.root.parent / "server").iterdir())) == 2


@pytest.mark.parametrize("is_known", [True, False])
def test_what_a_run_that_died_had_replaced_is_kept_unless_it_is_known(
    pair: tuple[Client, Client], is_known: bool
) -> None:
    one = pair[0]
    order = Order(JobConfig(name="one", path=one.root, backend="rsync", url=one.url), Direction.BOTH, one.notes, 20.0)
    one.write("dir/f", "new\n")
    kept = one.notes / "replaced/run/dir/f"
    kept.parent.mkdir(parents=True)
    kept.write_text("old\n")
    kept.chmod(0o600)
    facts = kept.stat()
    known = {"dir/f": ListedEntry("f", facts.st_size, int(facts.st_mtime), facts.st_mtime_ns)} if is_known else {}
    items = overtaken.look_through(Rsync(order), known, is_left=True)
    copies = list((one.root / "dir").glob("f.conflict-*"))
    assert len(items) == len(copies) == (0 if is_known else 1)
    for copy in copies:
        assert copy.read_text() == "old\n"
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert not list((one.notes / "replaced").iterdir())
    assert run(order).problem is None


def test_a_name_with_a_tab_is_a_name(pair: tuple[Client, Client]) -> None:
    one, two = pair
    one.write("x\ty.txt", "tab")
    one.write("x", "plain")
    (one.root / "l\tk").symlink_to("to\tnowhere")
    for client in (one, two):
        ok(client.run())
    assert two.tree() == one.tree() == {"x\ty.txt": "tab", "x": "plain", "l\tk": "to\tnowhere"}
    assert ok(two.run()).items == ()
    (two.root / "x\ty.txt").unlink()
    ok(two.run())
    ok(one.run())
    assert set(one.tree()) == {"x", "l\tk"}


def test_the_copy_of_a_private_file_is_private_from_its_first_instant(
    pair: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair
    one.write("secret", "first")
    (one.root / "secret").chmod(0o600)
    ok(one.run())
    ok(two.run())
    one.write("secret", "from one")
    ok(one.run())
    two.write("secret", "from two, longer", age_s=5)
    seen: list[int] = []
    copystat = shutil.copystat

    def looked(source: Path, target: Path) -> None:
        seen.append(stat.S_IMODE(target.stat().st_mode))
        copystat(source, target)

    monkeypatch.setattr("shutil.copystat", looked)
    ok(two.run())
    assert seen == [0o600]
    (kept,) = two.root.glob("secret.conflict-*")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
