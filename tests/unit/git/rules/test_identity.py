"""Author and committer of gitsync's commits are those of `git commit`."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from gitsync.errors import OperationError
from gitsync.git.objects.refs import backup
from gitsync.git.rules.identity import identity_of
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.unit.git.conftest import commit

FORMAT = "--format=%an <%ae>|%cn <%ce>"


def as_git(repo: Path) -> str:
    said = (run_git(repo, "var", f"GIT_{role}_IDENT") for role in ("AUTHOR", "COMMITTER"))
    return "|".join(re.sub(r" \d+ [+-]\d+$", "", line) for line in said)


def test_each_role_has_its_own_settings(repo: Path, worktree: Worktree) -> None:
    run_git(repo, "config", "author.email", "writes@example.org")
    run_git(repo, "config", "committer.name", "The Machine")
    (repo / "a.txt").write_text("two")
    assert commit(worktree)
    assert run_git(repo, "log", "-1", FORMAT) == as_git(repo)
    assert "writes@example.org" in as_git(repo)


def test_a_change_of_the_configuration_counts_at_once(repo: Path, worktree: Worktree, tmp_path: Path) -> None:
    work = tmp_path / "work.inc"
    run_git(repo, "config", "includeIf.hasconfig:remote.*.url:git@work.example:**.path", str(work))
    for step in (
        lambda: run_git(repo, "config", "user.email", "one@example.org"),
        lambda: work.write_text("[user]\n email = me@work.example\n"),
        lambda: run_git(repo, "config", "remote.origin.url", "git@work.example:x.git"),
        lambda: work.write_text("[user]\n email = other@work.example\n"),
        lambda: run_git(repo, "config", "--unset", "remote.origin.url"),
    ):
        step()
        (repo / "a.txt").write_text(as_git(repo) + os.urandom(4).hex())
        assert commit(worktree)
        assert run_git(repo, "log", "-1", FORMAT) == as_git(repo)


def test_a_branch_may_have_its_own_identity(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "side.inc").write_text("[user]\n email = side@example.org\n")
    run_git(repo, "config", "includeIf.onbranch:side.path", str(tmp_path / "side.inc"))
    assert identity_of(repo).author.mail == "test@example.org"
    run_git(repo, "switch", "-q", "-c", "side")
    assert identity_of(repo).author.mail == "side@example.org"


def test_nobody_is_made_up_where_that_is_forbidden(repo: Path, worktree: Worktree) -> None:
    for key, value in (("user.useConfigOnly", "true"), ("user.email", ""), ("user.name", "")):
        run_git(repo, "config", key, value)
    (repo / "a.txt").write_text("two")
    with pytest.raises(OperationError) as caught:
        commit(worktree)
    assert caught.value.code == "identity"
    assert "config user.email YOU@EXAMPLE.ORG" in caught.value.hint
    assert "config user.name" in caught.value.hint
    run_git(repo, "config", "user.email", "now@example.org")
    with pytest.raises(OperationError) as caught:
        commit(worktree)
    assert caught.value.hint.endswith('config user.name "YOUR NAME"')
    assert "user.email" not in caught.value.hint, "git knows that one"
    run_git(repo, "config", "user.name", "Now")
    assert commit(worktree)
    assert run_git(repo, "log", "-1", FORMAT) == "Now <now@example.org>|Now <now@example.org>"


@pytest.mark.parametrize(("setting", "bits"), [("group", 0o060), ("0640", 0o040), ("world", 0o064)])
def test_a_shared_repository_stays_shared(tmp_path: Path, setting: str, bits: int) -> None:
    mask = os.umask(0o077)
    try:
        run_git(tmp_path, "init", "-q", f"--shared={setting}", "r")
        repo = tmp_path / "r"
        worktree = Worktree(repo, tmp_path / "notes")
        for text in ("one", "two"):
            (repo / "a.txt").write_text(text)
            (repo / text).write_text(text)
            assert commit(worktree)
        backup(worktree.repo, "test")
        worktree.close()
    finally:
        os.umask(mask)
    readable, writable = bits & 0o044, bits & 0o022
    for place in ("objects", "refs", "logs/refs"):
        for directory, names, files in os.walk(repo / ".git" / place):
            for name in (*names, *files):
                mode = os.stat(os.path.join(directory, name)).st_mode
                assert mode & readable == readable, (oct(mode), directory, name)
                assert place == "objects" or mode & writable == writable, (oct(mode), directory, name)
                assert not stat.S_ISDIR(mode) or mode & stat.S_ISGID, (oct(mode), directory, name)


def test_the_umask_decides_otherwise(repo: Path, worktree: Worktree) -> None:
    mask = os.umask(0o077)
    try:
        (repo / "a.txt").write_text("private")
        info = commit(worktree)
    finally:
        os.umask(mask)
    assert info is not None
    assert stat.S_IMODE(os.stat(repo / ".git/objects" / info.id[:2] / info.id[2:]).st_mode) == 0o400
