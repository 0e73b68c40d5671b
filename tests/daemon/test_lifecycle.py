"""Start, stop, locks, signals, detaching, configuration: the life of the process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import BIN, Machine, machine, wait_for
from tests.needs import needs


def ps(fields: str) -> str:
    needs("ps")
    return subprocess.run(["ps", "-eo", fields], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "b") as it:
        yield it


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0(box: Machine, number: int) -> None:
    box.configure(box.repo())
    box.start()
    assert box.stop(number) == 0
    assert not (box.run_dir / "gitsync/socket").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_pass_that_is_ended_leaves_no_child_behind(box: Machine, number: int) -> None:
    root, told = box.repo(), box.home / "told"
    run_git(root, "remote", "add", "origin", "ssh://127.0.0.1/nowhere.git")
    (root / "pending.txt").write_text("pending\n")
    box.configure(root)
    hanging = box.home / "hanging-ssh"
    hanging.write_text(f"#!/bin/sh\necho $$ > {told}.new && mv {told}.new {told}\nexec sleep 600\n")
    hanging.chmod(0o755)
    env = {**box.env, "GIT_SSH_COMMAND": str(hanging)}
    with subprocess.Popen([str(BIN / "gitsync"), "--once", "-q"], env=env, stderr=subprocess.PIPE, text=True) as once:
        wait_for("the remote to be asked", told.exists)
        once.send_signal(number)
        assert (once.wait(40), once.stderr and once.stderr.read()) == (0, "")
    line = Path(f"/proc/{told.read_text().strip()}/cmdline")
    wait_for(
        "the child to end", lambda: not line.exists() or not line.read_bytes(), 10.0
    )  # empty: nobody has buried it
    assert "pending.txt" in run_git(root, "ls-files")


def test_a_second_daemon_refuses_and_names_the_pid(box: Machine) -> None:
    box.configure(box.repo())
    box.start()
    assert box.process is not None
    second = box.gitsync()
    assert second.returncode == 3
    assert f"PID {box.process.pid}" in second.stderr
    assert second.stderr.startswith("error: ")
    assert "hint: " in second.stderr
    assert box.gitsync("--once").returncode == 3


def test_a_repository_of_another_daemon_is_refused(box: Machine, other: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    assert box.process is not None
    other.configure(root)
    second = other.gitsync()
    assert second.returncode == 3
    assert f"PID {box.process.pid}" in second.stderr


def test_a_crash_leaves_no_lock_behind(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    box.stop(signal.SIGKILL)
    (root / "while-dead.txt").write_text("x\n")
    box.start()
    box.wait_committed(root)
    assert "while-dead.txt" in run_git(root, "ls-files")


def test_detached_with_pid_file_and_log(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    assert box.gitsync("--daemon").returncode == 0
    try:
        pid_file = box.home / ".local/state/gitsync/gitsync.pid"
        pid = int(pid_file.read_text())
        assert box.status()["daemon"]["pid"] == pid
        (root / "a.txt").write_text("a\n")
        box.wait_committed(root)
        log = box.home / ".local/state/gitsync/gitsync.log"
        wait_for("the log to tell of it", lambda: "Add a.txt" in log.read_text())
        assert "watching notes" in log.read_text(), "from its first line on"
        assert not log.with_name("gitsync.log.1").exists()
        assert box.gitsync("--daemon").returncode == 3
    finally:
        assert box.ctl("stop").returncode == 0
    wait_for("the PID file to go", lambda: not pid_file.exists())
    with pytest.raises(ProcessLookupError):
        wait_for("the process to go", lambda: os.kill(pid, 0))


def test_a_bad_configuration_is_refused_before_anything_starts(box: Machine) -> None:
    root = box.repo()
    box.write_config(f'[defaults]\nquiett = "2s"\n[[repo]]\npath = "{root}"\npull = "often"\n')
    for argv in ((), ("--daemon",), ("--once",), ("--check",)):
        done = box.gitsync(*argv)
        assert done.returncode == 2
        assert "quiett" in done.stderr
        assert '"quiet"' in done.stderr or "'quiet'" in done.stderr or "quiet" in done.stderr
        assert "often" in done.stderr
        assert "~/.config/gitsync/config.toml" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("argv", [("--bogus",), ("status",), ("--once", "--check"), ("--config",)])
def test_a_wrong_command_line_is_one_line_and_one_hint(box: Machine, argv: tuple[str, ...]) -> None:
    done = box.gitsync(*argv)
    assert (done.returncode, done.stdout) == (2, "")
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("hint: see: gitsync --help")


def test_check_says_what_would_be_watched_and_changes_nothing(box: Machine) -> None:
    root = box.repo()
    (root / "new.txt").write_text("x\n")
    box.configure(root)
    before = run_git(root, "rev-parse", "HEAD")
    done = box.gitsync("--check")
    assert done.returncode == 0
    assert str(root) in done.stdout
    assert run_git(root, "rev-parse", "HEAD") == before
    missing = box.home / "missing"
    box.configure(root, missing)
    done = box.gitsync("--check")
    assert done.returncode == 2
    assert "~/missing" in done.stderr


def test_a_check_that_nobody_reads_or_that_finds_no_room_is_no_bug(box: Machine) -> None:
    box.configure(box.repo())
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed, Path("/dev/full").open("wb") as full:
        for sink, status, said in ((closed, 0, ""), (full, 4, "error: cannot write the output")):
            argv = [str(BIN / "gitsync"), "--check"]
            done = subprocess.run(argv, check=False, env=box.env, stdout=sink, stderr=subprocess.PIPE, text=True)
            assert (done.returncode, done.stderr.split(":", 2)[:2]) == (status, said.split(":"))


def test_a_named_configuration_is_begun_by_watch(box: Machine) -> None:
    root, named = box.repo(), box.home / "new dir/x.toml"
    assert box.ctl("status", "--config", str(named)).returncode == 2
    done = box.ctl("watch", str(root), "--config", str(named))
    assert done.returncode == 0, done.stderr
    assert "[[repo]]" in named.read_text()
    assert json.loads(box.ctl("--config", str(named), "--json", "list").stdout)["repos"][0]["path"] == str(root)


def test_reload_takes_over_and_a_bad_file_changes_nothing(box: Machine) -> None:
    one, two = box.repo("one"), box.repo("two")
    box.configure(one)
    box.start()
    box.configure(one, two)
    assert box.process is not None
    box.process.send_signal(signal.SIGHUP)
    wait_for("the second repository", lambda: [repo["name"] for repo in box.status()["repos"]] == ["one", "two"])
    (two / "a.txt").write_text("a\n")
    box.wait_committed(two)
    box.write_config("[[repo]\n")
    done = box.ctl("reload")
    assert done.returncode == 2
    assert "error: " in done.stderr
    assert [repo["name"] for repo in box.status()["repos"]] == ["one", "two"]
    box.configure(two)
    assert box.ctl("reload").returncode == 0
    assert [repo["name"] for repo in box.status()["repos"]] == ["two"]
    (two / "b.txt").write_text("b\n")
    box.wait_committed(two)


def test_a_reload_takes_over_every_value_and_names_those_that_changed(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    text = box.config.read_text()
    box.write_config(text + '[daemon]\nlog_level = "error"\n')
    assert box.gitsync("--daemon").returncode == 0
    try:
        log = box.home / ".local/state/gitsync/gitsync.log"
        hook = '[hooks]\nafter_commit = ["echo seen >>~/seen"]\n'
        box.write_config(text.replace("100ms", "50ms") + hook)
        done = box.ctl("reload")
        assert 'daemon.log_level: "error" is now "info"' in done.stdout
        assert 'repo.notes.quiet: "100ms" is now "50ms"' in done.stdout
        assert "hooks.after_commit: [] is now [" in done.stdout
        (root / "a.txt").write_text("a\n")
        box.wait_committed(root)
        wait_for("the hook", (box.home / "seen").exists)
        assert "committed notes" in log.read_text()
        box.write_config(text + hook + '[daemon]\nlog_level = "error"\n')
        values = json.loads(box.ctl("reload", "--json").stdout)["values"]
        assert {"key": "daemon.log_level", "old": "info", "new": "error"} in values
        before = log.read_text()
        (root / "b.txt").write_text("b\n")
        box.wait_committed(root)
        assert log.read_text() == before
        assert box.ctl("reload").stdout == "nothing is different\n"
    finally:
        box.ctl("stop")


def test_the_ini_of_the_first_gitsync_is_read_as_it_is(box: Machine) -> None:
    root = box.repo()
    box.config.parent.parent.mkdir(parents=True, exist_ok=True)
    (box.home / ".config/gitsync").write_text(f"[gitsync]\nwork_dir = {root},\n")
    box.start()
    assert [repo["path"] for repo in box.status()["repos"]] == [str(root)]
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)


def test_a_reader_that_goes_away_does_no_harm(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    for _ in range(3):
        follower = subprocess.Popen(
            [str(BIN / "gitsyncctl"), "events", "--follow"], env=box.env, stdout=subprocess.DEVNULL
        )
        follower.kill()
        follower.wait()
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)


def test_version_is_one(box: Machine) -> None:
    assert box.gitsync("--version").stdout.split()[-1] == box.ctl("--version").stdout.split()[-1]


def test_a_pass_of_cron_mails_a_problem_once_and_nothing_offline(box: Machine, hub: Path) -> None:
    root, far = box.repo(remote=hub), box.repo("far")
    run_git(far, "remote", "add", "origin", "http://127.0.0.1:9/far.git")
    box.configure(root, far)
    run_git(root, "config", "remote.origin.url", str(hub.with_name("gone.git")))
    first = box.gitsync("--once", "-q")
    assert first.returncode == 1
    assert "notes: error: " in first.stderr
    assert first.stderr.count("there is no such repository") == 1, first.stderr
    assert "far" not in first.stderr
    assert (second := box.gitsync("--once", "-q")).stderr == ""
    assert second.returncode == 1
    run_git(root, "config", "remote.origin.url", str(hub))
    third = box.gitsync("--once", "-q")
    assert (third.stderr, third.returncode) == ("", 0)


def test_a_filter_that_hangs_at_the_stop_holds_back_its_own_file_alone(box: Machine) -> None:
    root = box.repo()
    run_git(root, "config", "filter.slow.clean", "sleep 50.7; cat")
    (root / ".gitattributes").write_text("*.slow filter=slow\n")
    box.configure(root)
    box.start()
    box.wait_committed(root)
    for name in ("a.slow", "b.txt", "c.txt"):
        (root / name).write_text(f"{name}\n")
    wait_for("the filter", lambda: "sleep 50.7" in ps("args"))
    began = time.monotonic()
    assert box.stop() == 0
    assert time.monotonic() - began < 15.0
    assert run_git(root, "status", "--porcelain") == "?? a.slow"


def test_at_rest_no_git_that_answered_for_rule_files_goes_on(box: Machine) -> None:
    needs("ps")
    root = box.repo()
    run_git(root, "config", "filter.up.clean", "tr a-z A-Z")
    (root / ".gitattributes").write_text("*.up filter=up\n")
    (root / ".gitignore").write_text("*.o\n!kept.o\n")
    box.configure(root)
    box.start()
    for name in ("a.up", "b.txt", "c.o"):
        (root / name).write_text("x\n")
    box.wait_committed(root)
    assert run_git(root, "show", "HEAD:a.up") == "X"
    assert box.process is not None
    children = ["ps", "-o", "args=", "--ppid", str(box.process.pid)]
    wait_for("its children to end", lambda: not subprocess.run(children, check=False, capture_output=True).stdout)


def test_as_the_first_process_it_collects_children_that_are_not_its_own(box: Machine) -> None:
    needs("unshare", "ps")
    root = box.repo()
    box.configure(root)
    # The orphan of a hook ends when nobody is left who waits for it.
    box.write_config(box.config.read_text() + "[hooks]\nafter_commit = ['(sleep 0.31 &)']\n")
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", str(BIN / "gitsync"), "-v"]
    with box.log.open("ab") as log:
        box.process = subprocess.Popen(command, env=box.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    if os.geteuid():
        pytest.skip("only root can make a namespace for processes")
    wait_for("the daemon to answer", lambda: box.status().get("daemon") is not None)
    assert box.status()["daemon"]["pid"] != 1
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)
    time.sleep(1.0)
    tree = ps("pid,ppid,stat,args")
    assert [line for line in tree.splitlines() if "<defunct>" in line and "sleep" in line] == []
    (root / "late.txt").write_text("late\n")
    subprocess.run(["pkill", "--signal", "TERM", "--parent", str(box.process.pid)], check=True)
    assert box.process.wait(30) == 0
    box.process = None
    assert run_git(root, "status", "--porcelain") == ""
