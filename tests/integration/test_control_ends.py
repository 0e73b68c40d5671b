"""How the installed gitsyncctl ends: with the daemon, with Ctrl-C, with its reader, with a bug."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.control import PATIENCE_S, PROGRAM, Daemon, ctl
from tests.fakes.dispatch import repo_status, status


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    made = Daemon(directory)
    yield made
    made.server.stop(PATIENCE_S)


def test_follow_shows_what_was_and_what_comes_and_ends_with_the_daemon(daemon: Daemon) -> None:
    daemon.dispatch.answers["events"] = {"events": [{"time": "t", "event": "commit", "repo": "a", "message": "old"}]}
    argv = [PROGRAM, "events", "--follow", "--json"]
    environment = {**os.environ, "GITSYNC_SOCKET": str(daemon.path)}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["message"] == "old"
        daemon.board.wait_for(1)
        daemon.board.publish({"time": "t", "event": "commit", "repo": "a", "message": "new"})
        assert json.loads(child.stdout.readline())["message"] == "new"
        daemon.server.stop(PATIENCE_S)
        rest, errors = child.communicate(timeout=60)
    assert child.returncode == 4
    assert json.loads(rest)["error"]["message"] == "gitsync has stopped"
    assert "error: gitsync has stopped" in errors


@pytest.mark.parametrize(("argv", "code"), [(["events", "--follow"], 0), (["sync", "--wait"], 130)])
def test_ctrl_c(daemon: Daemon, argv: list[str], code: int) -> None:
    asked, go = threading.Event(), threading.Event()

    def wait(params: dict[str, Any]) -> dict[str, Any]:
        asked.set()
        go.wait(PATIENCE_S)
        return {"repos": []}

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        asked.set()
        return {"events": []}

    daemon.dispatch.answers.update(sync=wait, events=answer)
    environment = {**os.environ, "GITSYNC_SOCKET": str(daemon.path)}
    with subprocess.Popen([PROGRAM, *argv], stderr=subprocess.PIPE, env=environment, text=True) as child:
        assert asked.wait(PATIENCE_S)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    go.set()
    assert (child.returncode, errors) == (code, "")


def test_stop_waits_until_the_process_is_gone_not_only_its_socket(daemon: Daemon) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        stdin = process.stdin
        assert stdin is not None

        def stop(params: dict[str, Any]) -> dict[str, Any]:
            threading.Timer(0.3, stdin.close).start()
            threading.Timer(0.0, daemon.server.stop, (PATIENCE_S,)).start()
            return {"pid": process.pid}

        daemon.dispatch.answers["stop"] = stop
        done = ctl(daemon.path, "stop")
        assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "")
        assert stdin.closed


def test_a_reader_that_has_seen_enough_is_no_error(daemon: Daemon) -> None:
    daemon.dispatch.answers["status"] = status(*(repo_status(f"r{n}" + "x" * 200) for n in range(2000)))
    done = subprocess.run(
        f"{PROGRAM} status | head -n 1",
        shell=True,
        # Unbuffered, Python takes a write that was cut short for a whole one, and never hears of the closed pipe.
        env={**os.environ, "GITSYNC_SOCKET": str(daemon.path), "PYTHONUNBUFFERED": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("gitsync ")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_told(daemon: Daemon) -> None:
    with open("/dev/full", "w") as full:
        done = ctl(daemon.path, "status", stdout=full)
    assert done.returncode == 4
    assert done.stderr.startswith("error: cannot write the output: No space left")


def test_an_old_locale_gets_escapes(daemon: Daemon) -> None:
    daemon.dispatch.answers["status"] = status(repo_status("日本", ahead=1, pending=1))
    done = ctl(daemon.path, "status", env={"PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 0
    assert "\\u65e5\\u672c" in done.stdout
    assert "pending 1, ahead 1" in done.stdout


def test_a_bug_ends_in_a_report(daemon: Daemon, tmp_path: Path) -> None:
    daemon.dispatch.answers["list"] = {"home": None, "repos": 5, "jobs": None}
    done = ctl(daemon.path, "list", env={"XDG_STATE_HOME": str(tmp_path / "state")})
    assert done.returncode == 70
    [report] = (tmp_path / "state").rglob("*.txt")
    assert done.stderr.startswith(f"error: a bug in gitsync; the report is in {report}\nhint: ")
    assert "Traceback" in report.read_text()
    assert "Traceback" not in done.stderr


def test_the_daemons_bug_is_status_70(daemon: Daemon) -> None:
    daemon.dispatch.answers["reload"] = ValueError("oops")
    done = ctl(daemon.path, "reload")
    assert done.returncode == 70
    assert done.stderr.startswith("error: the daemon met a bug in gitsync\nhint: ")
