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


def begin(box: Machine, link: str) -> None:
    """Mirror a private file and a directory."""
    box.write_config(f'[defaults]\nquiet = "100ms"\n[home]\nlink = "{link}"\n')
    (box.home / ".secret").write_text("good\n")
    (box.home / ".secret").chmod(0o600)
    (box.home / ".kept").write_text("for a home that loses all its files is a home that is not mounted\n")
    (box.home / ".conf").mkdir()
    (box.home / ".conf/one").write_text("one\n")
    assert box.ctl("init").returncode == 0
    box.start()
    added = box.ctl("add", *(str(box.home / name) for name in (".secret", ".kept", ".conf")))
    assert added.returncode == 0, added.stderr


@pytest.mark.parametrize("link", ["hard", "copy"])
def test_a_bad_edit_is_taken_back_and_what_was_deleted_comes_back_private(box: Machine, link: str) -> None:
    begin(box, link)
    path = box.home / ".secret"
    path.write_text("bad\n")
    answer = ask(box, "restore", "home:.secret" if link == "hard" else str(path))
    assert path.read_text() == "good\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert answer["restored"][0]["absolute"] == str(path)
    assert answer["restored"][0]["path"] == ".secret"
    assert run_git(mirror(box), "show", "HEAD~1:.secret") == "bad"
    messages = [item["message"] for item in ask(box, "log", str(path))["commits"]]
    assert len(messages) == 3
    assert box.ctl("undo", "home").returncode == 0
    assert path.read_text() == "bad\n"

    path.unlink()
    (box.home / ".conf/one").unlink()
    wait_for("the deletions", lambda: not run_git(mirror(box), "ls-files", ".secret", ".conf"))
    ask(box, "restore", str(path), str(box.home / ".conf"))
    assert path.read_text() == "bad\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (box.home / ".conf/one").read_text() == "one\n"
    assert ".secret" in [item["path"] for item in ask(box, "list")["home"]]
    path.write_text("again\n")
    wait_saved(box, ".secret", "again\n")
    assert ask(box, "explain", str(path))["code"] == "committed"


@pytest.mark.soak
def test_home_files_go_by_their_names_at_home(box: Machine) -> None:
    begin(box, "auto")
    path = box.home / ".conf/one"
    path.write_text("two\n")
    wait_saved(box, ".conf/one", "two\n")
    assert len(ask(box, "restore", str(path), "--list")["versions"]) == 2
    since = ask(box, "diff", str(path), "--rev", "HEAD~1")["diffs"][0]
    assert "-one\n+two\n" in since["patch"]
    assert ask(box, "show", "HEAD:.conf/one", "--in", "home")["content"] == "two\n"
    (box.home / ".other").write_text("x\n")
    assert ask(box, "explain", str(box.home / ".other"))["code"] == "not-tracked"
    unknown = ask(box, "restore", str(box.home / ".other"), status=4)["error"]
    assert unknown["code"] == "unknown-path"
    assert "gitsyncctl add" in unknown["hint"]

    # What is tracked no longer, and has changed since, is in history before it is replaced.
    secret = box.home / ".secret"
    box.ctl("remove", str(secret))
    secret.write_text("only at home\n")
    ask(box, "restore", str(secret), "--rev", "HEAD~1")
    assert secret.read_text() == "good\n"
    assert "only at home" in run_git(mirror(box), "log", "-p", "--all", "--", ".secret")
    assert secret.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_longer_tracked_and_is_as_it_was_is_tracked_again(box: Machine) -> None:
    (box.home / ".vimrc").write_text("one\n")
    assert box.ctl("init").returncode == 0
    assert box.ctl("add", "~/.vimrc").returncode == 0
    assert box.ctl("remove", "~/.vimrc").returncode == 0
    trial = box.ctl("restore", "~/.vimrc", "--dry-run").stdout
    assert "would track it again" in trial
    assert box.ctl("restore", "~/.vimrc", "--to", "~/copy").returncode == 4, "a copy is of the version before"
    assert "vimrc" not in box.ctl("list").stdout
    assert "tracking it again" in box.ctl("restore", "~/.vimrc").stdout
    assert "~/.vimrc" in box.ctl("list").stdout
    assert (box.home / ".vimrc").read_text() == "one\n"
    assert box.ctl("restore", "~/.vimrc").returncode == 4, "there is one version, and it is tracked"


def test_messages_call_the_mirror_by_its_name(box: Machine) -> None:
    begin(box, "auto")
    for asked in (
        ["log", "home:.nix"],
        ["log", str(box.home / ".nix")],
        ["diff", "home", "--rev", "nix"],
        ["restore", "home", "--at", "2001-01-01"],
        ["show", "abcdef1", "--in", "home"],
    ):
        done = box.ctl(*asked)
        assert done.returncode == 4, asked
        assert "home" in done.stderr
        assert ".local/share" not in done.stderr, asked


def test_a_directory_that_is_no_longer_tracked_is_tracked_again_as_a_whole(box: Machine) -> None:
    (box.home / "app/sub").mkdir(parents=True)
    for name in ("a", "sub/b"):
        (box.home / "app" / name).write_text("one\n")
    assert box.ctl("init").returncode == 0
    assert box.ctl("add", "~/app").returncode == 0
    assert box.ctl("remove", "~/app").returncode == 0
    assert "tracking it again" in box.ctl("restore", "~/app").stdout
    assert box.ctl("remove", "~/app").returncode == 0
    (box.home / "app/a").write_text("only at home\n")
    assert "tracking it again" in box.ctl("restore", "~/app/sub").stdout, "what was asked for, and no more"
    listed = json.loads(box.ctl("list", "--json").stdout)["home"]
    assert [entry["path"] for entry in listed] == ["app/sub/b"]
    assert box.ctl("restore", "~/app").returncode == 0
    assert (box.home / "app/a").read_text() == "one\n"
    assert "only at home" in run_git(mirror(box), "log", "-p", "--all", "--", "app/a")
    (box.home / "app/new").write_text("new\n")
    assert box.gitsync("--once").returncode == 0
    assert run_git(mirror(box), "show", "HEAD:app/new") == "new"
