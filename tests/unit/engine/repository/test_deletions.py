"""The brake counts over time: a deletion in slices is one, and what it asks about is not committed in parts."""

from __future__ import annotations

import pytest

from gitsync.engine.messages import Resume
from gitsync.model import Question, RepoState
from tests.conftest import run_git
from tests.fakes.engine import Bench

pytestmark = pytest.mark.slow

COUNT = 200


@pytest.fixture
def full(bench: Bench) -> Bench:
    bench.adopt(quiet="1s", max_wait="3s")
    for name in names(0, COUNT):
        bench.write(name, f"{name}\n")
    bench.run(5)
    assert bench.is_committed()
    return bench


def names(first: int, last: int) -> list[str]:
    return [f"f{number}" for number in range(first, last)]


def remove(bench: Bench, first: int, last: int, *, pause_s: float = 0.0) -> None:
    for name in names(first, last):
        (bench.root / name).unlink()
        bench.note(name)
        if pause_s:
            bench.run(pause_s)


def restore(bench: Bench, first: int, last: int) -> None:
    run_git(bench.root, "restore", *names(first, last))
    bench.note(*names(first, last))


def in_head(bench: Bench) -> int:
    return len([name for name in run_git(bench.root, "ls-tree", "--name-only", "HEAD").split() if name[0] == "f"])


def question(bench: Bench) -> Question:
    assert bench.status().state is RepoState.HALTED, bench.status()
    (found,) = bench.status().questions
    return found


def test_a_slow_deletion_is_asked_about_whole(full: Bench) -> None:
    remove(full, 0, 150, pause_s=0.05)
    assert in_head(full) == COUNT, "it goes on: nothing is committed"
    full.write("b.txt", "other files are\n")
    full.run(4)
    assert run_git(full.root, "show", "HEAD:b.txt") == "other files are"
    full.run(10)
    assert (question(full).count, in_head(full)) == (150, COUNT)


def test_a_deletion_in_slices_stops_before_most_is_committed(full: Bench) -> None:
    for first in range(0, COUNT, 40):
        remove(full, first, first + 40)
        full.run(12)
    asked = question(full)
    assert in_head(full) == COUNT - 80
    assert asked.count == 40
    assert "120 of 201" in asked.message
    assert "80 of them are committed" in asked.message


def test_slices_without_a_pause_between_them_are_judged_together(full: Bench) -> None:
    remove(full, 0, 40)
    full.run(3)
    assert in_head(full) == COUNT - 40, "a directory of 40 files is daily life"
    for first in range(40, 160, 40):
        remove(full, first, first + 40)
        full.run(3)
    full.run(10)
    assert (question(full).count, in_head(full)) == (120, COUNT - 40)


def test_a_small_deletion_that_goes_on_is_committed_when_it_is_over(full: Bench) -> None:
    remove(full, 0, 60, pause_s=0.1)
    full.run(10)
    assert (full.status().state, in_head(full)) == (RepoState.OK, COUNT - 60)


def test_a_deletion_without_an_end_is_judged_after_a_minute(full: Bench) -> None:
    remove(full, 0, 90, pause_s=0.9)
    assert COUNT - 90 <= in_head(full) < COUNT
    full.run(70)
    assert (full.status().state, in_head(full)) == (RepoState.OK, COUNT - 90)


def test_what_was_asked_about_is_not_committed_in_parts(full: Bench) -> None:
    remove(full, 0, 150)
    full.run(3)
    first = question(full)
    restore(full, 0, 100)
    full.ask(Resume("notes", is_accepted=False))
    full.run(3)
    assert (question(full).count, in_head(full)) == (50, COUNT)
    assert question(full).id != first.id
    again = Bench(full.root, full.repo_state_dir, quiet="1s")
    again.run(5)
    assert (question(again).count, in_head(again)) == (50, COUNT), "a restart does not forget it"
    again.ask(Resume("notes", is_accepted=True, ids=(first.id,)))
    again.run(5)
    assert in_head(again) == COUNT, "the answer to another question"
    again.ask(Resume("notes", is_accepted=True, ids=(question(again).id,)))
    again.run(5)
    assert (again.status().state, in_head(again)) == (RepoState.OK, COUNT - 50)
    again.close()


def test_a_question_ends_when_the_files_are_there_again(full: Bench) -> None:
    remove(full, 0, 150)
    full.run(3)
    question(full)
    restore(full, 0, 100)
    full.run(5)
    question(full)
    restore(full, 100, 150)
    full.run(5)
    assert (full.status().state, full.status().questions, in_head(full)) == (RepoState.OK, (), COUNT)
