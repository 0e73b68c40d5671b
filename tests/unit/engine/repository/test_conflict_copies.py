"""What `status` says of kept copies: known from commit to commit, at a start, and after what a person did by hand."""

from __future__ import annotations

from pathlib import Path

from gitsync.engine.messages import Refresh
from gitsync.engine.repository.conflict_copies import FILE, KeptCopies
from gitsync.git.objects.store import BLOB, object_id_of
from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.engine import Bench
from tests.fakes.recorded_calls import Call, RecordedCalls

WALK = Call("engine/repository/conflict_copies.py", "git/merging/conflict_copies.py", "kept_copies")
COMPARISON = Call("engine/repository/conflict_copies.py", "git/merging/conflict_copies.py", "followed")
OURS = b"ours\n"
COPY = f"a.conflict-{object_id_of(BLOB, OURS)[:8]}.txt"


def bring(root: Path) -> None:
    """Commit a copy as a pull brings it."""
    (root / COPY).write_bytes(OURS)
    run_git(root, "add", COPY)
    run_git(root, "commit", "-q", "-m", "merged elsewhere")


def test_a_copy_shows_and_holds_nothing_up(bench: Bench) -> None:
    (bench.root / COPY).write_bytes(OURS)
    bench.note(COPY)
    bench.run(5)
    status = bench.status()
    assert (status.conflicts, status.state, status.needs_person) == (("a.txt",), RepoState.OK, True)
    bench.write("b.txt", "on it goes\n")
    bench.run(5)
    assert bench.is_committed()
    assert bench.status().conflicts == ("a.txt",)
    (bench.root / COPY).unlink()
    bench.note(COPY)
    bench.run(5)
    assert (bench.status().conflicts, bench.status().needs_person) == ((), False)


def test_what_was_committed_by_hand_shows_when_somebody_asks(bench: Bench) -> None:
    bring(bench.root)
    bench.ask(Refresh()).result(0)
    assert bench.status().conflicts == ("a.txt",)
    run_git(bench.root, "mv", COPY, "b.txt")
    run_git(bench.root, "commit", "-q", "-m", "settled by hand")
    bench.ask(Refresh()).result(0)
    assert bench.status().conflicts == ()


def test_the_whole_tree_is_looked_at_once(bench: Bench, tmp_path: Path) -> None:
    bring(bench.root)
    with RecordedCalls() as calls:
        bench.write("b.txt", "b\n")
        bench.run(5)
        again = Bench(bench.root, bench.repo_state_dir)
        assert again.status().conflicts == ("a.txt",), "known before anything is looked at"
        again.run(5)
        assert again.status().conflicts == ("a.txt",)
        assert WALK not in calls.take(), "what is remembered spares the walk"
        fresh = Bench(bench.root, tmp_path / "other-notes")
        fresh.run(5)
        assert fresh.status().conflicts == ("a.txt",)
        assert calls.take().count(WALK) == 1
    for each in (again, fresh):
        each.close()


def test_a_commit_of_other_files_compares_nothing(bench: Bench) -> None:
    with RecordedCalls() as calls:
        bench.write("b.txt", "b\n")
        bench.run(5)
        assert COMPARISON not in calls.take()
    assert bench.is_committed()
    assert KeptCopies(bench.repo_state_dir).head is not None


def test_a_history_that_is_gone_is_looked_at_anew(bench: Bench) -> None:
    bring(bench.root)
    (bench.repo_state_dir / FILE).write_text('{"head": "' + "0" * 40 + '", "paths": ["gone"], "originals": ["gone"]}')
    again = Bench(bench.root, bench.repo_state_dir)
    again.run(5)
    assert again.status().conflicts == ("a.txt",)
    again.close()
