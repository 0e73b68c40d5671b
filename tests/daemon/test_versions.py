"""A conflict whose versions are called by the machines that they come from, settled on either of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine

BASE, DESK, LAPTOP = "one\ntwo\n", "one of desk\ntwo\n", "one of laptop\ntwo\n"


class Two:
    """Two machines without a daemon, whose copies of a file differ: the laptop has merged, the desk has pulled."""

    def __init__(self, desk: Machine, laptop: Machine, hub: Path, extra: str = "") -> None:
        self.desk, self.laptop = desk, laptop
        self.at_desk = desk.repo(remote=hub)
        (self.at_desk / "todo.txt").write_text(BASE)
        for one, name in ((desk, "desk"), (laptop, "laptop")):
            one.configure(one.home / "notes", extra=extra)
            one.config.write_text(one.config.read_text() + f'\n[daemon]\nmachine = "{name}"\n')
        desk.gitsync("--once")
        run_git(laptop.home, "clone", "-q", str(hub), "notes")
        self.at_laptop = laptop.home / "notes"
        (self.at_desk / "todo.txt").write_text(DESK)
        desk.gitsync("--once")
        (self.at_laptop / "todo.txt").write_text(LAPTOP)
        laptop.gitsync("--once")
        desk.gitsync("--once")

    def texts(self, on: Machine) -> dict[str, str]:
        return {path.name: path.read_text() for path in (on.home / "notes").glob("todo*")}

    def settle(self, on: Machine, *how: str) -> dict[str, str]:
        """Settle it on a machine, and return what both have then."""
        done = on.ctl("resolve", str(on.home / "notes/todo.txt"), *how)
        assert done.returncode == 0, done.stderr
        for one in (on, self.laptop, self.desk, self.laptop):
            one.gitsync("--once")
        assert self.texts(self.desk) == self.texts(self.laptop)
        return self.texts(on)


@pytest.fixture
def two(tmp_path: Path, hub: Path) -> Any:
    with machine(tmp_path / "desk") as desk, machine(tmp_path / "laptop") as laptop:
        yield Two(desk, laptop, hub)


def found(on: Machine) -> dict[str, Any]:
    document = json.loads(on.ctl("conflicts", "--json").stdout)
    conflict: dict[str, Any] = document["conflicts"][0]
    return conflict


def test_versions_have_the_same_names_on_every_machine(two: Two) -> None:
    for one, own in ((two.desk, "desk"), (two.laptop, "laptop")):
        seen = found(one)
        versions = [(item["machine"], item["role"], item["this"]) for item in seen["versions"]]
        assert versions == [("desk", "name", own == "desk"), ("laptop", "copy", own == "laptop")]
        assert run_git(one.home / "notes", "show", f"{seen['base']}:todo.txt") + "\n" == BASE
        shown = one.ctl("conflicts").stdout
        assert "to resolve it: gitsyncctl resolve ~/notes/todo.txt --keep desk\n" in shown
        assert "or: gitsyncctl resolve ~/notes/todo.txt --keep laptop\n" in shown
        assert "gitsyncctl conflicts notes" in one.ctl("status").stdout
    message = run_git(two.at_laptop, "log", "-1", "--format=%B", "--no-merges")
    assert message.endswith("Gitsync-Machine: laptop")
    assert "Gitsync-Machine" not in run_git(two.at_laptop, "log", "-1", "--format=%B", "--merges")


@pytest.mark.parametrize(
    ("where", "how", "text"),
    [
        ("desk", ("--keep", "laptop"), LAPTOP),
        ("laptop", ("--keep", "Desk"), DESK),
        pytest.param("desk", ("--ours",), DESK, marks=pytest.mark.soak),
        pytest.param("laptop", ("--ours",), LAPTOP, marks=pytest.mark.soak),
        pytest.param("desk", ("--theirs",), LAPTOP, marks=pytest.mark.soak),
        ("laptop", ("--copy",), LAPTOP),
        pytest.param("desk", ("--name",), DESK, marks=pytest.mark.soak),
    ],
)
def test_a_version_is_kept_wherever_that_is_typed(two: Two, where: str, how: tuple[str, ...], text: str) -> None:
    assert two.settle(getattr(two, where), *how) == {"todo.txt": text}


def test_an_unknown_machine_and_a_trial_change_nothing(two: Two) -> None:
    before = two.texts(two.desk)
    refused = two.desk.ctl("resolve", str(two.at_desk / "todo.txt"), "--keep", "tablet")
    assert refused.returncode == 2
    assert "has no version from tablet" in refused.stderr
    assert "resolve" in refused.stderr
    trial = two.desk.ctl("resolve", str(two.at_desk / "todo.txt"), "--keep", "laptop", "--dry-run")
    assert "would resolve it: the version from laptop has taken the name" in trial.stdout
    assert two.texts(two.desk) == before


def test_versions_are_merged_in_an_editor_outside_of_the_work_tree(two: Two, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    seen = tmp_path / "seen"
    editor.write_text(f'#!/bin/sh\ncp "$1" "{seen}"\nprintf "one of both\\ntwo\\n" >"$1"\n')
    editor.chmod(0o755)
    two.laptop.env |= {"EDITOR": str(editor), "TERM": "xterm"}
    two.laptop.env.pop("VISUAL", None)
    assert two.settle(two.laptop, "--edit") == {"todo.txt": "one of both\ntwo\n"}
    shown = seen.read_text()
    assert all(text in shown for text in ("<<<<<<<", "from desk", "from laptop", "before both", "one of desk"))


def test_markers_that_are_left_settle_nothing(two: Two) -> None:
    before = two.texts(two.laptop)
    two.laptop.env |= {"EDITOR": "true", "TERM": "xterm"}
    refused = two.laptop.ctl("resolve", str(two.at_laptop / "todo.txt"), "--edit")
    assert refused.returncode == 4
    assert "still has conflict markers" in refused.stderr
    assert two.texts(two.laptop) == before


def test_the_merge_tool_of_git_is_used_where_one_is_configured(two: Two) -> None:
    run_git(two.at_desk, "config", "--file", str(two.desk.home / ".gitconfig"), "merge.tool", "both")
    tool = 'cat "$LOCAL" "$BASE" "$REMOTE" >"$MERGED"'
    run_git(two.at_desk, "config", "--file", str(two.desk.home / ".gitconfig"), "mergetool.both.cmd", tool)
    run_git(two.at_desk, "config", "--file", str(two.desk.home / ".gitconfig"), "mergetool.both.trustExitCode", "true")
    assert two.settle(two.desk, "--edit") == {"todo.txt": DESK + BASE + LAPTOP}
