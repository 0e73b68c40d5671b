"""Which remotes are on this file system, as git itself would find them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.git.remote.local_remote import git_directory, head
from tests.conftest import run_git


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    path = tmp_path / "a hub.git"
    run_git(tmp_path, "init", "-q", "--bare", str(path))
    return path


def test_paths_and_file_urls_lead_there(repo: Path, hub: Path) -> None:
    quoted = str(hub).replace(" ", "%20")
    for url in (str(hub), f"{hub}/", f"file://{quoted}", "../a hub.git", "../a hub", str(hub.with_suffix(""))):
        found = git_directory(repo, url)
        assert found is not None, url
        assert found.samefile(hub), url
        run_git(repo, "ls-remote", url)  # git agrees


def test_a_work_tree_can_be_a_remote(repo: Path) -> None:
    assert git_directory(repo, str(repo)) == repo / ".git"


@pytest.mark.parametrize(
    "url", ["git@host:notes.git", "host:/srv/x", "ssh://host/x", "https://host/x", "", "/no/where"]
)
def test_others_are_elsewhere(repo: Path, url: str) -> None:
    assert git_directory(repo, url) is None


def test_a_directory_named_like_a_host_is_not_taken_for_one(repo: Path, tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q", "--bare", str(repo / "host:x"))
    assert git_directory(repo, "host:x") is None
    assert git_directory(repo, "./host:x") is not None


def test_the_head_of_a_branch(repo: Path, hub: Path) -> None:
    assert head(hub, "main") is None
    run_git(repo, "push", "-q", str(hub), "main", "main:a/b")
    assert head(hub, "main") == head(hub, "a/b") == run_git(repo, "rev-parse", "main")
    assert head(hub, "a") is None
    assert head(hub, "x\0y") is None
    run_git(hub, "pack-refs", "--all")
    assert head(hub, "main") is None
