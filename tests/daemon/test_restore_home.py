"""Home files brought back: by the names they have at home, with their permissions, there at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for


def ask(box: Machine, *argv: str, status: int = 0) -> dict[str, Any]:
    done = box.ctl(*argv, "--json")
    assert done.returncode == status, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def mirror(box: Machine) -> Path:
    return Path(box.status()["home"]["repo"])


def wait_saved(box: Machine, name: str, text: str) -> None:
    wait_for(
        f"{name} to be committed", lambda: run_git(mirror(box), "show", f"HEAD:{name}", check=False) == text.strip()
    )


@pytest.fixture(params=["hard", "copy"])
def home(box: Machine, request: pytest.FixtureRequest) -> Machine:
    """A running machine that mirrors a private file and a directory."""
    box.write_config(f'[defaults]\nquiet = "100ms"\n[home]\nlink = "{request.param}"\n')
    (box.home / ".secret").write_text("good\n")
    (box.home / ".secret").chmod(0o600)
    (box.home / ".kept").write_text("for a home that loses all its files is a home that is not mounted\n")
    (box.home / ".conf").mkdir()
    (box.home / ".conf/one").write_text("one\n")
    assert box.ctl("init").returncode == 0
    box.start()
    added = box.ctl("add", *(str(box.home / name) for name in (".secret", ".kept", ".conf")))
    assert added.returncode == 0, added.stderr
    return box


def test_a_bad_edit_of_a_home_file_is_taken_back(home: Machine) -> None:
    path = home.home / ".secret"
    path.write_text("bad\n")
    answer = ask(home, "restore", str(path))
    assert path.read_text() == "good\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert answer["restored"][0]["absolute"] == str(path)
    assert answer["restored"][0]["path"] == ".secret"
    assert run_git(mirror(home), "show", "HEAD~1:.secret") == "bad"
    messages = [item["message"] for item in ask(home, "log", str(path))["commits"]]
    assert len(messages) == 3
    assert home.ctl("undo", "home").returncode == 0
    assert path.read_text() == "bad\n"


def test_what_was_deleted_comes_back_tracked_and_private(home: Machine) -> None:
    path = home.home / ".secret"
    path.unlink()
    (home.home / ".conf/one").unlink()
    wait_for("the deletions", lambda: not run_git(mirror(home), "ls-files", ".secret", ".conf"))
    ask(home, "restore", str(path), str(home.home / ".conf"))
    assert path.read_text() == "good\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (home.home / ".conf/one").read_text() == "one\n"
    assert ".secret" in [item["path"] for item in ask(home, "list")["home"]]
    path.write_text("again\n")
    wait_saved(home, ".secret", "again\n")
    assert ask(home, "explain", str(path))["code"] == "committed"


def test_a_file_that_is_not_tracked_any_more_is_kept_before_it_is_replaced(home: Machine) -> None:
    path = home.home / ".secret"
    home.ctl("remove", str(path))
    path.write_text("only at home\n")
    ask(home, "restore", str(path), "--rev", "HEAD~1")
    assert path.read_text() == "good\n"
    assert "only at home" in run_git(mirror(home), "log", "-p", "--all", "--", ".secret")
    assert path.stat().st_mode & 0o777 == 0o600


def test_home_files_are_shown_listed_and_explained_by_their_own_names(home: Machine) -> None:
    path = home.home / ".conf/one"
    path.write_text("two\n")
    wait_saved(home, ".conf/one", "two\n")
    assert len(ask(home, "restore", str(path), "--list")["versions"]) == 2
    since = ask(home, "diff", str(path), "--rev", "HEAD~1")["diffs"][0]
    assert "-one\n+two\n" in since["patch"]
    assert ask(home, "show", "HEAD:.conf/one", "--in", "home")["content"] == "two\n"
    assert ask(home, "explain", str(home.home / ".bashrc-of-nobody"))["code"] == "not-tracked"
    (home.home / ".other").write_text("x\n")
    unknown = ask(home, "restore", str(home.home / ".other"), status=4)["error"]
    assert unknown["code"] == "unknown-path"
    assert "gitsyncctl add" in unknown["hint"]
