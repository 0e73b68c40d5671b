"""Bringing a version back: as one commit, over whatever is there, with nothing of the user's lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitsync.errors import OperationError, UsageError
from gitsync.git.applying.apply import OvertakenError, apply, recover
from gitsync.git.changes.export import copy, place_for
from gitsync.git.changes.restore import Restoring, message_for
from gitsync.git.history.log import History
from gitsync.git.history.select_version import SelectedVersion, choose
from gitsync.git.merging.plan import Plan, PlanKind
from gitsync.git.objects.refs import backups
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.fakes.deaths import Death, is_kept
from tests.unit.git.conftest import assert_clean, head_file

pytestmark = pytest.mark.slow


def save(repo: Path, **files: str) -> str:
    """Write files and commit them."""
    for name, text in files.items():
        path = repo / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    run_git(repo, "add", "-A")
    run_git(repo, "commit", "-qm", "saved")
    return run_git(repo, "rev-parse", "HEAD")


def act(choice: SelectedVersion) -> Restoring:
    return Restoring(choice.entries, choice.gone, message_for([choice.path], "then"))


def test_a_file_comes_back_as_one_commit_with_a_backup(repo: Path, worktree: Worktree) -> None:
    before = save(repo, a="bad\n")
    done = act(choose(History(repo), b"a.txt", commit="HEAD"))(worktree)
    assert done.commit is None  # it is there
    run_git(repo, "rm", "-q", "a.txt")
    before = save(repo)
    done = act(choose(History(repo), b"a.txt"))(worktree)
    assert done.commit is not None
    assert done.commit.message == "Restore a.txt from then"
    assert head_file(repo, "a.txt") == "one"
    assert run_git(repo, "rev-parse", "HEAD~1") == before
    assert [(item.reason, item.commit) for item in backups(worktree.repo)] == [("restore", before)]
    assert_clean(repo)


def test_modes_and_links_come_back(repo: Path, worktree: Worktree) -> None:
    (repo / "run").write_text("#!/bin/sh\n")
    (repo / "run").chmod(0o755)
    (repo / "link").symlink_to("run")
    then = save(repo)
    (repo / "run").chmod(0o600)
    (repo / "link").unlink()
    (repo / "link").mkdir()
    save(repo, link__inner="in\n")
    choice = choose(History(repo), b"", commit=then)
    assert choice.what == {b"a.txt": "unchanged", b"run": "changed", b"link": "changed", b"link/inner": "removed"}
    act(choice)(worktree)
    assert (repo / "link").readlink() == Path("run")
    assert os.access(repo / "run", os.X_OK)
    assert (repo / "run").stat().st_mode & 0o077 == 0, "what was private stays so"
    assert_clean(repo)


def test_an_edit_is_committed_before_it_is_replaced(repo: Path, worktree: Worktree) -> None:
    save(repo, **{"a.txt": "two\n"})
    first = choose(History(repo), b"a.txt")
    (repo / "a.txt").write_text("an edit of now\n")
    again = act(first)
    with pytest.raises(OvertakenError) as overtaken:
        again(worktree)
    assert overtaken.value.paths == (b"a.txt",)
    save(repo)  # as the committer does before it tries again
    again(worktree)
    assert (repo / "a.txt").read_text() == "one\n"
    assert head_file(repo, "a.txt") == "one"
    assert run_git(repo, "show", "HEAD~1:a.txt") == "an edit of now"


def test_what_head_has_but_the_disk_has_not_waits_for_its_commit(repo: Path, worktree: Worktree) -> None:
    (repo / "a.txt").write_text("an edit of now\n")
    again = act(choose(History(repo), b"a.txt"))
    with pytest.raises(OvertakenError):
        again(worktree)
    with pytest.raises(OperationError, match="cannot be committed"):
        again(worktree)
    assert (repo / "a.txt").read_text() == "an edit of now\n"


@pytest.mark.parametrize("is_ignored", [True, False])
def test_what_git_does_not_track_makes_room_and_is_kept(repo: Path, worktree: Worktree, is_ignored: bool) -> None:
    run_git(repo, "rm", "-q", "a.txt")
    save(repo, **{".gitignore": "a.txt\n" if is_ignored else ""})
    (repo / "a.txt").write_text("only here\n")
    again = act(choose(History(repo), b"a.txt"))
    with pytest.raises(OvertakenError):
        again(worktree)  # it may be a new file, which is committed now
    done = again(worktree)
    assert done.kept == (b"a.txt",)
    assert (repo / "a.txt").read_text() == "one\n"
    kept = next(item for item in backups(worktree.repo) if item.reason == "rescued")
    assert run_git(repo, "show", f"{kept.commit}:a.txt") == "only here"
    run_git(repo, "fsck", "--strict")


def test_what_the_user_staged_is_left_alone(repo: Path, worktree: Worktree) -> None:
    then = run_git(repo, "rev-parse", "HEAD")
    save(repo, **{"a.txt": "two\n"})
    choice = choose(History(repo), b"a.txt", commit=then)
    (repo / "a.txt").write_text("three\n")
    run_git(repo, "add", "a.txt")
    again = act(choice)
    with pytest.raises(OperationError, match=r"nothing was changed: a\.txt: another version of it is staged"):
        again(worktree)
    assert (repo / "a.txt").read_text() == "three\n"


def test_nothing_goes_that_was_not_said_to_go(repo: Path, worktree: Worktree) -> None:
    then = save(repo, d__x="x\n")
    save(repo, d__y="y\n")
    choice = choose(History(repo), b"d", commit=then)
    assert choice.gone == {b"d/y"}
    save(repo, d__z="later\n")
    act(choice)(worktree)
    assert sorted(path.name for path in (repo / "d").iterdir()) == ["x", "z"]
    # A directory that has come where a file is to be is not swept away with it.
    run_git(repo, "rm", "-rq", "d")
    save(repo)
    choice = choose(History(repo), b"a.txt", commit=then)
    run_git(repo, "rm", "-q", "a.txt")
    (repo / "a.txt").mkdir()
    save(repo, **{"a.txt__inner": "new\n"})
    with pytest.raises(OperationError, match=r"a\.txt/inner would be removed"):
        act(choice)(worktree)
    assert (repo / "a.txt/inner").read_text() == "new\n"


def test_a_submodule_is_left_as_it_is(repo: Path, worktree: Worktree) -> None:
    inner = run_git(repo, "rev-parse", "HEAD")
    run_git(repo, "update-index", "--add", "--cacheinfo", f"160000,{inner},sub")
    (repo / "sub").mkdir()
    run_git(repo, "commit", "-qm", "submodule")
    choice = choose(History(repo), b"", commit=inner)
    assert choice.gone == frozenset()
    assert act(choice)(worktree).commit is None


@pytest.mark.slow
def test_what_made_room_is_kept_wherever_the_process_dies(repo: Path, tmp_path: Path) -> None:
    then = run_git(repo, "rev-parse", "HEAD^{tree}")
    run_git(repo, "rm", "-q", "a.txt")
    base = save(repo, **{".gitignore": "a.txt\n"})
    points = 0
    for count in range(50):
        run_git(repo, "reset", "-q", "--hard", base)
        for item in run_git(repo, "for-each-ref", "--format=%(refname)", "refs/gitsync").split():
            run_git(repo, "update-ref", "-d", item)
        mine = f"only here {count}\n"
        (repo / "a.txt").write_text(mine)
        left = count

        def die(point: str, path: bytes) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Death

        opened = Worktree(repo, tmp_path / "notes")
        tree = run_git(repo, "rev-parse", "HEAD^{tree}")
        wanted = Plan(PlanKind.COMMIT, "main", base, base, tree, then, (base,), displaced=frozenset({b"a.txt"}))
        try:
            apply(opened, wanted, message="restore", reason="restore", probe=die)
            points = count
        except Death:
            pass
        opened.close()
        again = Worktree(repo, tmp_path / "notes")
        recover(again)
        again.close()
        assert (repo / "a.txt").read_text() in (mine, "one\n")
        assert is_kept(repo, mine.encode())
        assert not [path for path in repo.iterdir() if path.name.startswith(".gitsync-tmp-")]
        if points:
            break
    assert points > 3


# -- copies ----------------------------------------------------------------------------------------------------


def test_a_copy_is_complete_and_changes_nothing_else(repo: Path, tmp_path: Path) -> None:
    (repo / "run").write_text("#!/bin/sh\n")
    (repo / "run").chmod(0o700)
    (repo / "link").symlink_to("run")
    save(repo, d__x="x\n")
    before = run_git(repo, "rev-parse", "HEAD")
    history = History(repo)
    for name in (b"run", b"link", b"d", b""):
        choice = choose(history, name, commit="HEAD")
        place = place_for(name, history.root, str(tmp_path / f"copy-{name.decode()}"))
        copy(history, choice.source, name, choice.entries, place)
    assert os.access(tmp_path / "copy-run", os.X_OK)
    assert (tmp_path / "copy-run").stat().st_mode & 0o077 == 0
    assert (tmp_path / "copy-link").readlink() == Path("run")
    assert (tmp_path / "copy-d/x").read_text() == "x\n"
    assert (tmp_path / "copy-/d/x").read_text() == "x\n"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert run_git(repo, "rev-parse", "HEAD") == before
    assert_clean(repo)


def test_a_copy_of_a_directory_shows_nobody_what_is_private_in_it(repo: Path, tmp_path: Path) -> None:
    save(repo, d__x="x\n", d__e__y="y\n", d__gone="gone\n", d__open="open\n")
    for name in ("d/x", "d/e/y"):
        (repo / name).chmod(0o600)
    (repo / "d/open").chmod(0o644)
    (repo / "d").chmod(0o755)
    (repo / "d/gone").unlink()
    history = History(repo)
    for path in (b"d", b""):
        choice = choose(history, path, commit="HEAD")
        place = tmp_path / f"copy-{path.decode()}"
        copy(history, choice.source, path, choice.entries, str(place), {b"d/gone": 0o600})
        top = place if path else place / "d"
        for private in ("x", "e/y", "gone"):
            assert (top / private).stat().st_mode & 0o777 == 0o600, private
        assert (top / "open").stat().st_mode & 0o400


def test_a_copy_of_a_renamed_file_goes_through_its_filter(repo: Path, tmp_path: Path) -> None:
    run_git(repo, "config", "filter.shout.smudge", "tr a-z A-Z")
    run_git(repo, "config", "filter.shout.clean", "tr A-Z a-z")
    then = save(repo, **{".gitattributes": "*.up filter=shout\n", "old.up": "loud\nand long\n"})
    run_git(repo, "mv", "old.up", "new.up")
    save(repo)
    history = History(repo)
    choice = choose(history, b"new.up", commit=then)
    assert choice.source == b"old.up"
    copy(history, choice.source, choice.path, choice.entries, str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_text() == "LOUD\nAND LONG\n"


def test_nothing_is_overwritten_by_a_copy(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine\n")
    for wanted in (tmp_path / "there", tmp_path / "nowhere/copy"):
        with pytest.raises(UsageError):
            place_for(b"a.txt", str(repo), str(wanted))
    assert place_for(b"d/a.txt", str(repo), str(tmp_path)) == str(tmp_path / "a.txt")
    history = History(repo)
    choice = choose(history, b"a.txt", commit="HEAD")
    with pytest.raises(UsageError, match="exists by now"):
        copy(history, b"a.txt", b"a.txt", choice.entries, str(tmp_path / "there"))
    assert (tmp_path / "there").read_text() == "mine\n"
