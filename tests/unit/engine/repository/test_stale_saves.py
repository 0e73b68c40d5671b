"""A file that is saved from a text older than a pull: merged once, after the save was committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.engine.messages import Perform
from gitsync.git.changes.undo import undo
from tests.conftest import run_git
from tests.fakes.engine import Bench

pytestmark = pytest.mark.slow

OLD = "".join(f"line {number}\n" for number in range(12))


def put_in(text: str, at: int, line: str) -> str:
    return text.replace(f"line {at}\n", f"line {at}\n{line}\n")


class Desk:
    """The other machine: what it commits arrives at the bench."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.root = bench.root.with_name("desk")
        bench.write("note.md", OLD)
        bench.run(5)
        run_git(bench.root.parent, "clone", "-q", str(bench.root), str(self.root))

    def send(self, text: str, name: str = "note.md") -> None:
        run_git(self.root, "pull", "-q", "--no-edit", "--no-rebase", str(self.bench.root), "main")
        (self.root / name).write_text(text)
        run_git(self.root, "add", ".")
        run_git(self.root, "commit", "-qm", "from the desk")
        run_git(self.bench.root, "fetch", "-q", str(self.root), "main")
        self.bench.tell(self.bench.fetched(run_git(self.root, "rev-parse", "HEAD")))
        self.bench.run()
        assert (self.bench.root / name).read_text() == text


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return Desk(bench)


def note(bench: Bench) -> str:
    return (bench.root / "note.md").read_text()


def save(bench: Bench, text: str) -> str:
    bench.write("note.md", text)
    bench.run(5)
    assert bench.is_committed()
    return note(bench)


def told(bench: Bench) -> list[str]:
    return [event["message"] for event in bench.board.events() if event["event"] == "stale-save"]


def test_what_arrived_comes_back_beside_the_save(bench: Bench, desk: Desk) -> None:
    desk.send(put_in(OLD, 2, "from the desk"))
    saved = OLD + "own\n"
    merged = put_in(saved, 2, "from the desk")
    assert save(bench, saved) == merged
    assert run_git(bench.root, "show", "HEAD~1:note.md") == saved.strip(), "the save itself is in history"
    assert bench.subjects()[0] == "Merge note.md with what arrived before"
    assert "note.md" in told(bench)[0]
    assert "gitsyncctl undo notes" in told(bench)[0]
    assert any("note.md" in line for line in bench.status().notes)
    assert not bench.status().needs_person
    # The same lines taken out once more are meant.
    assert save(bench, saved) == saved
    assert "gitsyncctl restore" in told(bench)[1]
    assert save(bench, saved + "more\n") == saved + "more\n"
    assert len(told(bench)) == 2


def test_undo_takes_the_merge_back(bench: Bench, desk: Desk) -> None:
    desk.send(put_in(OLD, 2, "from the desk"))
    save(bench, OLD + "own\n")
    future = bench.ask(Perform("notes", undo, bench.clock.now() + 60))
    bench.run(5)
    assert future.result(0).change.reason == "stale-save"
    assert note(bench) == OLD + "own\n"


def test_an_editor_that_was_open_for_two_pulls_is_noticed(bench: Bench, desk: Desk) -> None:
    once = put_in(OLD, 2, "first")
    desk.send(once)
    twice = put_in(once, 7, "second")
    desk.send(twice)
    assert save(bench, OLD + "own\n") == twice + "own\n"


def test_a_text_from_between_two_pulls_is_noticed(bench: Bench, desk: Desk) -> None:
    once = put_in(OLD, 2, "first")
    desk.send(once)
    twice = put_in(once, 7, "second")
    desk.send(twice)
    assert save(bench, once + "own\n") == twice + "own\n"


def test_an_edit_of_what_arrived_is_left_alone(bench: Bench, desk: Desk) -> None:
    desk.send(put_in(OLD, 2, "from the desk"))
    edited = put_in(OLD, 2, "from the desk") + "own\n"
    assert save(bench, edited) == edited
    # By now the new text was in an editor: what is taken out is meant.
    assert save(bench, OLD + "own\n") == OLD + "own\n"
    assert told(bench) == []


def test_it_is_remembered_over_a_restart_and_a_kill(bench: Bench, desk: Desk) -> None:
    desk.send(put_in(OLD, 2, "from the desk"))
    again = Bench(bench.root, bench.repo_state_dir, quiet="2s")
    again.run(5)
    again.write("note.md", OLD + "own\n")
    while again.subjects()[0] != "Change note.md":  # it dies before the next step
        again.clock.advance(1.0)
        again.committer.step(None, again.clock.now())
    third = Bench(bench.root, bench.repo_state_dir, quiet="2s")
    third.run(5)
    assert note(third) == put_in(OLD, 2, "from the desk") + "own\n"
    for each in (again, third):
        each.close()


def test_a_save_in_the_moment_of_the_merge_is_committed_first(bench: Bench, desk: Desk) -> None:
    desk.send(put_in(OLD, 2, "from the desk"))
    once: list[Path] = []

    def meet(point: str, _: bytes) -> None:
        if point == "staged" and not once:
            once.append(bench.root)
            bench.write("note.md", OLD + "own\nmore\n")

    bench.probe = meet
    assert save(bench, OLD + "own\n") == put_in(OLD, 2, "from the desk") + "own\nmore\n"
    assert once


def test_a_kept_save_is_reported_alone(bench: Bench, desk: Desk) -> None:
    bench.adopt(quiet="2s", stale_saves="keep")
    bench.run(5)
    desk.send(put_in(OLD, 2, "from the desk"))
    assert save(bench, OLD + "own\n") == OLD + "own\n"
    (line,) = told(bench)
    commit = line.rpartition(" ")[2]
    assert "from the desk" in run_git(bench.root, "show", f"{commit}:note.md")


def test_a_file_that_is_not_merged_by_line_is_left_alone(bench: Bench, desk: Desk) -> None:
    save(bench, OLD)
    bench.write(".gitattributes", "note.md -merge\n")
    bench.run(5)
    desk.send(put_in(OLD, 2, "from the desk"))
    assert save(bench, OLD + "own\n") == OLD + "own\n"
