"""Taking back a pull, a merge, a change asked for: as a new commit, with later edits kept, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.errors import OperationError, UsageError
from gitsync.git.applying.apply import OvertakenError, put
from gitsync.git.changes.restore import Restoring
from gitsync.git.changes.undo import Way, trial, undo, undoables
from gitsync.git.objects.modes import MODE_FILE
from gitsync.git.objects.refs import BACKUPS, OUTCOMES
from gitsync.git.objects.trees import TreeEntry
from gitsync.git.repository import ReadOnlyRepository
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.fakes.pair import Pair

pytestmark = pytest.mark.slow

LINES = [f"line {number}" for number in range(12)]


def text(*changes: tuple[int, str]) -> bytes:
    """The file's lines, some of them changed."""
    lines = list(LINES)
    for number, line in changes:
        lines[number] = line
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    pair = Pair(tmp_path)
    pair.put(pair.ours, {"long.txt": text()})
    pair.commit(pair.ours)
    run_git(pair.theirs, "pull", "-q")
    return pair


def pulled(pair: Pair, files: dict[str, bytes]) -> str:
    """Somebody else writes files, and we take them in."""
    pair.put(pair.theirs, files)
    head = pair.take().head
    assert head is not None
    return head


def read(pair: Pair, name: str) -> bytes:
    return (pair.ours / name).read_bytes()


def test_a_pull_is_taken_back_by_a_new_commit(pair: Pair) -> None:
    before = run_git(pair.ours, "rev-parse", "HEAD")
    after = pulled(pair, {"a.txt": b"theirs\n", "new.txt": b"new\n"})
    done = undo(pair.worktree)
    assert (done.change.commit.id, done.change.before, done.change.reason) == (after, before, "pull")
    assert done.paths == ("a.txt", "new.txt")
    assert done.commit is not None
    assert run_git(pair.ours, "rev-parse", "HEAD", "HEAD^").split() == [done.commit.id, after]
    assert read(pair, "a.txt") == b"one\n"
    assert not (pair.ours / "new.txt").exists()
    pair.check_clean()


def test_what_was_edited_since_stays(pair: Pair) -> None:
    pulled(pair, {"long.txt": text((1, "theirs"))})
    pair.put(pair.ours, {"long.txt": text((1, "theirs"), (10, "ours")), "b.txt": b"later\n"})
    pair.commit(pair.ours)
    assert undo(pair.worktree).paths == ("long.txt",)
    assert read(pair, "long.txt") == text((10, "ours"))
    assert read(pair, "b.txt") == b"later\n"
    pair.check_clean()


def test_an_edit_of_the_same_place_refuses_and_changes_nothing(pair: Pair) -> None:
    pulled(pair, {"long.txt": text((1, "theirs")), "a.txt": b"theirs\n"})
    pair.put(pair.ours, {"long.txt": text((1, "mine since"))})
    head = pair.commit(pair.ours)
    with pytest.raises(OperationError, match=r"edited since: long\.txt; nothing was changed") as refused:
        undo(pair.worktree)
    assert refused.value.code == "edited-since"
    assert (
        f" --all; to get one of them as it was before: gitsyncctl restore {pair.worktree.root}/long.txt"
        in refused.value.hint
    )
    assert run_git(pair.ours, "rev-parse", "HEAD") == head
    assert "--keep" in refused.value.hint
    done = undo(pair.worktree, Way(is_keeping=True))
    assert (done.paths, done.kept) == (("a.txt",), ("long.txt",))
    assert read(pair, "long.txt") == text((1, "mine since"))
    assert read(pair, "a.txt") == b"one\n"
    pair.check_clean()


def test_keeping_all_of_the_newest_does_not_undo_an_older_one(pair: Pair) -> None:
    pulled(pair, {"a.txt": b"older\n"})
    pulled(pair, {"long.txt": text((1, "theirs"))})
    pair.put(pair.ours, {"long.txt": text((1, "mine since"))})
    head = pair.commit(pair.ours)
    with pytest.raises(OperationError, match=r"edited since: long\.txt"):
        undo(pair.worktree, Way(is_keeping=True))
    assert run_git(pair.ours, "rev-parse", "HEAD") == head
    assert read(pair, "a.txt") == b"older\n"


