"""What a quick look at a home file says is what the facts of it, in full, and the decision about them say."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from gitsync.core.dotfiles import ABSENT, FileKind, MirrorAction
from gitsync.mirror.mirror_sync import MirrorSync, PathFacts
from gitsync.mirror.quick_look import QuickLook
from tests.fakes.homes import HomeBench

pytestmark = pytest.mark.slow

NAMES = ("d/one", "d/two", "d/e/three", "d/new")
STEPS = 40


def disturb(bench: HomeBench, chance: random.Random, number: int) -> None:
    """Change something in home or in the mirror as its user may."""
    path = chance.choice((bench.home, bench.home, bench.mirror)) / chance.choice(NAMES)
    path.parent.mkdir(parents=True, exist_ok=True)
    how = chance.choice(("write", "same", "replace", "unlink", "chmod", "symlink", "twin", "directory"))
    if how != "write" and path.is_dir():
        return
    if how == "write" and not path.is_dir():
        path.write_text(f"version {number}\n")
    elif how == "same":
        path.write_text("the same\n")
    elif how == "replace":
        path.with_name("beside").write_text(f"replaced {number}\n")
        path.with_name("beside").replace(path)
    elif how == "unlink":
        path.unlink(missing_ok=True)
    elif how == "chmod" and path.exists():
        path.chmod(chance.choice((0o600, 0o644, 0o755, 0o000)))
    elif how == "symlink":
        path.unlink(missing_ok=True)
        path.symlink_to("nowhere")
    elif how == "twin":
        path.unlink(missing_ok=True)
        path.write_text("the same\n")
    elif how == "directory" and not path.exists() and not path.is_symlink():
        path.mkdir()


def compare(keeper: MirrorSync, seen: Counter[str], where: str) -> None:
    """Ask about each path both ways."""
    tree = keeper.head_tree
    with keeper:
        quick = QuickLook(keeper, tree)
        for name in (*NAMES, "d", "elsewhere"):
            path = os.fsencode(name)
            is_quick, is_agreed, new = quick.is_in_order(path), quick.is_agreed(path), quick.new_file(path)
            facts = keeper.facts(path, tree, is_calm=True)
            assert is_agreed == (facts.base == facts.head) or facts.has_left, f"{where}: {name} {facts}"
            if is_quick:
                seen["in order"] += 1
                assert is_in_order(keeper, facts), f"{where}: {name} {facts}"
            if new is not None:
                seen["new"] += 1
                assert (facts.head, facts.base) == (ABSENT, ABSENT), f"{where}: {name} {facts}"
                assert new.moment == facts.home.moment
                assert facts.mirror.version.is_there or is_to_be_linked(keeper, facts), f"{where}: {name} {facts}"


def is_in_order(keeper: MirrorSync, facts: PathFacts) -> bool:
    mode = keeper.mode_of(facts)
    is_alike = facts.action is MirrorAction.AGREE and facts.mirror.version.is_alike(facts.head)
    return is_alike and keeper.is_linked_as_wanted(facts) and mode == facts.home.version.mode == facts.head.mode


def is_to_be_linked(keeper: MirrorSync, facts: PathFacts) -> bool:
    blocked = facts.mirror.version.kind is FileKind.BLOCKED  # making the name shows it
    return blocked or (facts.action is MirrorAction.TO_MIRROR and keeper.wants_link(facts.path, facts.home))


@pytest.mark.parametrize("link", ["auto", "copy"])
def test_a_quick_look_says_what_the_facts_say(tmp_path: Path, link: str) -> None:
    bench, seen = HomeBench(tmp_path / "one", link), Counter[str]()
    bench.begin()
    bench.write("d/one", "the same\n")
    bench.track("d")
    seed = int(os.environ.get("QUICK_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
    chance = random.Random(seed)
    for number in range(STEPS):
        disturb(bench, chance, number)
        if chance.random() < 0.3:
            bench.sync()
        keeper = bench.repository.keeper
        assert keeper is not None
        with bench.at_home():
            compare(keeper, seen, f"QUICK_SEED={seed}, step {number}")
    bench.stop()
    if link == "copy":
        assert not seen
    else:
        assert seen["in order"], f"QUICK_SEED={seed}: {seen}"


def test_a_new_home_file_is_linked_before_it_is_read_and_nothing_is_noted_of_what_was_alike(tmp_path: Path) -> None:
    bench = HomeBench(tmp_path / "one")
    bench.begin()
    keeper = bench.repository.keeper
    assert keeper is not None
    path = bench.write(".settings/one", "text\n")
    time.sleep(0.03)  # what was changed just now is not remembered, though it was read
    read: list[bool] = []
    bench.probe = lambda point, _: read.append(keeper.contents.of(path.stat()) is not None) if point == "link" else None
    bench.track(".settings")
    assert read == [False]
    assert (bench.mirror / ".settings/one").samefile(path)
    assert bench.committed(".settings/one") == "text\n"
    assert not bench.broken
    assert keeper.agreed.unsettled == frozenset()
    bench.note(".settings/one")  # as the watcher does after the link
    bench.note_mirror(".settings/one")
    bench.run()
    assert keeper.agreed.unsettled == frozenset()
    bench.stop()
