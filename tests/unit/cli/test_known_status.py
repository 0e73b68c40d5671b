"""The remembered status holds exactly as long as what it depends on; every change is seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitsync import places
from gitsync.cli import known_status
from tests.conftest import GITCONFIG, Git

PARAMS = {"names": [], "short": False, "watch": False}


@pytest.fixture
def asked(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    """Ask for the status; the answer is whether it had to be looked for."""
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "HOME").mkdir()
    (tmp_path / "HOME/.gitconfig").write_text(GITCONFIG)
    config = tmp_path / "config.toml"
    config.write_text("one")

    def ask(state: str = "ok", **more: Any) -> bool:
        found = {"repos": [{"path": str(repo), "state": state, "error": None}], "home": None, "jobs": []}
        seen: list[int] = []

        def look() -> dict[str, Any]:
            seen.append(1)
            return {**found, "left_out": [], "deferred": [], **more}

        known_status.answer(str(config), PARAMS, look)
        return bool(seen)

    return ask


def test_it_holds_until_something_changes(repo: Path, git: Git, asked: Callable[..., bool], tmp_path: Path) -> None:
    def write(name: str, text: str) -> Callable[[], object]:
        return lambda: (repo / name).write_text(text)

    changes: list[Callable[[], object]] = [
        write("a.txt", "other"),
        write("a.txt", "again"),
        write("new", "1"),
        write("new", "2"),
        lambda: git(repo, "add", "new"),
        lambda: git(repo, "commit", "-qam", "x"),
        lambda: git(repo, "update-ref", "refs/remotes/origin/main", "HEAD"),
        lambda: git(repo, "branch", "-m", "other"),
        lambda: git(repo, "config", "branch.other.remote", "origin"),
        lambda: (repo / ".git/MERGE_HEAD").write_text("x"),
        write(".git/info/exclude", "*.o"),
        lambda: (tmp_path / "config.toml").write_text("two"),
        lambda: (tmp_path / "HOME/.gitconfig").write_text(GITCONFIG + "[core]\n"),
        lambda: places.state_dir().joinpath("pause.json").write_text("{}"),
    ]
    assert [asked() for _ in range(4)] == [True, True, False, False]
    for number, change in enumerate(changes):
        change()
        assert [asked(), asked()] == [True, False], number


def test_what_ends_by_itself_or_is_not_compared_is_never_kept(asked: Callable[..., bool]) -> None:
    for state in ("paused", "busy", "error", "offline"):
        assert all(asked(state) for _ in range(3))
    kinds: tuple[dict[str, Any], ...] = ({"jobs": [{"state": "paused"}]}, {"deferred": ["battery"]})
    for more in kinds:
        assert all(asked(**more) for _ in range(3))


def test_a_spoiled_cache_is_looked_past(asked: Callable[..., bool]) -> None:
    [asked() for _ in range(3)]
    for text in ("", "[]", '{"roots": 1}', '{"roots": [], "facts": "", "answer": null}'):
        places.state_dir().joinpath(known_status.FILE).write_text(text)
        assert asked()


def test_the_status_of_jobs_is_kept_until_one_has_run(asked: Callable[..., bool]) -> None:
    jobs = [{"name": "thesis", "state": "halted"}]
    assert [asked(jobs=jobs) for _ in range(3)] == [True, True, False]
    places.state_dir().joinpath("job.json").write_text("{}")
    assert [asked(jobs=jobs) for _ in range(2)] == [True, False]


def test_the_status_of_home_files_is_kept_until_one_changes(
    repo: Path, asked: Callable[..., bool], tmp_path: Path
) -> None:
    home, manifest = tmp_path / "HOME", repo / ".gitsync-manifest"
    manifest.write_text("# gitsync manifest 1\ntrack * .config/app/\ntrack desk .vimrc\nmode 600 .vimrc\ngone * .old\n")
    (home / ".config/app/deep").mkdir(parents=True)
    (home / ".vimrc").write_text("a")

    def ask() -> bool:
        return asked(home={"repo": str(repo), "state": "ok", "error": None})

    changes: list[Callable[[], object]] = [
        lambda: (home / ".vimrc").write_text("b"),
        lambda: (home / ".vimrc").chmod(0o600),
        lambda: (home / ".config/app/deep/new").write_text("x"),
        lambda: (home / ".config/app/deep/new").unlink(),
        lambda: (repo / ".vimrc").write_text("b"),
        lambda: (repo / ".vimrc").unlink(),
        lambda: manifest.write_text(manifest.read_text() + "track * .bashrc\n"),
        lambda: (home / ".bashrc").symlink_to(".vimrc"),
    ]
    assert [ask() for _ in range(4)] == [True, True, False, False]
    for number, change in enumerate(changes):
        change()
        assert [ask(), ask()] == [True, False], number
    manifest.write_text("track * a\\x20b\n")
    assert all(ask() for _ in range(3))
