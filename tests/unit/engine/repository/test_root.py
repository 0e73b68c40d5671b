"""The root that is watched is known over a restart: another one in its place is a question, its return needs nobody."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gitsync.engine.messages import Resume
from gitsync.engine.repository.root import ROOT_FILE
from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.engine import Bench


def start(root: Path, state_dir: Path) -> Bench:
    it = Bench(root, state_dir, quiet="1s")
    it.run(5)
    return it


@pytest.fixture
def moved(bench: Bench) -> Path:
    """The original, moved away while nothing runs, with an incomplete clone in its place; the state directory knows."""
    bench.write("b.txt", "b\n")
    bench.run(5)
    bench.close()
    original = bench.root.with_name("original")
    bench.root.rename(original)
    run_git(bench.root.parent, "clone", "-q", str(original), str(bench.root))
    (bench.root / "b.txt").unlink()
    return original


def test_another_root_after_a_restart_is_a_question(bench: Bench, moved: Path) -> None:
    head = bench.head()
    again = start(bench.root, bench.repo_state_dir)
    (asked,) = again.status().questions
    assert (again.status().state, asked.kind, again.head()) == (RepoState.HALTED, "other-root", head)
    again.close()
    third = start(bench.root, bench.repo_state_dir)
    assert third.status().questions == (asked,), "one more restart"
    shutil.rmtree(bench.root)
    moved.rename(bench.root)
    third.run(10)
    assert (third.status().state, third.status().questions) == (RepoState.OK, ()), "the original needs no person"
    third.close()


def test_another_root_that_is_accepted_is_the_one_from_then_on(bench: Bench, moved: Path) -> None:
    again = start(bench.root, bench.repo_state_dir)
    again.ask(Resume("notes", is_accepted=True))
    again.run(5)
    assert again.status().state is RepoState.OK
    again.close()
    third = start(bench.root, bench.repo_state_dir)
    assert third.status().state is RepoState.OK
    third.close()


def test_after_a_boot_the_device_may_have_another_number(bench: Bench) -> None:
    bench.close()
    memory = bench.repo_state_dir / ROOT_FILE
    noted = json.loads(memory.read_text())
    device, inode, booted_at, _ = noted["here"]
    for here, state in (
        ([device + 1, inode, booted_at - 9999.0, None], RepoState.OK),
        ([device + 1, inode, booted_at, None], RepoState.HALTED),
        ([device + 1, inode + 1, booted_at - 9999.0, None], RepoState.HALTED),
    ):
        memory.write_text(json.dumps({**noted, "here": here}))
        again = start(bench.root, bench.repo_state_dir)
        assert again.status().state is state, here
        again.close()
