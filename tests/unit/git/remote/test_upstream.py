"""git's configuration is read again when a file of it changes, and not otherwise."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gitsync.git.remote.upstream import is_sent_elsewhere, read_config, remote_for
from tests.conftest import run_git

Count = Callable[[], int]


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Count:
    """Put a git before git that keeps count; return what tells how often it ran since the last look."""
    log, directory, git = tmp_path / "calls", tmp_path / "bin", shutil.which("git")
    directory.mkdir()
    (directory / "git").write_text(f'#!/bin/sh\necho >>"{log}"\nexec "{git}" "$@"\n')
    (directory / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=":")

    def count() -> int:
        found = len(log.read_text()) if log.exists() else 0
        log.write_text("")
        return found

    return count


def test_files_that_stay_are_read_once(repo: Path, calls: Count) -> None:
    for _ in range(5):
        assert remote_for(repo, None, "main") is None
    assert calls() == 1


@pytest.mark.parametrize("place", ["repository", "home", "xdg", "named"])
def test_a_changed_file_is_read_again(
    repo: Path, tmp_path: Path, calls: Count, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/xdg"))
    if place == "named":
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "home/named"))
    files = {"repository": repo / ".git/config", "home": tmp_path / "home/.gitconfig"}
    files |= {"xdg": tmp_path / "home/xdg/git/config", "named": tmp_path / "home/named"}
    assert remote_for(repo, None, "main") is None
    file = files[place]
    file.parent.mkdir(parents=True, exist_ok=True)
    run_git(repo, "config", "--file", str(file), "remote.origin.url", "/one")
    assert read_config(repo)["remote.origin.url"] == "/one"
    run_git(repo, "config", "--file", str(file), "remote.origin.url", "/two")
    assert read_config(repo)["remote.origin.url"] == "/two"
    file.write_text(file.read_text().replace("/two", "/six"))
    assert read_config(repo)["remote.origin.url"] == "/six"


def test_what_is_included_is_watched_although_it_is_not_there(repo: Path, tmp_path: Path, calls: Count) -> None:
    included = tmp_path / "included"
    run_git(repo, "config", "include.path", str(included))
    calls()
    for _ in range(5):
        assert remote_for(repo, None, "main") is None
    assert calls() == 2
    run_git(repo, "config", "--file", str(included), "remote.origin.url", "/one")
    choice = remote_for(repo, None, "main")
    assert choice is not None
    assert choice.remote == "origin"


def test_a_linked_work_tree_has_the_shared_configuration(repo: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    run_git(repo, "worktree", "add", "-q", str(linked))
    assert remote_for(linked, None, "main") is None
    run_git(repo, "config", "remote.origin.url", "/one")
    assert remote_for(linked, None, "main") is not None


@pytest.mark.parametrize(
    ("settings", "is_elsewhere"),
    [
        ({"url.ssh://git@host/.pushInsteadOf": "https://host/"}, False),
        ({"url.git@host:.pushInsteadOf": "https://host/"}, False),
        ({"url.git@other:.pushInsteadOf": "https://host/"}, True),
        ({"url.git@host:.pushInsteadOf": "https://", "url./srv/.pushInsteadOf": "https://host/me/"}, True),
        ({"url./srv/.pushInsteadOf": "https://elsewhere/"}, False),
        ({"url./srv/.insteadOf": "https://host/"}, False),
        ({"url./srv/.insteadOf": "https://host/", "remote.origin.pushurl": "/srv/me/it"}, False),
        ({"url./srv/.pushInsteadOf": "https://host/", "remote.origin.pushurl": "https://host/me/it"}, False),
        ({"remote.origin.pushurl": "git@host:me/other"}, True),
    ],
)
def test_what_is_pushed_to_another_address_is_known_however_git_was_told(
    repo: Path, settings: dict[str, str], is_elsewhere: bool
) -> None:
    run_git(repo, "remote", "add", "origin", "https://host/me/it.git")
    for key, value in settings.items():
        run_git(repo, "config", key, value)
    assert is_sent_elsewhere(repo, "origin") is is_elsewhere
