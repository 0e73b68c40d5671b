"""The installed gitsyncctl as a child process, against a real server with scripted answers: what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitsync import clock
from gitsync.errors import ConfigError, OperationError, UsageError
from gitsync.version import VERSION
from tests.fakes.control import PATIENCE_S, Daemon, ctl
from tests.fakes.dispatch import repo_status, status

HOSTILE = "a\x1b[2J\n\udcff.txt"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    made = Daemon(directory)
    yield made
    made.server.stop(PATIENCE_S)


def ago(seconds: float) -> str:
    return clock.iso(clock.SystemClock().wall() - seconds)


def test_status_of_a_good_day(daemon: Daemon) -> None:
    commit = {"id": "a" * 40, "time": ago(130), "message": "Add a.txt"}
    daemon.dispatch.answers["status"] = status(
        repo_status("notes", last_commit=commit, path=f"{os.environ['HOME']}/Notes"),
        repo_status("thesis", state="pending", pending=2, ahead=1),
    )
    done = ctl(daemon.path, "status")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"gitsync {VERSION}, running for 9 s (PID 123)",
        "notes   ok       main  last commit 'Add a.txt' 2 min ago  ~/Notes",
        "thesis  pending  main  pending 2 · ahead 1                /home/u/thesis",
    ]


def test_status_loads_little(daemon: Daemon) -> None:
    daemon.dispatch.answers["status"] = status(repo_status(last_commit={"id": "a", "time": ago(9), "message": "m"}))
    program = "import sys; from gitsync.cli.main import main; main(['status', 'notes']); print(*sys.modules)"
    environment = {**os.environ, "GITSYNC_SOCKET": str(daemon.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    heavy = {"argparse", "dataclasses", "logging", "platformdirs", "socket", "subprocess", "threading", "tomllib"}
    heavy |= {
        "gitsync.daemon",
        "gitsync.engine",
        "gitsync.config",
        "gitsync.git",
        "gitsync.watch",
        "pygit2",
        "watchdog",
    }
    assert "notes  ok" in done.stdout
    assert heavy.isdisjoint(done.stdout.split())


def test_status_says_what_needs_doing_and_how(daemon: Daemon) -> None:
    daemon.dispatch.answers["status"] = status(
        repo_status("a", state="conflict", conflicts=[HOSTILE]),
        repo_status("b", quarantined=[{"path": "id_rsa", "why": "secret: private key"}], notes=["a note"]),
        repo_status("c", state="halted", reason="90 of 100 files are gone"),
        repo_status("d", state="auth", error={"code": "auth", "message": "no key", "hint": "run: ssh-add"}),
    )
    done = ctl(daemon.path, "status")
    assert done.returncode == 1
    for line in (
        r"a\x1b[2J\n\xff.txt",
        "  hint: to see the versions and resolve it: gitsyncctl conflicts a",
        "  not committed: id_rsa (secret: private key)",
        "  note: a note",
        "  hint: if this is meant: gitsyncctl resume c --accept",
        "  no key",
        "  hint: run: ssh-add",
    ):
        assert line in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("argv", [["--json", "status"], ["status", "--json"], ["status", "--json", "--short"]])
def test_json_is_the_document_itself(daemon: Daemon, argv: list[str]) -> None:
    document = status(repo_status(conflicts=[HOSTILE]), home=None)
    daemon.dispatch.answers["status"] = document
    done = ctl(daemon.path, *argv)
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (1, document, "")


@pytest.mark.parametrize(
    ("repos", "shown", "code"),
    [
        ([repo_status("a"), repo_status("b")], "✓ 2 repos", 0),
        ([repo_status("a"), repo_status("b", state="conflict")], "! b: conflict", 1),
        ([repo_status("a", state="syncing")], "… 1 repo, 1 syncing", 0),
        ([repo_status("a", state="offline"), repo_status("b")], "- 2 repos, 1 offline", 0),
    ],
)
def test_short_status_is_one_line(daemon: Daemon, repos: list[Any], shown: str, code: int) -> None:
    daemon.dispatch.answers["status"] = status(*repos)
    done = ctl(daemon.path, "status", "--short")
    assert (done.returncode, done.stdout) == (code, shown + "\n")


def test_home_and_jobs_are_shown(daemon: Daemon) -> None:
    home = {**repo_status("home"), "repo": "/h/mirror", "tracked": 3, "broken": [{"path": ".vimrc", "type": "B"}]}
    job = {"name": "thesis", "backend": "git", "mode": "both", "state": "error", "last_run": ago(60), "next_run": None}
    daemon.dispatch.answers["status"] = status(
        home=home, jobs=[{**job, "error": {"code": "x", "message": "the server said no", "hint": "ask it"}}]
    )
    done = ctl(daemon.path, "status")
    assert done.returncode == 1
    for line in ("/h/mirror", "B ~/.vimrc", "3 tracked files", "last run 1 min ago", "the server said no"):
        assert line in done.stdout


def test_names_stay_names_and_paths_become_absolute(daemon: Daemon, tmp_path: Path) -> None:
    ctl(daemon.path, "status", "notes", "./x/../y", ".", cwd=tmp_path)
    assert daemon.dispatch.asked[-1][1]["names"] == ["notes", f"{tmp_path}/y", str(tmp_path)]


def test_a_bare_directory_is_tried_when_no_repository_is_called_so(daemon: Daemon, tmp_path: Path) -> None:
    def answer(params: dict[str, Any]) -> dict[str, Any]:
        if params["name"] == "Notes":
            raise UsageError("there is no repository 'Notes'", "there are: a")
        return {"name": "n", "path": params["name"]}

    daemon.dispatch.answers["unwatch"] = answer
    (tmp_path / "Notes").mkdir()
    done = ctl(daemon.path, "unwatch", "Notes", cwd=tmp_path)
    assert (done.returncode, daemon.dispatch.asked[-1][1]) == (0, {"name": f"{tmp_path}/Notes"})
    done = ctl(daemon.path, "unwatch", "Notes", cwd="/")
    assert (done.returncode, done.stderr) == (2, "error: there is no repository 'Notes'\nhint: there are: a\n")


SAID = [
    (["watch", "/n"], {"name": "n", "path": "/n", "created": False, "already": False}, "watching /n as n"),
    (["watch", "/n", "--init"], {"name": "n", "path": "/n", "created": True, "already": False}, "made a new git"),
    (["watch", "/n"], {"name": "n", "path": "/n", "created": False, "already": True}, "watched already, as n"),
    (["unwatch", "n"], {"name": "n", "path": "/n"}, "no longer watching n (/n)"),
    (["sync", "--wait"], {"repos": [repo_status()]}, "notes  ok  main"),
    (
        ["pause", "--for", "1h"],
        {"paused": ["a", "b"], "until": "2026-02-03T14:05:06+00:00"},
        "a, b until 2026-02-03 14",
    ),
    (["pause"], {"paused": ["a"], "until": None}, "paused a until: gitsyncctl resume"),
    (["resume", "--accept"], {"resumed": ["a"]}, "resumed a"),
    (["reload"], {"added": ["a"], "removed": [], "changed": ["b"]}, "added: a; changed: b"),
    (["reload"], {"added": [], "removed": [], "changed": []}, "nothing is different"),
    (
        ["list"],
        {"home": [], "repos": [{"name": "n", "path": "/n", "remote": "", "branch": "main"}], "jobs": []},
        "n  main  local only  /n",
    ),
    (
        ["events"],
        {"events": [{"time": "2026-02-03T14:05:06+00:00", "event": "commit", "repo": "n", "message": "n: 2 files"}]},
        "2026-02-03 14:05:06  n: 2 files",
    ),
]


@pytest.mark.parametrize(("argv", "answer", "shown"), SAID, ids=lambda value: " ".join(value) if value else None)
def test_what_each_command_says(daemon: Daemon, argv: list[str], answer: dict[str, Any], shown: str) -> None:
    daemon.dispatch.answers[argv[0]] = answer
    done = ctl(daemon.path, *argv)
    assert (done.returncode, done.stderr) == (0, "")
    assert shown in done.stdout
    done = ctl(daemon.path, *argv, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == (answer["events"][0] if argv == ["events"] else answer)


ERRORS = [
    (UsageError("no such name", "there is: a"), 2, "error: no such name\nhint: there is: a\n"),
    (OperationError("it broke\x1b[2J", "mend\x07"), 4, "error: it broke\\x1b[2J\nhint: mend\\x07\n"),
    (ConfigError(["one", "two"], "mend"), 2, "error: one\nerror: two\nhint: mend\n"),
]


@pytest.mark.parametrize(("error", "code", "shown"), ERRORS, ids=str)
def test_errors_are_told_with_what_to_do(daemon: Daemon, error: Any, code: int, shown: str) -> None:
    daemon.dispatch.answers["reload"] = error
    done = ctl(daemon.path, "reload")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", shown)
    done = ctl(daemon.path, "reload", "--json")
    assert json.loads(done.stdout) == {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
    assert done.returncode == code


@pytest.mark.parametrize("argv", [["pause"], ["resume"], ["events"], ["events", "--follow"], ["reload"], ["stop"]])
def test_what_needs_the_daemon_says_so(tmp_path: Path, argv: list[str]) -> None:
    done = ctl(tmp_path / "socket", *argv)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[0] == "error: gitsync is not running"
    assert done.stderr.splitlines()[1].startswith("hint: start it with: gitsync")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["statsu"], "hint: did you mean: gitsyncctl status"),
        (["xyzzy"], "hint: gitsyncctl --help"),
        (["--jsn", "status"], "error: there is no option --jsn"),
        (["status", "--jsn"], "error: unrecognized arguments: --jsn"),
        (["watch"], "DIR"),
        (["pause", "--for", "soon"], "soon"),
        (["config", "get"], "error: config get takes KEY"),
        (["status", "--socket", "/" + "x" * 200], "longer than"),
    ],
)
def test_wrong_usage(tmp_path: Path, argv: list[str], told: str) -> None:
    done = ctl(tmp_path / "socket", *argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def test_help_and_version(tmp_path: Path) -> None:
    assert ctl(tmp_path / "s", "--version").stdout == f"gitsyncctl {VERSION}\n"
    for argv in (["--help"], ["-h"], ["help"]):
        assert "examples:" in ctl(tmp_path / "s", *argv).stdout
    for argv in (["status", "--help"], ["help", "status"]):
        done = ctl(tmp_path / "s", *argv)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: gitsyncctl status")


def test_without_a_command_there_is_an_overview(daemon: Daemon, tmp_path: Path) -> None:
    daemon.dispatch.answers["status"] = status(repo_status("notes"))
    done = ctl(daemon.path)
    assert done.returncode == 0
    assert "notes  ok" in done.stdout
    assert "gitsyncctl sync" in done.stdout
    done = ctl(tmp_path / "none")
    assert (done.returncode, done.stderr) == (0, "")
    assert "gitsync is not running" in done.stdout