def test_a_merge_is_taken_back_and_does_not_come_again(pair: Pair) -> None:
    pair.put(pair.ours, {"long.txt": text((10, "ours"))})
    pair.commit(pair.ours)
    pulled(pair, {"long.txt": text((1, "theirs")), "dir/b.txt": b"theirs\n"})
    assert read(pair, "long.txt") == text((1, "theirs"), (10, "ours"))
    done = undo(pair.worktree)
    assert done.change.reason == "merge"
    assert read(pair, "long.txt") == text((10, "ours"))
    assert read(pair, "dir/b.txt") == b"b\n"
    # The other machine gets it as an ordinary commit, edits on, and nothing of it comes back.
    run_git(pair.theirs, "pull", "-q", str(pair.ours), "main")
    pulled(pair, {"later.txt": b"later\n"})
    assert read(pair, "long.txt") == text((10, "ours"))
    assert read(pair, "later.txt") == b"later\n"
    pair.check_clean()


def test_a_further_undo_goes_one_further_back_and_an_undo_can_be_undone_by_name(pair: Pair) -> None:
    pulled(pair, {"a.txt": b"first\n"})
    second = pulled(pair, {"dir/b.txt": b"second\n"})
    newest = undo(pair.worktree)
    assert newest.change.commit.id == second
    assert undo(pair.worktree).paths == ("a.txt",)
    assert [(item.reason, item.is_undone) for item in undoables(pair.worktree)] == [
        ("undo", False),
        ("undo", False),
        ("pull", True),
        ("pull", True),
    ]
    with pytest.raises(OperationError, match="there is nothing to undo"):
        undo(pair.worktree)
    with pytest.raises(OperationError, match="is already undone"):
        undo(pair.worktree, Way(second))
    assert newest.commit is not None
    again = undo(pair.worktree, Way(newest.commit.id[:10]))
    assert again.change.reason == "undo"
    assert read(pair, "dir/b.txt") == b"second\n"
    # What that undo had taken back stands again, so it can be undone again.
    assert undo(pair.worktree).change.commit.id == second
    assert read(pair, "dir/b.txt") == b"b\n"
    pair.check_clean()


def test_the_last_change_of_history_is_the_newest_whatever_the_clock_said(pair: Pair) -> None:
    first = pulled(pair, {"a.txt": b"first\n"})
    second = pulled(pair, {"dir/b.txt": b"second\n"})
    third = pulled(pair, {"run.sh": b"third\n"})
    for year, commit in (("2001", third), ("2000", second)):  # as dated by a clock without a battery
        name = run_git(pair.ours, "for-each-ref", "--format=%(refname:lstrip=3)", "--points-at", commit, OUTCOMES)
        for below in (OUTCOMES, BACKUPS):
            run_git(pair.ours, "update-ref", f"{below}{year}0101T000000Z-pull", f"{below}{name}")
            run_git(pair.ours, "update-ref", "-d", f"{below}{name}")
    assert [undo(pair.worktree).change.commit.id for _ in range(3)] == [third, second, first]


def test_a_change_asked_for_is_taken_back(pair: Pair) -> None:
    tree = run_git(pair.ours, "rev-parse", "HEAD~1^{tree}")
    put(pair.worktree, tree, message="Restore 1 file", reason="restore")
    assert not (pair.ours / "long.txt").exists()
    assert undo(pair.worktree).change.reason == "restore"
    assert read(pair, "long.txt") == text()


def test_what_is_gone_by_hand_is_passed_over(pair: Pair) -> None:
    pulled(pair, {"a.txt": b"first\n"})
    pulled(pair, {"dir/b.txt": b"second\n"})
    pair.put(pair.ours, {"dir/b.txt": b"b\n"})
    pair.commit(pair.ours)
    assert undo(pair.worktree).paths == ("a.txt",)


def test_a_change_that_a_reset_threw_away_is_not_offered(pair: Pair) -> None:
    before = run_git(pair.ours, "rev-parse", "HEAD")
    pulled(pair, {"a.txt": b"first\n"})
    run_git(pair.ours, "reset", "-q", "--hard", before)
    with pytest.raises(OperationError, match="there is nothing to undo"):
        undo(pair.worktree)


