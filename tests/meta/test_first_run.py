"""`make run`, up to the moment when the daemon takes over: a stand-in for it prints what it was called with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "run.py"


class Ran(NamedTuple):
    status: int
    out: str
    errors: list[str]


class Checkout:
    """A clone with nothing in it but the script, and a home directory beside it."""

    def __init__(self, base: Path) -> None:
        self.root, self.home, self.bin = base / "checkout", base / "home", base / "bin"
        (self.root / "scripts").mkdir(parents=True)
        self.home.mkdir()
        self.bin.mkdir()
        shutil.copy(SCRIPT, self.root / "scripts")
        daemon = self.bin / "gitsync"
        daemon.write_text('#!/bin/sh\necho "STARTED $*"\n')
        daemon.chmod(0o755)
        self.config = self.root / ".run" / "config.toml"

    def run(self, *argv: str, answers: str = "", **env: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "scripts/run.py", "--bin", str(self.bin), *argv],
            cwd=self.root,
            env=os.environ | {"HOME": str(self.home)} | env,
            check=False,
            input=answers,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Ran(done.returncode, done.stdout, done.stderr.splitlines())

    def watched(self) -> list[str]:
        return [repo["path"] for repo in tomllib.loads(self.config.read_text())["repo"]]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_a_work_tree_is_watched_without_a_question(checkout: Checkout) -> None:
    subprocess.run(["git", "init", "-q", checkout.home / "Notes"], check=True, timeout=60)
    ran = checkout.run("--dir", "~/Notes")
    assert ran.status == 0
    assert ran.out.splitlines()[-1] == f"STARTED --config {checkout.config}"
    assert f"{checkout.bin}/gitsyncctl status" in ran.out
    assert "[y/N]" not in ran.out
    assert checkout.watched() == ["~/Notes"]
    assert checkout.config.stat().st_mode & 0o777 == 0o600


def test_a_daemon_that_runs_already_is_said_before_anything_is_made(checkout: Checkout, tmp_path: Path) -> None:
    config = tmp_path / "empty.toml"
    config.write_text("")
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    env = {"XDG_RUNTIME_DIR": str(runtime), "XDG_STATE_HOME": str(tmp_path / "state")}
    gitsync = [str(Path(sys.executable).parent / "gitsync"), "--config", str(config)]
    with subprocess.Popen(gitsync, env=os.environ | env, stderr=subprocess.DEVNULL) as daemon:
        try:
            ends_at = time.monotonic() + 30
            while not list(runtime.rglob("socket")) and time.monotonic() < ends_at:
                time.sleep(0.05)
            ran = checkout.run("--dir", "~/new", answers="y\n", **env)
        finally:
            daemon.terminate()
    assert ran.status == 3
    assert ran.errors[0] == f"error: gitsync is already running with PID {daemon.pid}"
    assert not (checkout.home / "new").exists()


def test_one_yes_makes_a_missing_directory_and_its_repository(checkout: Checkout) -> None:
    ran = checkout.run("--dir", "~/New $x/a", answers="y\n")
    assert ran.status == 0
    assert (checkout.home / "New $x/a/.git/HEAD").exists()
    assert checkout.watched() == ["~/New $$x/a"]


def test_a_plain_directory_is_offered_a_repository(checkout: Checkout) -> None:
    (checkout.home / "plain").mkdir()
    ran = checkout.run("--dir", "~/plain", answers="y\n")
    assert "git init" in ran.out
    assert (ran.status, (checkout.home / "plain/.git/HEAD").exists()) == (0, True)


def test_init_1_is_a_yes(checkout: Checkout) -> None:
    assert checkout.run("--dir", "~/new", INIT="1").status == 0
    assert (checkout.home / "new/.git").exists()


@pytest.mark.parametrize("answers", ["", "n\n", "\n", "what?\n"], ids=["end of input", "no", "enter", "other"])
@pytest.mark.parametrize("is_there", [True, False])
def test_anything_but_yes_changes_nothing(checkout: Checkout, answers: str, is_there: bool) -> None:
    if is_there:
        (checkout.home / "x").mkdir()
    ran = checkout.run("--dir", "~/x", answers=answers)
    assert ran.status == 2
    assert [line.partition(":")[0] for line in ran.errors] == ["error", "hint"]
    assert "STARTED" not in ran.out
    assert (checkout.home / "x").exists() == is_there
    assert not (checkout.home / "x/.git").exists()
    assert not checkout.config.exists()


def test_what_cannot_be_watched_is_said_with_what_can(checkout: Checkout) -> None:
    top = checkout.home / "top"
    subprocess.run(["git", "init", "-q", top], check=True, timeout=60)
    subprocess.run(["git", "init", "-q", "--bare", checkout.home / "bare.git"], check=True, timeout=60)
    (top / "inside").mkdir()
    (top / "file").write_text("")
    for name, said in [
        ("top/inside", f"make run DIR={top}"),
        ("top/file", "not a directory"),
        ("bare.git", "clone it"),
    ]:
        ran = checkout.run("--dir", f"~/{name}", answers="y\n")
        assert ran.status == 2, name
        assert said in "\n".join(ran.errors)
    ran = checkout.run("--dir", "~no-such-user/x", answers="y\n")
    assert (ran.status, len(ran.errors)) == (2, 2)


def test_the_demo_is_made_once_and_kept(checkout: Checkout) -> None:
    first = checkout.run()
    assert first.status == 0
    notes = checkout.root / "demo/notes"
    assert (notes / "todo.txt").exists()
    assert (checkout.root / "demo/hub.git/HEAD").exists()
    (notes / "todo.txt").write_text("mine\n")
    assert checkout.run().status == 0
    assert (notes / "todo.txt").read_text() == "mine\n"
    assert checkout.watched() == [str(notes)]


def test_settings_that_somebody_changed_are_kept_or_moved_aside(checkout: Checkout) -> None:
    checkout.run("--dir", "~/one", answers="y\n")
    checkout.config.write_text(checkout.config.read_text() + 'quiet = "9s"\n')
    assert "kept as it was" in checkout.run("--dir", "~/one").out
    assert '"9s"' in checkout.config.read_text()
    checkout.run("--dir", "~/two", answers="y\n")
    assert checkout.watched() == ["~/two"]
    assert '"9s"' in (checkout.config.parent / "config-1.toml").read_text()
    checkout.run("--dir", "~/one")
    assert sorted(path.name for path in checkout.config.parent.iterdir()) == ["config-1.toml", "config.toml"]


def test_settings_with_a_fault_are_not_thrown_away(checkout: Checkout) -> None:
    checkout.run()
    checkout.config.write_text("[[repo]\n")
    ran = checkout.run()
    assert ran.status == 2
    assert str(checkout.config) in ran.errors[0]
    assert checkout.config.read_text() == "[[repo]\n"


def test_without_an_identity_it_says_so_and_goes_on(checkout: Checkout) -> None:
    ran = checkout.run()
    assert ran.status == 0
    assert "git config --global user.email" in ran.out
    (checkout.home / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n")
    assert "user.email" not in checkout.run().out
