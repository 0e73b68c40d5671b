"""From files on disk to a commit: every kind of change, and what is passed over or set aside."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitsync.git.staging.stage import BIG
from gitsync.git.staging.worktree import Worktree
from gitsync.model import ChangeKind
from tests.conftest import run_git
from tests.unit.git.conftest import assert_clean, commit, stage

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAA\n"


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
    assert len(staged.removed) == 3
    assert worktree.commit(staged, "x")
    assert run_git(repo, "ls-tree", "-r", "--name-only", "HEAD").split() == [
        "a.txt", "folder", "keeps", "program", "turns/now",
    ]  # fmt: skip
    assert run_git(repo, "ls-tree", "HEAD", "folder").startswith("120000")
    assert run_git(repo, "ls-tree", "HEAD", "program").startswith("100755")
    assert_clean(repo)


def test_a_rename_is_no_deletion(repo: Path, worktree: Worktree) -> None:
    (repo / "a.txt").rename(repo / "b.txt")
    assert len(stage(worktree).removed) == 0


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
        "from gitsync.git.staging.worktree import *\n"
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


def test_files_too_big_to_hold_are_stored_by_git(repo: Path, worktree: Worktree) -> None:
    (repo / "movie").write_bytes(os.urandom(BIG + 1))
    (repo / "key").write_text(KEY + "x" * BIG)
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


def test_names_that_git_refuses_are_told_and_passed_over(repo: Path, worktree: Worktree) -> None:
    for name in ("git~1", "d/.GIT", "fine"):
        (repo / name).parent.mkdir(exist_ok=True)
        (repo / name).write_text("x")
    staged = stage(worktree, trees=(b"",))
    assert [change.path for change in staged.changes] == [b"fine"]
    assert [problem.code for problem in staged.problems] == ["bad-name"]


@pytest.mark.slow
def test_what_is_too_deep_is_told_and_holds_up_nothing(worktree: Worktree, repo: Path) -> None:
    """A directory copied into itself again and again: deeper than Python's stack, and than a path may be long."""
    at = os.open(repo, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("deep", os.O_WRONLY | os.O_CREAT, dir_fd=at))
    os.close(at)
    (repo / "flat.txt").write_text("flat\n")
    staged = stage(worktree)
    assert [change.path for change in staged.changes] == [b"flat.txt"]
    assert [problem.code for problem in staged.problems] == ["bad-name"]
    subprocess.run(["rm", "-rf", str(repo / "d")], check=True)


def test_an_empty_moment_that_a_read_met_is_not_committed(
    repo: Path, worktree: Worktree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is empty when it is read, and has content again when its size is asked for afterwards."""
    path = repo / "state"
    path.write_text("content\n")

    read = os.read

    def met(handle: int, size: int) -> bytes:
        if os.fstat(handle).st_ino != path.stat().st_ino:
            return read(handle, size)
        os.utime(path)
        return b""

    monkeypatch.setattr(os, "read", met)
    staged = stage(worktree, "state", is_forced=True, quiet_s=60.0)
    assert staged.later == {b"state"}
    assert not staged.changes
    (taken,) = stage(worktree, "state", is_forced=True, quiet_s=60.0, take_empty=frozenset({b"state"})).changes
    assert taken.path == b"state"


def test_the_writing_after_a_truncation_is_waited_for_a_moment(
    repo: Path, worktree: Worktree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the file would be taken empty: each of the moments before was empty, too."""
    path = repo / "state"
    path.write_text("")
    sleep = time.sleep

    def slept(seconds: float) -> None:
        path.write_text("content\n")
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", slept)
    (taken,) = stage(worktree, "state", is_forced=True, quiet_s=60.0, take_empty=frozenset({b"state"})).changes
    assert taken.entry is not None
    assert taken.entry.id == run_git(repo, "hash-object", "state")
