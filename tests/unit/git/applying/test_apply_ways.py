"""Taking in what another machine did, with everything that can be in the way."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.errors import OperationError
from gitsync.git.applying.apply import OutcomeKind, apply, recover
from gitsync.git.objects.commits import TipMovedError
from tests.conftest import run_git
from tests.fakes.pair import Pair, check_no_leftovers

pytestmark = pytest.mark.slow


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.worktree.close()


@pytest.mark.parametrize("edit", ["change", "remove", "mode", "directory", "link"])
def test_an_uncommitted_edit_comes_first(pair: Pair, edit: str) -> None:
    pair.put(pair.theirs, {"a.txt": b"theirs\n", "dir/b.txt": b"theirs\n", "new": b"n"})
    path = pair.ours / "a.txt"
    if edit == "change":
        path.write_bytes(b"mine\n")
    elif edit == "mode":
        path.chmod(0o755)
    else:
        path.unlink()
        if edit == "directory":
            pair.put(pair.ours, {"a.txt/x": b"mine"})
        elif edit == "link":
            path.symlink_to("elsewhere")
    before = run_git(pair.ours, "status", "--porcelain")
    outcome = pair.take()
    assert (outcome.kind, outcome.paths) == (OutcomeKind.EDITED, (b"a.txt",))
    assert run_git(pair.ours, "status", "--porcelain") == before
    assert (pair.ours / "dir/b.txt").read_bytes() == b"b\n"
    check_no_leftovers(pair.ours)


def test_never_through_a_symbolic_link(pair: Pair, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.txt").write_bytes(b"b\n")
    (outside / "deep").mkdir()
    (outside / "deep/c.txt").write_bytes(b"c\n")
    pair.put(pair.theirs, {"dir/b.txt": b"theirs\n", "dir/new.txt": b"n"})
    os.rename(pair.ours / "dir", tmp_path / "moved away")
    (pair.ours / "dir").symlink_to(outside)
    assert pair.take().kind is OutcomeKind.EDITED
    assert sorted(os.listdir(outside)) == ["b.txt", "deep"]
    assert (outside / "b.txt").read_bytes() == b"b\n"


def test_a_remote_that_sends_a_link_and_then_a_directory_of_its_name(pair: Pair, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (pair.theirs / "trap").symlink_to(outside)
    pair.check_done(pair.take())
    (pair.theirs / "trap").unlink()
    pair.put(pair.theirs, {"trap/x": b"evil"})
    pair.check_done(pair.take())
    assert os.listdir(outside) == []
    assert (pair.ours / "trap/x").read_bytes() == b"evil"


def test_what_the_user_staged_is_left(pair: Pair) -> None:
    pair.put(pair.theirs, {"a.txt": b"theirs\n"})
    pair.put(pair.ours, {"a.txt": b"staged\n"})
    run_git(pair.ours, "add", "a.txt")
    pair.put(pair.ours, {"a.txt": b"one\n"})
    staged = run_git(pair.ours, "ls-files", "-s", "a.txt")
    outcome = pair.take()
    assert outcome.kind is OutcomeKind.BLOCKED
    assert run_git(pair.ours, "ls-files", "-s", "a.txt") == staged


def test_other_staged_entries_stay_staged(pair: Pair) -> None:
    pair.put(pair.theirs, {"a.txt": b"theirs\n"})
    pair.put(pair.ours, {"dir/b.txt": b"staged\n", "added": b"x"})
    run_git(pair.ours, "add", "dir/b.txt", "added")
    assert pair.take().kind is OutcomeKind.DONE
    assert run_git(pair.ours, "status", "--porcelain").splitlines() == ["A  added", "M  dir/b.txt"]


def test_hands_off_while_an_operation_is_open_or_head_moved(pair: Pair) -> None:
    pair.put(pair.theirs, {"a.txt": b"theirs\n"})
    made = pair.plan()
    (pair.ours / ".git/MERGE_HEAD").write_text(made.upstream + "\n")
    with pytest.raises(TipMovedError):
        apply(pair.worktree, made, message="")
    (pair.ours / ".git/MERGE_HEAD").unlink()
    pair.commit(pair.ours)
    with pytest.raises(TipMovedError):
        apply(pair.worktree, made, message="")
    assert (pair.ours / "a.txt").read_bytes() == b"one\n"


def test_permissions_are_kept_but_for_the_executable_bits(pair: Pair) -> None:
    (pair.ours / "a.txt").chmod(0o600)
    (pair.ours / "dir/b.txt").chmod(0o640)
    pair.put(pair.theirs, {"a.txt": b"theirs\n", "dir/b.txt": b"theirs\n"})
    (pair.theirs / "dir/b.txt").chmod(0o755)
    pair.check_done(pair.take())
    assert stat.S_IMODE((pair.ours / "a.txt").stat().st_mode) == 0o600
    assert stat.S_IMODE((pair.ours / "dir/b.txt").stat().st_mode) == 0o750


def test_a_file_that_is_open_for_writing_waits(pair: Pair) -> None:
    pair.put(pair.theirs, {"a.txt": b"theirs\n"})
    with open(pair.ours / "a.txt", "ab") as stream:
        outcome = pair.take()
        assert outcome.kind is OutcomeKind.BLOCKED
        stream.write(b"appended\n")
    assert (pair.ours / "a.txt").read_bytes() == b"one\nappended\n"


def test_filters_and_line_ends(pair: Pair) -> None:
    run_git(pair.ours, "config", "filter.upper.smudge", "tr a-z A-Z")
    run_git(pair.ours, "config", "filter.upper.clean", "tr A-Z a-z")
    # The attributes come with the files that need them.
    pair.put(pair.theirs, {".gitattributes": b"*.up filter=upper\n*.dos text eol=crlf\n", "x.up": b"shout\n"})
    pair.put(pair.theirs, {"y.dos": b"a\r\nb\r\n"})
    pair.check_done(pair.take())
    assert (pair.ours / "x.up").read_bytes() == b"SHOUT\n"
    assert (pair.ours / "y.dos").read_bytes() == b"a\r\nb\r\n"
    pair.put(pair.theirs, {"x.up": b"louder\n", "y.dos": b"c\r\n"})
    pair.check_done(pair.take())
    assert (pair.ours / "x.up").read_bytes() == b"LOUDER\n"
    assert (pair.ours / "y.dos").read_bytes() == b"c\r\n"


def test_many_files(pair: Pair) -> None:
    pair.put(pair.theirs, {f"many/{n % 7}/{n}": b"%d\n" % n for n in range(300)})
    pair.check_done(pair.take())
    run_git(pair.theirs, "rm", "-rq", "many")
    pair.check_done(pair.take())
    assert not (pair.ours / "many").exists()


def test_submodule_entries_get_their_directory(pair: Pair) -> None:
    head = run_git(pair.theirs, "rev-parse", "HEAD")
    run_git(pair.theirs, "update-index", "--add", "--cacheinfo", f"160000,{head},sub/module")
    run_git(pair.theirs, "commit", "-q", "-m", "sub")
    (pair.theirs / "sub/module").mkdir(parents=True)
    outcome = pair.take()
    assert outcome.kind is OutcomeKind.DONE
    assert (pair.ours / "sub/module").is_dir()
    assert run_git(pair.ours, "status", "--porcelain") == ""


def test_a_submodule_in_the_place_of_a_directory_is_no_deletion(pair: Pair) -> None:
    head = run_git(pair.theirs, "rev-parse", "HEAD")
    run_git(pair.theirs, "rm", "-rq", "dir")
    run_git(pair.theirs, "update-index", "--add", "--cacheinfo", f"160000,{head},dir")
    run_git(pair.theirs, "commit", "-q", "-m", "sub")
    (pair.theirs / "dir").mkdir()
    assert pair.take().kind is OutcomeKind.DONE
    assert not list((pair.ours / "dir").iterdir())
    assert run_git(pair.ours, "status", "--porcelain") == ""


def test_nothing_to_recover(pair: Pair) -> None:
    assert recover(pair.worktree).summary == ""


def test_names_that_differ_in_case_or_in_form_alone(pair: Pair) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    pair.put(pair.theirs, {"A.TXT": b"theirs\n", composed: b"c\n"})
    pair.put(pair.ours, {"Dir/x": b"mine\n", decomposed: b"d\n"})
    pair.commit(pair.ours)
    pair.check_done(pair.take())
    assert {"a.txt", "A.TXT", "dir", "Dir", composed, decomposed} <= set(os.listdir(pair.ours))
    run_git(pair.theirs, "mv", "run.sh", "RUN.sh")
    pair.check_done(pair.take())
    assert {"RUN.sh"} == {name for name in os.listdir(pair.ours) if name.lower() == "run.sh"}


def test_a_merge_of_names_that_the_file_system_takes_for_one_is_refused(pair: Pair) -> None:
    run_git(pair.ours, "config", "core.ignorecase", "true")
    pair.put(pair.theirs, {"caf\u00e9": b"theirs\n"})
    pair.put(pair.ours, {"CAFE\u0301": b"mine\n"})
    pair.commit(pair.ours)
    with pytest.raises(OperationError) as caught:
        pair.plan()
    assert caught.value.code == "unsafe-content"
    assert (pair.ours / "CAFE\u0301").read_bytes() == b"mine\n"


def test_a_private_file_is_private_under_every_name_that_it_gets(pair: Pair) -> None:
    """A rename, and the version that loses its name in a conflict: git does not know that nobody else may read them."""
    private = b"nobody else's\n" * 9
    pair.put(pair.ours, {"moves.txt": private, "a.txt": b"ours\n"})
    pair.commit(pair.ours)
    run_git(pair.theirs, "pull", "-q", str(pair.ours))
    pair.put(pair.ours, {"a.txt": b"ours again\n"})
    pair.commit(pair.ours)
    for name in ("a.txt", "moves.txt"):
        (pair.ours / name).chmod(0o600)
    pair.put(pair.theirs, {"a.txt": b"theirs\n", "new.txt": b"new\n"})
    run_git(pair.theirs, "mv", "moves.txt", "moved.txt")
    outcome = pair.take()
    pair.check_done(outcome)
    (kept,) = pair.ours.glob("a.conflict-*.txt")
    assert kept.read_bytes() == b"ours again\n"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in pair.ours.glob("*.txt")}
    assert modes[kept.name] == modes["moved.txt"] == modes["a.txt"] == 0o600
    assert modes["new.txt"] & 0o600 == 0o600


def test_a_kept_copy_from_another_machine_is_as_private_as_its_original(pair: Pair) -> None:
    (pair.ours / "a.txt").chmod(0o600)
    pair.put(pair.theirs, {"a.conflict-12345678.txt": b"kept there\n"})
    pair.check_done(pair.take())
    assert stat.S_IMODE((pair.ours / "a.conflict-12345678.txt").stat().st_mode) == 0o600