def test_a_trial_changes_nothing_and_says_the_same(pair: Pair) -> None:
    head = pulled(pair, {"a.txt": b"first\n"})
    with ReadOnlyRepository(pair.ours, pair.ours.parent) as place:
        tried = trial(place)
        assert [item.commit.id for item in undoables(place)] == [head]
    assert (tried.paths, tried.kept, tried.commit) == (("a.txt",), (), None)
    assert run_git(pair.ours, "rev-parse", "HEAD") == head
    assert undo(pair.worktree).paths == tried.paths


def test_a_commit_that_is_no_change_of_ours_is_refused(pair: Pair) -> None:
    pulled(pair, {"a.txt": b"first\n"})
    with pytest.raises(UsageError, match="is not a change that gitsync made"):
        undo(pair.worktree, Way(run_git(pair.ours, "rev-parse", "HEAD~1")))


def test_edits_since_on_renamed_and_removed_files_are_kept(pair: Pair) -> None:
    pulled(pair, {"long.txt": text((1, "theirs")), "a.txt": b"theirs\n"})
    run_git(pair.ours, "mv", "long.txt", "elsewhere.txt")
    run_git(pair.ours, "rm", "-q", "a.txt")
    pair.commit(pair.ours)
    # A file that was removed since has no place where its old content could go unseen.
    with pytest.raises(OperationError, match=r"edited since: a\.txt"):
        undo(pair.worktree)
    undo(pair.worktree, Way(is_keeping=True))
    assert read(pair, "elsewhere.txt") == text()
    assert not (pair.ours / "a.txt").exists()
    assert not (pair.ours / "long.txt").exists()
    pair.check_clean()


def test_what_was_not_in_git_and_had_to_make_way_comes_back_with_the_undo(repo: Path, tmp_path: Path) -> None:
    (repo / "cache.tmp").write_text("was tracked\n")
    run_git(repo, "add", "-A")
    run_git(repo, "commit", "-qm", "then")
    run_git(repo, "rm", "-q", "--cached", "cache.tmp")
    (repo / ".gitignore").write_text("*.tmp\n")
    run_git(repo, "add", "-A")
    run_git(repo, "commit", "-qm", "ignored now")
    (repo / "cache.tmp").write_text("fresh\n")
    worktree = Worktree(repo, tmp_path / "notes")
    old = {b"cache.tmp": TreeEntry(MODE_FILE, run_git(repo, "rev-parse", "HEAD~1:cache.tmp"))}
    act = Restoring(old, frozenset({b".gitignore"}), "Restore")
    with pytest.raises(OvertakenError):
        act(worktree)
    assert act(worktree).kept == (b"cache.tmp",)
    assert (repo / "cache.tmp").read_text() == "was tracked\n"
    assert undo(worktree).back == ("cache.tmp",)
    assert (repo / "cache.tmp").read_text() == "fresh\n"
    assert run_git(repo, "status", "--porcelain") == ""
    assert not [path for path in repo.iterdir() if path.name.startswith(".gitsync")]
    worktree.close()


def test_steps_go_back_and_forward_and_back(pair: Pair) -> None:
    for number in range(1, 4):
        pulled(pair, {f"{number}.txt": b"new\n"})

    def there() -> list[str]:
        return sorted(path.name[0] for path in pair.ours.glob("[123].txt"))

    undo(pair.worktree)
    undo(pair.worktree)
    assert there() == ["1"]
    redo = Way(is_redo=True)
    assert undo(pair.worktree, redo).change.reason == "undo"
    assert there() == ["1", "2"]
    undo(pair.worktree, redo)
    assert there() == ["1", "2", "3"]
    with pytest.raises(OperationError, match="nothing to redo"):
        undo(pair.worktree, redo)
    undo(pair.worktree)
    undo(pair.worktree)
    undo(pair.worktree)
    assert there() == []
    undo(pair.worktree, redo)
    assert there() == ["1"]


def test_with_all_files_are_put_back_whatever_was_edited_in_them(pair: Pair) -> None:
    before = read(pair, "long.txt")
    pulled(pair, {"long.txt": text((1, "theirs"))})
    pair.put(pair.ours, {"long.txt": text((1, "mine since"), (10, "more")), "b.txt": b"later\n"})
    edited = pair.commit(pair.ours)
    undo(pair.worktree, Way(is_all=True))
    assert read(pair, "long.txt") == before
    assert read(pair, "b.txt") == b"later\n"
    assert run_git(pair.ours, "rev-parse", "HEAD^") == edited, "what was edited is in the history"
