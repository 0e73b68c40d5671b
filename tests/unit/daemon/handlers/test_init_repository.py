"""Making a repository to watch, and taking it back: with real git in a directory of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.daemon.handlers import init_repository
from gitsync.errors import OperationError, UsageError
from tests.conftest import run_git

CALLED_OFF = OperationError("called off", "try again")


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A remote that is there, and empty."""
    hub = tmp_path_factory.mktemp("srv") / "a.git"
    run_git(hub.parent, "init", "-q", "--bare", "-b", "trunk", str(hub))
    return str(hub)


def everything(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if ".git" not in path.parts[:-1]}


def test_what_was_made_goes_when_the_rest_fails(tmp_path: Path, hub: str) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/a.txt").write_text("a\n")

    def call_off(root: Path) -> None:
        with init_repository.work_tree(root, hub, is_wanted=True) as was_made:
            assert was_made
            assert run_git(root, "remote", "get-url", "origin") == hub
            assert run_git(root, "symbolic-ref", "--short", "HEAD") == "trunk"
            raise CALLED_OFF

    for name in ("kept", "new/below"):
        with pytest.raises(OperationError, match="called off"):
            call_off(tmp_path / name)
    assert everything(tmp_path) == {"kept", "kept/a.txt"}


def test_a_remote_that_was_set_is_taken_back_and_nothing_else(tmp_path: Path, hub: str) -> None:
    run_git(tmp_path, "init", "-q", "notes")
    root = tmp_path / "notes"
    run_git(root, "config", "branch.main.remote", "origin")
    with (
        pytest.raises(OperationError, match="called off"),
        init_repository.work_tree(root, hub, is_wanted=False),
    ):
        raise CALLED_OFF
    assert run_git(root, "remote") == ""
    assert run_git(root, "config", "branch.main.remote") == "origin"


def test_a_remote_that_is_not_there_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    none = str(tmp_path / "none.git")
    with (
        pytest.raises(OperationError, match=r"none\.git"),
        init_repository.work_tree(tmp_path / "new", none, is_wanted=True),
    ):
        pass
    assert everything(tmp_path) == set()


@pytest.mark.parametrize("argv", [("add", "a.txt"), ("tag", "then"), ("stash",)], ids=["staged", "tagged", "stashed"])
def test_a_repository_that_somebody_has_used_stays(tmp_path: Path, argv: tuple[str, ...]) -> None:
    root = tmp_path / "new"

    def used() -> None:
        (root / "a.txt").write_text("a\n")
        if argv != ("add", "a.txt"):
            run_git(root, "add", "a.txt")
            run_git(root, "commit", "-qm", "first")
            (root / "a.txt").write_text("b\n")
        run_git(root, *argv)
        raise CALLED_OFF

    with pytest.raises(OperationError, match="called off"), init_repository.work_tree(root, None, is_wanted=True):
        used()
    assert run_git(root, "ls-files", "--cached") == "a.txt"
    assert everything(tmp_path) == {"new", "new/a.txt", "new/.git"}


def test_a_bare_repository_and_home_itself_are_not_made_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_git(tmp_path, "init", "-q", "--bare", "hub.git")
    monkeypatch.setenv("HOME", str(tmp_path))
    for root, why in ((tmp_path / "hub.git", "is a bare repository"), (tmp_path, "is too large to watch")):
        with pytest.raises(UsageError, match=why), init_repository.work_tree(root, None, is_wanted=True):
            pass
    assert not (tmp_path / ".git").exists()
    assert not (tmp_path / "hub.git/.git").exists()


def test_another_origin_is_said_so_that_it_can_be_pasted(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q", "my notes")
    root = tmp_path / "my notes"
    run_git(root, "remote", "add", "origin", "https://ada:secret@server/a.git")
    with pytest.raises(UsageError) as caught, init_repository.work_tree(root, "/srv/my hub.git", is_wanted=False):
        pass
    assert "secret" not in caught.value.message
    assert caught.value.hint.endswith(f"git -C '{root}' remote set-url origin '/srv/my hub.git'")
