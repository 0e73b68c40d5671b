"""Two homes that share a hub, stepped by hand: deletions, permissions, kept copies, one machine's entries. Real git."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.fakes.homes import HomeBench, mode_of, settled

pytestmark = pytest.mark.slow


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[HomeBench, HomeBench, Path]]:
    bench = HomeBench(tmp_path / "one")
    bench.begin()
    hub = tmp_path / "hub.git"
    run_git(tmp_path, "init", "-q", "--bare", str(hub))
    bench.write(".vimrc", "one\n")
    bench.track(".vimrc")
    bench.exchange(hub)
    other = HomeBench(tmp_path / "two")
    other.begin(hub)
    other.run()
    yield bench, other, hub
    other.stop()
    bench.stop()


def test_a_deletion_goes_along_and_a_removal_does_not(pair: Any) -> None:
    one, two, hub = pair
    for name in ("a", "b", "c"):
        one.write(name, f"{name}\n")
    one.track("a", "b", "c")
    one.exchange(hub)
    two.exchange(hub)
    (one.home / "a").unlink()
    one.note("a")
    one.run()
    one.untrack("b")
    one.exchange(hub)
    two.exchange(hub)
    assert sorted(path.name for path in two.home.iterdir() if path.name in "abc") == ["b", "c"]
    settled(two)


def test_an_edit_beats_a_deletion_on_the_other_machine(pair: Any) -> None:
    one, two, hub = pair
    one.write("a", "a\n")
    one.track("a")
    one.exchange(hub)
    two.exchange(hub)
    (one.home / "a").unlink()
    one.note("a")
    one.run()
    one.exchange(hub)
    two.write("a", "edited\n")
    two.run()
    for machine in (two, one, two):
        machine.exchange(hub)
    assert (one.home / "a").read_text() == (two.home / "a").read_text() == "edited\n"
    settled(one)
    settled(two)


def test_permissions_arrive_and_both_sides_narrowing_counts(pair: Any) -> None:
    one, two, hub = pair
    (one.home / ".vimrc").chmod(0o640)
    one.note(".vimrc")
    one.run()
    one.exchange(hub)
    (two.home / ".vimrc").chmod(0o604)
    two.exchange(hub)
    two.sync()
    assert mode_of(two.home / ".vimrc") == 0o600
    two.exchange(hub)
    one.exchange(hub)
    assert mode_of(one.home / ".vimrc") == 0o600


def test_a_kept_copy_is_as_private_as_the_original(pair: Any) -> None:
    one, two, hub = pair
    (one.home / ".vimrc").chmod(0o600)
    one.note(".vimrc")
    one.run()
    one.exchange(hub)
    two.exchange(hub)
    one.write(".vimrc", "mine\n")
    one.run()
    two.write(".vimrc", "yours\n")
    two.run()
    for machine in (one, two, one):
        machine.exchange(hub)
    for machine in (one, two):
        copies = [path for path in machine.home.iterdir() if "conflict" in path.name]
        assert len(copies) == 1
        assert mode_of(copies[0]) == mode_of(machine.home / ".vimrc") == 0o600
        settled(machine)


def test_an_entry_of_another_machine_is_left_alone(pair: Any) -> None:
    one, two, hub = pair
    one.write(".screen", "one's\n")
    two.write(".screen", "two's\n")
    one.track(".screen", hosts=frozenset(("somewhere-else",)))
    one.exchange(hub)
    two.exchange(hub)
    two.sync()
    assert (two.home / ".screen").read_text() == "two's\n"
    settled(two)


def test_manual_leaves_both_and_says_so(pair: Any) -> None:
    _, two, _ = pair
    (two.mirror / ".vimrc").unlink()
    (two.mirror / ".vimrc").write_text("in the mirror\n")
    run_git(two.mirror, "commit", "-qam", "by hand")
    (two.home / ".vimrc").unlink()
    (two.home / ".vimrc").write_text("in home\n")
    object.__setattr__(two.repository.config, "conflict", "manual")
    two.sync()
    assert (two.home / ".vimrc").read_text() == "in home\n"
    assert (two.mirror / ".vimrc").read_text() == "in the mirror\n"
    assert two.broken == {".vimrc": "B"}
    error = two.board.status("home").error
    assert error is not None
    assert "~/.vimrc" in error.message
    assert "diff" in error.hint


def test_a_copy_that_gets_a_name_of_its_own_comes_into_home_under_it(pair: Any) -> None:
    one, two, hub = pair
    one.write(".vimrc", "of one\n")
    two.write(".vimrc", "of two\n")
    one.run()
    one.exchange(hub)
    for machine in (two, one, two):
        machine.run()
        machine.exchange(hub)
    (copy,) = (path for path in two.mirror.iterdir() if "conflict" in path.name)
    run_git(two.mirror, "mv", copy.name, ".vimrc-kept")
    run_git(two.mirror, "commit", "-qm", "both stay")
    two.sync()
    kept = (two.mirror / ".vimrc-kept").read_text()
    assert (two.home / ".vimrc-kept").read_text() == kept
    assert not (two.home / copy.name).exists()
    two.exchange(hub)
    one.exchange(hub)
    assert (one.home / ".vimrc-kept").read_text() == kept
