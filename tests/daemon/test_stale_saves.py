"""An editor on one machine does not undo what another machine sent, in home files too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.daemon.homes import QUICK, begin, committed, ctl, rename_over, truncate, wait_home

OLD = "".join(f"line {number}\n" for number in range(12))
NEW = OLD.replace("line 2\n", "line 2\nfrom a\n")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "b") as it:
        yield it


@pytest.mark.soak
def test_an_old_buffer_of_a_home_file(box: Machine, other: Machine, hub: Path) -> None:
    begin(box, "--remote", str(hub))
    names = (".vimrc", ".inputrc")
    here, there = ([box_.home / name for name in names] for box_ in (box, other))
    for path in here:
        path.write_text(OLD)
    ctl(box, "add", *map(str, here))
    wait_for("the push", lambda: committed(hub, names[1]) == OLD.encode())
    other.write_config(QUICK)
    other.start()
    ctl(other, "clone", str(hub), "--yes")
    for path in here:
        path.write_text(NEW)
    wait_for("the edit to arrive", lambda: all(path.read_text() == NEW for path in there))
    wait_home(other)
    truncate(there[0], (OLD + "own\n").encode())
    rename_over(there[1], (OLD + "own\n").encode())
    wait_for("both on both", lambda: all(path.read_text() == NEW + "own\n" for path in (*here, *there)))
    wait_home(other)
    events = [json.loads(line) for line in other.ctl("events", "--json").stdout.splitlines()]
    lines = [event["message"] for event in events if event["event"] == "stale-save"]
    assert all(any(f"~/{name}" in line for line in lines) for name in names), lines
    assert "gitsyncctl undo home" in other.ctl("status").stdout
    log = run_git(other.home / ".local/share/gitsync/home", "log", "--format=%s")
    assert "Merge ~/" in log
