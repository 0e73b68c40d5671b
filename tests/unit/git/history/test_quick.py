"""What is read without a child is what git answers, or is left to git."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.git.history import quick
from gitsync.git.history.log import History
from gitsync.git.history.outline import LOG, Outline
from gitsync.git.history.quick import UNKNOWN
from gitsync.git.objects.trees import TreeEntry
from tests.conftest import run_git

NAMES = ("a.txt", "dir/b.txt", "dir/deep/c.txt", "ä\udcff")


def test_entries_and_sizes_are_those_of_git(repo: Path) -> None:
    for name in NAMES:
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(f"{len(name)}\n" * 7)
    (repo / "link").symlink_to("dir")
    run_git(repo, "add", "--all")
    run_git(repo, "commit", "-qm", "all")
    root, head = str(repo), run_git(repo, "rev-parse", "HEAD")
    assert quick.head(root) == quick.commit(root, head) == head
    for name in (*NAMES, "dir", "dir/deep", "link", "nothing", "a.txt/b", "dir/nothing", "link/b.txt", ""):
        said = run_git(repo, "ls-tree", "--format=%(objectmode) %(objectname)", head, "--", name) if name else ""
        mode, _, blob = (said or f"040000 {run_git(repo, 'rev-parse', 'HEAD^{tree}')}").partition(" ")
        expected = TreeEntry(int(mode, 8), blob) if said or not name else None
        assert quick.entry(root, head, name.encode("utf-8", "surrogateescape")) == expected, name
    blob = run_git(repo, "rev-parse", "HEAD:a.txt")
    assert quick.sizes(root, [blob]) == {blob: 14}
    assert quick.sizes(root, ["0" * 40]) is quick.commit(root, blob) is quick.commit(root, "1" * 40) is UNKNOWN


def test_where_the_branch_was_is_what_git_says(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo / ".git/logs/refs/heads/main").unlink()
    history = History(repo)
    for number, at in enumerate((1000, 2000, 1500, 3000)):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"{2_000_000_000 + at} +0200")
        run_git(repo, "commit", "-q", "--allow-empty", "-m", str(number))
    for at in (900, 1000, 1600, 2500, 3000, 4000):
        instant = 2_000_000_000 + at
        said = history.program.run("rev-parse", "--verify", f"refs/heads/main@{{{instant} +0000}}")
        is_known = said.ok and b"only goes back to" not in said.stderr
        assert quick.checked_out_at(str(repo), instant) == (said.stdout.decode().strip() if is_known else None), at
    run_git(repo, "switch", "-q", "--detach")
    assert quick.checked_out_at(str(repo), instant) is None


def test_an_instant_follows_the_first_parents(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def commit(name: str, at: int) -> None:
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"{at} +0000")
        (repo / name).write_text(name)
        run_git(repo, "add", name)
        run_git(repo, "commit", "-qm", name)

    commit("one", 2_000_000_000)
    run_git(repo, "switch", "-qc", "side")
    commit("side", 2_000_000_010)
    run_git(repo, "switch", "-q", "-")
    commit("two", 2_000_000_020)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2000000030 +0000")
    run_git(repo, "merge", "-q", "--no-edit", "side")
    commit("three", 2_000_000_040)
    head = run_git(repo, "rev-parse", "HEAD")
    outline = Outline()
    for piece in History(repo).program.stream(*LOG, head, "--", deadline_s=30):
        outline.feed(piece)
    outline.finish(head)
    for instant in range(1_999_999_999, 2_000_000_050):
        said = run_git(repo, "rev-list", "-1", f"--min-age={instant}", "--first-parent", "HEAD") or None
        assert outline.commit_at(instant) == said, instant
