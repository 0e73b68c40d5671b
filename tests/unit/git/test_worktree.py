"""Committing beside a person who uses git: what is taken, what is left alone, what is refused, and why."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.errors import OperationError, TransientError
from gitsync.git.worktree import Staged, StageRules, TipMovedError, Worktree
from gitsync.model import ChangeKind, CommitInfo
from tests.conftest import run_git

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAA\n"


@pytest.fixture
def worktree(repo: Path, tmp_path: Path) -> Iterator[Worktree]:
    opened = Worktree(repo, tmp_path / "notes")
    yield opened
    opened.close()


def stage(worktree: Worktree, *paths: str, trees: tuple[bytes, ...] = (), **rules: object) -> Staged:
    noted = [os.fsencode(path) for path in paths] if paths or trees else worktree.scan()
    staging = worktree.begin_staging(noted, trees, StageRules(**rules))  # type: ignore[arg-type]
    while not staging.advance(10):
        pass
    return staging.result()


def commit(worktree: Worktree, *paths: str, **rules: object) -> CommitInfo | None:
    return worktree.commit(stage(worktree, *paths, **rules), "by gitsync")


def head_file(repo: Path, path: str) -> str:
    return run_git(repo, "show", f"HEAD:{path}")


def assert_clean(repo: Path) -> None:
    assert run_git(repo, "status", "--porcelain") == ""
    run_git(repo, "fsck", "--strict")


def test_a_saved_file_is_committed_with_its_name_and_reason(repo: Path, worktree: Worktree) -> None:
    before = run_git(repo, "rev-parse", "HEAD")
    (repo / "a.txt").write_text("two\n")
    staged = stage(worktree, "a.txt")
    assert [(change.path, change.kind) for change in staged.changes] == [(b"a.txt", ChangeKind.CHANGED)]
    info = worktree.commit(staged, "Change a.txt\n\nbody")
    assert info is not None
    assert info.message == "Change a.txt"
    assert worktree.last_commit() == info
    assert run_git(repo, "log", "-1", "--format=%H %P %an <%ae>|%cn|%B") == (
        f"{info.id} {before} Test Person <test@example.org>|Test Person|Change a.txt\n\nbody"
    )
    assert run_git(repo, "reflog", "-1", "--format=%gs") == "gitsync: Change a.txt"
    assert_clean(repo)
    assert not [name for name in os.listdir(repo / ".git") if "lock" in name or "gitsync" in name]


def test_nothing_is_committed_when_nothing_differs(repo: Path, worktree: Worktree) -> None:
    os.utime(repo / "a.txt")
    assert commit(worktree, "a.txt", "not-there", "no/such/dir") is None
    assert len(run_git(repo, "log", "--format=%H").split()) == 1


def test_every_kind_of_change_arrives(repo: Path, worktree: Worktree) -> None:
    for name in ("gone", "turns", "program", "keeps"):
        (repo / name).write_text(name)
    (repo / "folder").mkdir()
    (repo / "folder/inner").write_text("inner")
    assert commit(worktree)
    (repo / "gone").unlink()
    (repo / "turns").unlink()
    (repo / "turns").mkdir()
    (repo / "turns/now").write_text("a directory")
    (repo / "program").chmod(0o755)
    (repo / "folder/inner").unlink()
    (repo / "folder").rmdir()
    (repo / "folder").symlink_to("keeps")
    noted = ("gone", "turns/now", "program", "folder")
    staged = stage(worktree, *noted)
    assert staged.removed_count == 3
    assert worktree.commit(staged, "x")
    assert run_git(repo, "ls-tree", "-r", "--name-only", "HEAD").split() == [
        "a.txt", "folder", "keeps", "program", "turns/now",
    ]  # fmt: skip
    assert run_git(repo, "ls-tree", "HEAD", "folder").startswith("120000")
    assert run_git(repo, "ls-tree", "HEAD", "program").startswith("100755")
    assert_clean(repo)


def test_a_rename_is_no_deletion(repo: Path, worktree: Worktree) -> None:
    (repo / "a.txt").rename(repo / "b.txt")
    assert stage(worktree).removed_count == 0


def test_what_is_no_file_is_passed_over(repo: Path, worktree: Worktree) -> None:
    os.mkfifo(repo / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(repo / "socket"))
    (repo / "a.txt").unlink()
    os.mkfifo(repo / "a.txt")
    staged = stage(worktree, "pipe", "socket", "a.txt")
    server.close()
    assert not staged.changes
    assert [path for path, _ in staged.unreadable] == [b"a.txt"]


def test_an_unreadable_directory_is_no_deletion(repo: Path, worktree: Worktree, tmp_path: Path) -> None:
    (repo / "d").mkdir()
    for name in ("d/x", "shut"):
        (repo / name).write_text(name)
    assert commit(worktree)
    worktree.close()
    script = (
        "import pathlib, sys\n"
        "from gitsync.git.worktree import *\n"
        "worktree = Worktree(*map(pathlib.Path, sys.argv[1:]))\n"
        "staging = worktree.begin_staging([b'd', b'd/x', b'shut'], (), StageRules())\n"
        "assert staging.advance(60)\n"
        "staged = staging.result()\n"
        "print(staged.changes, sorted(staged.unreadable))\n"
    )
    (repo / "d").chmod(0)
    (repo / "shut").chmod(0o200)
    limits = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*limits, sys.executable, "-c", script, repo, tmp_path / "notes"], check=False, capture_output=True, text=True
    )
    (repo / "d").chmod(0o755)
    why = "Permission denied"
    assert done.stdout.strip() == f"() {[(b'd', why), (b'd/x', why), (b'shut', why)]}", done.stderr


def test_nothing_is_followed_out_of_the_tree(repo: Path, worktree: Worktree, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x").write_text("not ours")
    (repo / "link").symlink_to(tmp_path / "outside")
    staged = stage(worktree, "link", "link/x", trees=(b"",))
    assert [change.path for change in staged.changes] == [b"link"]


def test_what_somebody_writes_is_taken_later_or_as_it_is(repo: Path, worktree: Worktree) -> None:
    (repo / "log").write_text("start")
    with open(repo / "log", "a"):
        staged = stage(worktree, "log")
        assert staged.later == {b"log"}
        assert not staged.changes
        assert stage(worktree, "log", is_forced=True).changes
    assert stage(worktree, "log").changes


def test_what_the_user_staged_is_his(repo: Path, worktree: Worktree) -> None:
    (repo / "b.txt").write_text("b")
    (repo / "c.txt").write_text("mine too")
    run_git(repo, "add", "b.txt")
    (repo / "b.txt").write_text("b, edited since")
    (repo / "a.txt").write_text("theirs to commit")
    staged = stage(worktree)
    assert staged.staged_by_user == {b"b.txt"}
    assert worktree.commit(staged, "x")
    assert run_git(repo, "diff", "--cached", "--name-only") == "b.txt"
    assert run_git(repo, "show", ":b.txt") == "b"
    assert head_file(repo, "a.txt") == "theirs to commit"
    assert commit(worktree, "b.txt", take_staged=frozenset({b"b.txt"}))
    assert head_file(repo, "b.txt") == "b, edited since"
    assert_clean(repo)


def test_a_staged_deletion_and_an_intent_to_add_are_the_users(repo: Path, worktree: Worktree) -> None:
    run_git(repo, "rm", "-q", "--cached", "a.txt")
    (repo / "planned").write_text("x")
    run_git(repo, "add", "-N", "planned")
    staged = stage(worktree)
    assert staged.staged_by_user == {b"a.txt", b"planned"}
    assert not staged.changes


def test_what_git_was_told_not_to_look_at_is_left_alone(repo: Path, worktree: Worktree) -> None:
    run_git(repo, "update-index", "--skip-worktree", "a.txt")
    (repo / "a.txt").unlink()
    assert not stage(worktree, "a.txt").changes
    run_git(repo, "update-index", "--no-skip-worktree", "a.txt")
    run_git(repo, "update-index", "--assume-unchanged", "a.txt")
    assert not stage(worktree, "a.txt").changes


@pytest.mark.parametrize("how", ["commit", "switch", "add", "reset"])
def test_a_move_between_staging_and_commit_is_noticed(repo: Path, worktree: Worktree, how: str) -> None:
    (repo / "a.txt").write_text("two")
    staged = stage(worktree, "a.txt")
    if how == "commit":
        run_git(repo, "commit", "-q", "--allow-empty", "-m", "mine")
    elif how == "switch":
        run_git(repo, "switch", "-q", "-c", "other")
    elif how == "add":
        run_git(repo, "add", "a.txt")
    else:
        run_git(repo, "commit", "-q", "--allow-empty", "-m", "mine")
        run_git(repo, "reset", "-q", "--soft", "HEAD~1")
        run_git(repo, "checkout", "-q", "--detach")
    head = run_git(repo, "rev-parse", "HEAD")
    with pytest.raises(TipMovedError):
        worktree.commit(staged, "x")
    assert run_git(repo, "rev-parse", "HEAD") == head
    assert run_git(repo, "rev-parse", "main") == run_git(repo, "rev-parse", "HEAD")


def test_a_held_index_is_waited_for_and_named(repo: Path, worktree: Worktree) -> None:
    lock = repo / ".git/index.lock"
    (repo / "a.txt").write_text("two")
    staged = stage(worktree, "a.txt")
    lock.write_bytes(b"")
    for attempt in (lambda: worktree.commit(staged, "x"), lambda: stage(worktree, "a.txt")):
        with pytest.raises(TransientError) as caught:
            attempt()
        assert caught.value.code == "index-locked"
        assert str(lock) in caught.value.message
    os.utime(lock, (0, 0))
    with pytest.raises(TransientError) as caught:
        worktree.commit(staged, "x")
    assert f"rm {lock}" in caught.value.hint
    assert lock.exists()
    lock.unlink()
    assert worktree.commit(staged, "x")
    assert_clean(repo)


@pytest.mark.parametrize(
    ("operation", "name"),
    [("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert"), ("BISECT_LOG", "bisect")],
)
def test_an_open_operation_is_told_and_stops_a_commit(
    repo: Path, worktree: Worktree, operation: str, name: str
) -> None:
    assert worktree.facts().open_operation == ""
    (repo / "a.txt").write_text("two")
    staged = stage(worktree, "a.txt")
    (repo / ".git" / operation).write_text(run_git(repo, "rev-parse", "HEAD") + "\n")
    assert worktree.facts().open_operation == name
    with pytest.raises(TipMovedError):
        worktree.commit(staged, "x")


def test_a_conflicted_stash_and_a_rebase_are_told(repo: Path, worktree: Worktree) -> None:
    (repo / "a.txt").write_text("stashed\n")
    run_git(repo, "stash", "-q")
    (repo / "a.txt").write_text("committed\n")
    run_git(repo, "commit", "-qam", "other")
    run_git(repo, "stash", "pop", "-q", check=False)
    assert worktree.facts().open_operation == "stash"
    run_git(repo, "reset", "-q", "--hard")
    assert worktree.facts().open_operation == ""
    run_git(repo, "switch", "-q", "-c", "side", "HEAD~1")
    (repo / "a.txt").write_text("side\n")
    run_git(repo, "commit", "-qam", "side")
    run_git(repo, "rebase", "-q", "main", check=False)
    facts = worktree.facts()
    assert facts.open_operation == "rebase"
    assert facts.branch is None


def test_large_and_secret_new_files_are_set_aside(repo: Path, worktree: Worktree) -> None:
    (repo / "large").write_bytes(b"x" * 2000)
    (repo / "key").write_text(KEY)
    (repo / "a.txt").write_text("x" * 5000)
    staged = stage(worktree, max_file_size=1000)
    assert {item.path: item.why for item in staged.quarantined} == {
        "large": "too large: 2 kB, the limit is 1 kB",
        "key": "secret: private key",
    }
    assert [change.path for change in staged.changes] == [b"a.txt"]
    staged = stage(worktree, max_file_size=1000, exempt=frozenset({b"large", b"key"}))
    assert len(staged.changes) == 3
    staged = stage(worktree, "key", secrets="warn")
    assert [problem.code for problem in staged.problems] == ["secret"]
    assert staged.changes
    assert stage(worktree, "key", secrets="off").changes


def test_files_too_big_to_hold_are_stored_by_git(
    repo: Path, worktree: Worktree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitsync.git.stage.BIG", 100)
    (repo / "movie").write_bytes(os.urandom(5000))
    (repo / "key").write_text(KEY + "x" * 200)
    staged = stage(worktree)
    assert [item.path for item in staged.quarantined] == ["key"]
    assert worktree.commit(staged, "x")
    assert run_git(repo, "rev-parse", "HEAD:movie") == run_git(repo, "hash-object", "movie")
    assert run_git(repo, "status", "--porcelain") == "?? key"


def test_ignored_files_are_passed_over_but_tracked_ones_are_not(repo: Path, tmp_path: Path) -> None:
    (repo / ".gitignore").write_text("*.log\nbuild/\n")
    (repo / "kept.log").write_text("tracked")
    run_git(repo, "add", "-f", ".gitignore", "kept.log")
    run_git(repo, "commit", "-qm", "x")
    worktree = Worktree(repo, tmp_path / "notes", include=["take.log", "build/take"], exclude=["*.tmp"])
    (repo / "kept.log").write_text("changed")
    (repo / "build").mkdir()
    for name in ("x.log", "y.tmp", "take.log", "build/x", "build/take", "z.txt", os.fsdecode(b"\xff.log")):
        (repo / name).write_text(name.encode("utf-8", "replace").decode())
    expected = {b"kept.log", b"take.log", b"build/take", b"z.txt"}
    assert worktree.scan() == expected
    assert {change.path for change in stage(worktree, trees=(b"",)).changes} == expected
    assert {change.path for change in stage(worktree, *os.listdir(repo), "build/x").changes} == expected
    worktree.close()


def test_nested_repositories_are_left_alone_and_submodules_recorded(
    repo: Path, worktree: Worktree, tmp_path: Path
) -> None:
    run_git(tmp_path, "clone", "-q", str(repo), str(tmp_path / "library"))
    run_git(repo, "submodule", "--quiet", "add", str(tmp_path / "library"), "sub")
    run_git(repo, "commit", "-qm", "with a submodule")
    run_git(repo, "clone", "-q", str(tmp_path / "library"), "nested")
    (repo / "nested/new").write_text("not ours")
    (repo / "sub/dirty").write_text("not ours")
    assert not stage(worktree, "nested", "nested/new", "sub/dirty", "sub", trees=(b"",)).changes
    assert worktree.scan() == frozenset()
    run_git(repo / "sub", "commit", "-q", "--allow-empty", "-m", "in the submodule")
    assert worktree.scan() == {b"sub"}
    assert commit(worktree, "sub/dirty")
    assert run_git(repo, "rev-parse", "HEAD:sub") == run_git(repo / "sub", "rev-parse", "HEAD")
    assert run_git(repo, "ls-files", "-s", "sub").startswith("160000")


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


def test_modes_that_the_file_system_cannot_keep_are_kept(repo: Path, worktree: Worktree) -> None:
    (repo / "run").write_text("x")
    (repo / "run").chmod(0o755)
    assert commit(worktree)
    run_git(repo, "config", "core.fileMode", "false")
    (repo / "run").chmod(0o644)
    (repo / "run").write_text("y")
    (repo / "new").write_text("n")
    (repo / "new").chmod(0o755)
    assert commit(worktree)
    assert run_git(repo, "ls-tree", "HEAD", "run").startswith("100755")
    assert run_git(repo, "ls-tree", "HEAD", "new").startswith("100644")
    assert_clean(repo)


@pytest.mark.parametrize("form", ["version 4", "split", "untracked cache", "fsmonitor"])
def test_other_forms_of_index_are_left_to_git(repo: Path, worktree: Worktree, form: str) -> None:
    options = {
        "version 4": ["--index-version=4"],
        "split": ["--split-index"],
        "untracked cache": ["--force-untracked-cache"],
        "fsmonitor": ["--fsmonitor"],
    }
    if form == "fsmonitor":
        run_git(repo, "config", "core.fsmonitor", "/bin/false")
    run_git(repo, "update-index", *options[form])
    (repo / "b").write_text("staged")
    run_git(repo, "add", "b")
    (repo / "a.txt").write_text("two")
    (repo / "d").mkdir()
    (repo / "d/new").write_text("new")
    staged = stage(worktree)
    assert staged.staged_by_user == {b"b"}
    assert worktree.commit(staged, "x")
    assert run_git(repo, "status", "--porcelain") == "A  b"
    (repo / "a.txt").unlink()
    (repo / "a.txt").mkdir()
    (repo / "a.txt/x").write_text("x")
    assert commit(worktree)
    assert run_git(repo, "status", "--porcelain") == "A  b"
    assert run_git(repo, "ls-files").split() == ["a.txt/x", "b", "d/new"]


@pytest.mark.parametrize("damage", [b"", b"DIRC", b"garbage" * 100, None])
def test_a_broken_index_is_made_anew(repo: Path, worktree: Worktree, tmp_path: Path, damage: bytes | None) -> None:
    (repo / "keep").write_text("k")
    assert commit(worktree)
    if damage is None:
        (repo / ".git/index").unlink()
    else:
        (repo / ".git/index").write_bytes(damage)
    (repo / "a.txt").write_text("two")
    assert commit(worktree, "a.txt")
    assert_clean(repo)
    if damage:
        assert (tmp_path / "notes/index.broken").read_bytes() == damage


@pytest.mark.parametrize("stop", ["before the branch", "before the index"])
def test_a_crash_does_not_look_like_staging(
    repo: Path, worktree: Worktree, tmp_path: Path, stop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "gone").write_text("g")
    assert commit(worktree)
    (repo / "a.txt").write_text("two")
    (repo / "new").write_text("n")
    (repo / "gone").unlink()
    (repo / "mine").write_text("m")
    run_git(repo, "add", "mine")
    staged = stage(worktree)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if stop == "before the branch":
            patched.setattr("gitsync.git.worktree.move_branch", crash)
        else:
            patched.setattr(worktree.index, "update", crash)
        with pytest.raises(KeyboardInterrupt):
            worktree.commit(staged, "x")
    again = Worktree(repo, tmp_path / "notes")
    if stop == "before the branch":
        assert again.commit(stage(again), "y")
    assert run_git(repo, "status", "--porcelain") == "A  mine"
    assert not (tmp_path / "notes/index-intent.json").exists()
    again.close()


def test_a_commit_that_the_index_cannot_follow_is_still_told(
    repo: Path, worktree: Worktree, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "a.txt").write_text("two")
    staged = stage(worktree, "a.txt")

    def full(*_: object) -> None:
        raise OperationError("the disk is full", code="disk-full")

    with monkeypatch.context() as patched:
        patched.setattr(worktree.index, "update", full)
        info = worktree.commit(staged, "x")
    assert info is not None
    assert run_git(repo, "rev-parse", "HEAD") == info.id
    assert commit(worktree, "a.txt") is None  # and the next batch mends the index first
    assert_clean(repo)


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


def test_names_that_git_refuses_are_told_and_passed_over(repo: Path, worktree: Worktree) -> None:
    for name in ("git~1", "d/.GIT", "fine"):
        (repo / name).parent.mkdir(exist_ok=True)
        (repo / name).write_text("x")
    staged = stage(worktree, trees=(b"",))
    assert [change.path for change in staged.changes] == [b"fine"]
    assert [problem.code for problem in staged.problems] == ["bad-name"]


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
