"""watchdog's events, as FSEvents and kqueue send them, turned into hints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from watchdog.events import (
    DirAttribEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    DirModifiedEvent,
    DirMovedEvent,
    FileAttribEvent,
    FileClosedNoWriteEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileOpenedEvent,
    FileSystemEvent,
)

from gitsync.watch.hints import Hints
from gitsync.watch.portable import EVENTS, Translator

ROOT = "/somewhere/root"
CASES: list[tuple[FileSystemEvent, set[bytes], set[bytes], set[str]]] = [
    (FileModifiedEvent(f"{ROOT}/a/f"), {b"a/f"}, set(), set()),
    (FileMovedEvent(f"{ROOT}/a", f"{ROOT}/b"), {b"a", b"b"}, set(), set()),
    (FileMovedEvent("/outside/a", f"{ROOT}/b"), {b"b"}, set(), set()),
    (DirMovedEvent(f"{ROOT}/a", f"{ROOT}/b"), set(), {b"a", b"b"}, set()),
    (DirCreatedEvent(f"{ROOT}/a"), set(), {b"a"}, set()),
    (FileOpenedEvent(f"{ROOT}/f"), set(), set(), set()),
    (FileClosedNoWriteEvent(f"{ROOT}/f"), set(), set(), set()),
    (DirModifiedEvent(f"{ROOT}/a"), set(), set(), set()),
    (FileModifiedEvent(f"{ROOT}/.git/index"), set(), set(), set()),
    (FileModifiedEvent(f"{ROOT}/sub/.git/index"), set(), set(), set()),
    (FileModifiedEvent(f"{ROOT}/ign/f"), set(), set(), set()),
    (DirCreatedEvent(f"{ROOT}/ign"), set(), set(), set()),
    (FileModifiedEvent(f"{ROOT}/.gitignore"), {b".gitignore"}, set(), {"ignore rules changed"}),
    (FileModifiedEvent(f"{ROOT}2/f"), set(), set(), set()),
    (DirDeletedEvent(ROOT), set(), set(), {"root vanished"}),
    (FileModifiedEvent(f"{ROOT}/\udcff\n"), {b"\xff\n"}, set(), set()),
]


def _stable(value: object) -> str:
    # Sets are printed in another order in every process, and tests that run in several need one name.
    return repr(sorted(value)) if isinstance(value, set | frozenset) else repr(value)


@pytest.mark.parametrize(("event", "paths", "trees", "reasons"), CASES, ids=_stable)
def test_an_event_becomes_hints(
    event: FileSystemEvent, paths: set[bytes], trees: set[bytes], reasons: set[str]
) -> None:
    hints = Translator(ROOT, lambda: lambda path: path == b"ign").translate(event)
    assert (set(hints.paths), set(hints.trees), set(hints.reasons)) == (paths, trees, reasons)


@pytest.mark.parametrize("spelling", ["R\u00e4ume", "ra\u0308ume"])
def test_a_root_that_is_spelled_otherwise_on_the_disk_is_the_same(tmp_path: Path, spelling: str) -> None:
    (tmp_path / "r\u00e4ume").mkdir()
    # A link stands for what macOS does by itself: both spellings lead to one directory.
    (tmp_path / spelling).symlink_to("r\u00e4ume")
    translator = Translator(str(tmp_path / "r\u00e4ume"), lambda: lambda path: False)
    for _ in range(2):
        assert set(translator.translate(FileModifiedEvent(f"{tmp_path}/{spelling}/a/f")).paths) == {b"a/f"}
    assert translator.translate(DirDeletedEvent(f"{tmp_path}/{spelling}")).reasons == {"root vanished"}
    # Where case counts, it is another directory.
    (tmp_path / "R\u00c4UME").mkdir()
    assert not translator.translate(FileModifiedEvent(f"{tmp_path}/R\u00c4UME/f")).paths


def test_changed_permissions_are_a_hint() -> None:
    translator = Translator(ROOT, lambda: lambda path: False)
    assert set(translator.translate(FileAttribEvent(f"{ROOT}/f")).paths) == {b"f"}
    assert not translator.translate(DirAttribEvent(f"{ROOT}/d")).trees
    assert FileAttribEvent in EVENTS


def test_a_watchdog_without_events_of_attributes_is_enough() -> None:
    # Version 6, which setup.cfg allows, has none of these names.
    old = (
        "import watchdog.events as events\n"
        "del events.EVENT_TYPE_ATTRIB, events.FileAttribEvent, events.DirAttribEvent\n"
        "import gitsync.watch.portable\n"
    )
    done = subprocess.run([sys.executable, "-c", old], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_rules_are_made_anew_when_asked_to() -> None:
    made = []

    def factory() -> object:
        made.append(1)
        return lambda path: False

    translator = Translator(ROOT, factory)  # type: ignore[arg-type]  # the same shape, counted
    translator.translate(FileModifiedEvent(f"{ROOT}/a/f"))
    translator.translate(FileModifiedEvent(f"{ROOT}/a/f"))
    assert len(made) == 1
    translator.refresh_ignores()
    translator.translate(FileModifiedEvent(f"{ROOT}/a/f"))
    assert len(made) == 2


def test_two_batches_of_one_root_are_never_equal(tmp_path: Path) -> None:
    # watchdog's queue drops an event that equals the one before it.
    assert Hints(str(tmp_path), [b"a"]) != Hints(str(tmp_path), [b"b"])
