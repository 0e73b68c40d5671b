"""Commit objects, branches, and the repositories that are opened or refused."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from gitsync.errors import OperationError, TransientError
from gitsync.git.objects.branch_move import BranchMove
from gitsync.git.objects.commits import TipMovedError, move_branch
from gitsync.git.rules.identity import Person
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.needs import needs
from tests.unit.git.conftest import assert_clean, commit, head_file, stage


@pytest.mark.parametrize("branch", ["main", "trunk", "feature/x"])
def test_unborn_branches_are_born(tmp_path: Path, branch: str) -> None:
    run_git(tmp_path, "init", "-q", "-b", branch, "new")
    worktree = Worktree(tmp_path / "new", tmp_path / "notes")
    facts = worktree.facts()
    assert (facts.head, facts.branch, facts.is_unborn) == (None, branch, True)
    assert commit(worktree) is None
    (tmp_path / "new/x").write_text("x")
    info = commit(worktree)
    assert info is not None
    assert run_git(tmp_path / "new", "rev-parse", branch) == info.id
    assert run_git(tmp_path / "new", "reflog", "-1", "--format=%gs") == "gitsync: by gitsync"
    assert_clean(tmp_path / "new")
    worktree.close()


def test_linked_work_trees_work(repo: Path, tmp_path: Path) -> None:
    run_git(repo, "worktree", "add", "-q", str(tmp_path / "linked"), "-b", "side")
    worktree = Worktree(tmp_path / "linked", tmp_path / "notes")
    (tmp_path / "linked/a.txt").write_text("in the linked one")
    assert commit(worktree)
    assert_clean(tmp_path / "linked")
    assert run_git(repo, "show", "side:a.txt") == "in the linked one"
    assert_clean(repo)
    worktree.close()


def test_one_batch_may_become_a_commit_a_file(repo: Path, worktree: Worktree) -> None:
    (repo / "a.txt").unlink()
    (repo / "a.txt").mkdir()
    (repo / "a.txt/b").write_text("b")
    (repo / "c").write_text("c")
    staged = stage(worktree)
    for change in staged.changes:
        worktree.commit(staged, f"one: {os.fsdecode(change.path)}", only=frozenset({change.path}))
    assert_clean(repo)
    assert len(run_git(repo, "log", "--format=%H").split()) > 2


def test_a_failed_signature_is_an_error_in_the_signers_words(repo: Path, worktree: Worktree, tmp_path: Path) -> None:
    signer = tmp_path / "signer"
    signer.write_text("#!/bin/sh\necho 'gpg: no card inserted' >&2\nexit 2\n")
    signer.chmod(0o755)
    run_git(repo, "config", "commit.gpgsign", "true")
    run_git(repo, "config", "gpg.program", str(signer))
    (repo / "a.txt").write_text("two")
    staged = stage(worktree, "a.txt")
    with pytest.raises(OperationError) as caught:
        worktree.commit(staged, "x")
    assert caught.value.code == "signing"
    assert "failed to sign" in caught.value.message  # newer gits add the signer's own words
    assert run_git(repo, "log", "--format=%s") == "first"
    signer.write_text(
        "#!/bin/sh\ncat >/dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\n"
        "printf -- '-----BEGIN PGP SIGNATURE-----\\nx\\n-----END PGP SIGNATURE-----\\n'\n"
    )
    assert worktree.commit(staged, "signed")
    assert "gpgsig -----BEGIN PGP SIGNATURE-----" in run_git(repo, "cat-file", "commit", "HEAD")
    assert run_git(repo, "log", "-1", "--format=%an %s") == "Test Person signed"


def test_the_author_may_be_given_and_is_never_missing(repo: Path, worktree: Worktree) -> None:
    (repo / "a.txt").write_text("two")
    assert worktree.commit(stage(worktree, "a.txt"), "x", author="Ada L. <ada@example.org>")
    assert run_git(repo, "log", "-1", "--format=%an <%ae>") == "Ada L. <ada@example.org>"
    run_git(repo, "config", "user.name", "")
    run_git(repo, "config", "user.email", "")
    (repo / "a.txt").write_text("three")
    assert worktree.commit(stage(worktree, "a.txt"), "x")
    assert run_git(repo, "log", "-1", "--format=%ae").endswith(f"@{socket.gethostname()}")
    run_git(repo, "fsck", "--strict")


def test_a_root_that_was_replaced_is_not_touched(repo: Path, worktree: Worktree) -> None:
    (repo / "a.txt").write_text("two")
    staged = stage(worktree, "a.txt")
    repo.rename(repo.with_name("elsewhere"))
    with pytest.raises(OperationError) as caught:
        worktree.commit(staged, "x")
    assert caught.value.code == "root-vanished"
    subprocess.run(["cp", "-r", repo.with_name("elsewhere"), repo], check=True)
    with pytest.raises(OperationError) as caught:
        worktree.commit(staged, "x")
    assert caught.value.code == "root-replaced"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (["init", "-q", "--bare"], "bare"),
        (["init", "-q", "--object-format=sha256"], "unsupported"),
        ([], "not-a-repository"),
    ],
)
def test_what_cannot_be_opened_says_why(tmp_path: Path, make: list[str], code: str) -> None:
    (tmp_path / "r").mkdir()
    if make:
        run_git(tmp_path / "r", *make)
    with pytest.raises(OperationError) as caught:
        Worktree(tmp_path / "r", tmp_path / "notes")
    assert caught.value.code == code
    assert str(tmp_path / "r") in caught.value.message
    assert caught.value.hint


def test_a_configuration_that_cannot_be_read_is_named(repo: Path, tmp_path: Path) -> None:
    with (repo / ".git/config").open("a") as stream:
        stream.write("[broken\n")
    with pytest.raises(OperationError) as caught:
        Worktree(repo, tmp_path / "notes")
    assert caught.value.code == "git-config"
    assert "bad config line" in caught.value.message


def test_only_the_top_of_a_work_tree_is_opened(repo: Path, tmp_path: Path) -> None:
    (repo / "d").mkdir()
    with pytest.raises(OperationError) as caught:
        Worktree(repo / "d", tmp_path / "notes")
    assert caught.value.code == "not-a-repository"
    run_git(repo, "config", "core.repositoryFormatVersion", "1")
    run_git(repo, "config", "extensions.refStorage", "reftable")
    with pytest.raises(OperationError) as caught:
        Worktree(repo, tmp_path / "notes")
    assert "reftable" in caught.value.message


def test_many_files_go_into_a_pack(repo: Path, worktree: Worktree) -> None:
    for number in range(150):
        (repo / f"{number}.txt").write_text(f"number {number}")
    before = sum(len(files) for _, _, files in os.walk(repo / ".git/objects"))
    assert commit(worktree)
    after = sum(len(files) for _, _, files in os.walk(repo / ".git/objects"))
    assert after - before < 10
    assert_clean(repo)


def test_a_submodules_own_work_tree_can_be_opened(repo: Path, tmp_path: Path) -> None:
    run_git(tmp_path, "clone", "-q", str(repo), str(tmp_path / "library"))
    run_git(repo, "submodule", "--quiet", "add", str(tmp_path / "library"), "sub")
    run_git(repo, "commit", "-qm", "with a submodule")
    worktree = Worktree(repo / "sub", tmp_path / "notes")
    (repo / "sub/a.txt").write_text("in the submodule")
    assert commit(worktree)
    assert_clean(repo / "sub")
    worktree.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_somebody_elses_repository_is_refused(repo: Path, tmp_path: Path) -> None:
    for path in (repo, repo / ".git"):
        os.chown(path, 12345, 12345)
    with pytest.raises(OperationError) as caught:
        Worktree(repo, tmp_path / "notes")
    assert caught.value.code == "unsafe"
    assert "safe.directory" in caught.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_on_a_full_disk_a_commit_is_whole_or_an_error(tmp_path: Path) -> None:
    needs("mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        run_git(disk, "init", "-q", "work")
        worktree = Worktree(disk / "work", tmp_path / "notes")
        (disk / "work/a").write_text("start")
        assert commit(worktree)
        outcomes = [_commit_with_little_room(worktree, disk, pages) for pages in range(24)]
        (disk / "work/a").write_text("room again")
        assert commit(worktree)
        worktree.close()
        assert_clean(disk / "work")
        assert {"disk-full", "committed"} == set(outcomes)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def _commit_with_little_room(worktree: Worktree, disk: Path, pages: int) -> str:
    (disk / "work/a").write_text(f"with {pages} pages left")
    filler = os.open(disk / "filler", os.O_CREAT | os.O_WRONLY)
    try:
        while os.write(filler, b"x" * 4096):
            pass
    except OSError:
        os.ftruncate(filler, max(0, os.fstat(filler).st_size - 4096 * pages))
    os.close(filler)
    before = run_git(disk / "work", "rev-parse", "HEAD")
    try:
        info = commit(worktree, "a")
    except OperationError as error:
        assert run_git(disk / "work", "rev-parse", "HEAD") == before
        return error.code
    else:
        assert info is not None
        assert run_git(disk / "work", "rev-parse", "HEAD") == info.id
        assert head_file(disk / "work", "a") == f"with {pages} pages left"
        return "committed"
    finally:
        assert not [name for name in os.listdir(disk / "work/.git") if "gitsync" in name or "lock" in name]
        (disk / "filler").unlink()


def test_a_branch_moves_only_from_where_it_was_seen(repo: Path, worktree: Worktree) -> None:
    first = run_git(repo, "rev-parse", "HEAD")
    run_git(repo, "commit", "-q", "--allow-empty", "-m", "mine")
    second = run_git(repo, "rev-parse", "HEAD")
    for old in (first, None):
        with pytest.raises(TipMovedError):
            move_branch(worktree.repo, "main", old, first, "x")
        assert run_git(repo, "rev-parse", "main") == second
    move_branch(worktree.repo, "main", second, first, "back")
    assert run_git(repo, "rev-parse", "main") == first


def test_a_branch_that_is_not_where_it_was_moved_to_is_no_commit(repo: Path, worktree: Worktree) -> None:
    old = run_git(repo, "rev-parse", "HEAD")
    new = run_git(repo, "commit-tree", "-p", old, "-m", "new", "HEAD^{tree}")
    move = BranchMove(worktree.repo, "main", old, new, "new", Person("A", "a@b"), worktree.index.lock.draft)
    move.__enter__()
    with move.locked():
        move.make()
    (repo / ".git/refs/heads/main").write_text(f"{old}\n")  # as a disk does that forgets what it was given
    with pytest.raises(TransientError) as told:
        move.__exit__(None, None, None)
    assert told.value.code == "ref-lost"


@pytest.mark.parametrize("is_packed", [False, True])
def test_nothing_slow_is_done_while_the_index_is_locked(
    repo: Path, worktree: Worktree, monkeypatch: pytest.MonkeyPatch, is_packed: bool
) -> None:
    """git does not wait for that lock, and on a busy disk it takes milliseconds to sync a file, or to free one."""
    if is_packed:
        run_git(repo, "pack-refs", "--all")
    events: list[tuple[str, str]] = []
    opened: dict[object, str] = {}

    def watched(name: str) -> None:
        act = getattr(os, name)

        def noted(what: object, *rest: object, **options: object) -> object:
            done = act(what, *rest, **options)
            told = rest[0] if name in ("link", "rename") else what
            events.append((name, opened.get(told) or os.path.basename(str(told))))
            if name == "open":
                opened[done] = os.path.basename(str(what))
            return done

        monkeypatch.setattr(os, name, noted)

    for name in ("open", "close", "link", "rename", "unlink", "fsync"):
        watched(name)
    (repo / "a.txt").write_text("two")
    assert commit(worktree) is not None
    start, end = events.index(("link", "index.lock")), events.index(("rename", "index"))
    assert [each for each in events[start + 1 : end] if each[0] != "open"] == [("rename", "main")]
    kept = {"index"} if is_packed else {"index", "main"}
    assert kept <= {what for name, what in events[:start] if name == "open"}
    assert kept <= {what for name, what in events[end:] if name == "close"}, "what was replaced is freed afterwards"


def test_a_branch_that_moved_in_the_last_moment_is_left_there(repo: Path, worktree: Worktree) -> None:
    old = run_git(repo, "rev-parse", "HEAD")
    mine, theirs = (run_git(repo, "commit-tree", "-p", old, "-m", who, "HEAD^{tree}") for who in ("mine", "theirs"))
    move = BranchMove(worktree.repo, "main", old, mine, "mine", Person("A", "a@b"), worktree.index.lock.draft)
    with move, move.locked():
        (repo / ".git/refs/heads/main").write_text(f"{theirs}\n")  # as a program does that knows no lock
        with pytest.raises(TipMovedError):
            move.make()
    assert run_git(repo, "rev-parse", "main") == theirs


def test_a_held_branch_is_waited_for_and_named(repo: Path, worktree: Worktree) -> None:
    lock = repo / ".git/refs/heads/main.lock"
    (repo / "a.txt").write_text("two")
    staged = stage(worktree, "a.txt")
    lock.write_bytes(b"")
    with pytest.raises(TransientError) as caught:
        worktree.commit(staged, "x")
    assert caught.value.code == "ref-locked"
    assert f"rm {lock}" in caught.value.hint
    lock.unlink()
    assert worktree.commit(staged, "x")
    assert_clean(repo)


def test_a_save_within_the_same_tick_is_not_taken_for_clean(repo: Path, worktree: Worktree) -> None:
    run_git(repo, "config", "core.trustctime", "false")
    (repo / "a.txt").write_text("two\n")
    before = os.stat(repo / "a.txt")
    assert commit(worktree, "a.txt", is_forced=True)
    with open(repo / "a.txt", "r+") as stream:
        stream.write("TWO\n")
    os.utime(repo / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert worktree.scan() == {b"a.txt"}
