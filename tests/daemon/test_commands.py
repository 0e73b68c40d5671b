"""The control command against the real daemon, and without one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import BIN, Machine, wait_for

REPO_KEYS = {
    "name",
    "path",
    "branch",
    "state",
    "reason",
    "pending",
    "ahead",
    "behind",
    "watch",
    "conflicts",
    "quarantined",
    "last_commit",
    "last_pull",
    "last_push",
    "error",
}


def test_status_has_the_promised_keys_with_and_without_a_daemon(box: Machine) -> None:
    box.configure(box.repo())
    done = box.ctl("status", "--json")
    without = json.loads(done.stdout)
    assert without["daemon"] is None
    box.start()
    box.wait_state("ok")
    document = json.loads(box.ctl("--json", "status").stdout)
    for one in (without, document):
        assert one.keys() >= {"version", "daemon", "repos", "home", "jobs"}
        assert one["repos"][0].keys() >= REPO_KEYS
        assert one["repos"][0]["branch"] == "main"
        assert len(one["repos"][0]["last_commit"]["id"]) == 40
    assert document["daemon"]["uptime_s"] > 0
    assert document["home"] is None
    assert document["jobs"] == []


def test_status_for_people_and_prompts(box: Machine) -> None:
    box.configure(box.repo())
    box.start()
    box.wait_state("ok")
    done = box.ctl("status")
    assert done.returncode == 0
    assert "notes" in done.stdout
    assert "\x1b" not in done.stdout
    assert len(box.ctl("status", "--short").stdout.splitlines()) == 1
    unknown = box.ctl("status", "notez")
    assert unknown.returncode == 2
    assert "notes" in unknown.stderr


def test_watch_and_unwatch_take_effect_at_once_and_keep_comments(box: Machine) -> None:
    one = box.repo("one")
    box.configure(one)
    box.config.write_text("# mine\n" + box.config.read_text())
    box.start()
    two = box.home / "two"
    refused = box.ctl("watch", str(two))
    assert refused.returncode == 2
    assert "--init" in refused.stderr
    done = box.ctl("watch", str(two), "--init", "--name", "second")
    assert done.returncode == 0, done.stderr
    assert box.config.read_text().startswith("# mine\n")
    (two / "a.txt").write_text("a\n")
    box.wait_committed(two)
    assert {repo["name"] for repo in box.status()["repos"]} == {"one", "second"}
    assert box.ctl("watch", str(two)).returncode == 0
    assert box.ctl("unwatch", "second").returncode == 0
    assert {repo["name"] for repo in box.status()["repos"]} == {"one"}
    assert (two / "a.txt").exists()
    listed = json.loads(box.ctl("list", "--json").stdout)
    assert [repo["path"] for repo in listed["repos"]] == [str(one)]


def test_watch_without_a_daemon_writes_the_configuration(box: Machine) -> None:
    root = box.repo()
    assert box.ctl("watch", "notes").returncode == 0
    box.start()
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)


@pytest.mark.parametrize("is_running", [True, False])
def test_what_is_there_at_watch_init_is_committed_before_it_returns(box: Machine, is_running: bool) -> None:
    root = box.home / "new"
    root.mkdir()
    (root / "a.txt").write_text("first\n")
    box.write_config('[defaults]\nquiet = "5s"\nmax_wait = "30s"\n')
    if is_running:
        box.start()
    done = box.ctl("watch", str(root), "--init")
    assert done.returncode == 0, done.stderr
    (root / "a.txt").write_text("second\n")
    assert run_git(root, "show", "HEAD:a.txt") == "first"
    assert box.ctl("restore", str(root / "a.txt")).returncode == 0
    assert (root / "a.txt").read_text() == "first\n"


def test_a_watch_that_fails_leaves_nothing_behind(box: Machine) -> None:
    box.configure(box.repo())
    done = box.ctl("watch", "a b/new", "--init", "--name", "notes")
    assert done.returncode == 2
    assert "is taken by another repository" in done.stderr
    assert not (box.home / "a b").exists()


@pytest.mark.soak
def test_a_name_may_be_typed_in_another_case(box: Machine) -> None:
    root = box.repo("Notes")
    box.configure(root)
    (root / "a.txt").write_text("a\n")
    for argv in (["sync", "notes"], ["log", "notes"], ["restore", "notes:a.txt", "--list"], ["show", "--in", "NOTES"]):
        done = box.ctl(*argv, *(["HEAD:a.txt"] if argv[0] == "show" else []))
        assert done.returncode == 0, done.stderr
    (root / "a.txt").unlink()
    box.ctl("sync", "notes")
    gone = box.ctl("show", "HEAD:a.txt", "--in", "notes")
    assert gone.stderr.endswith("hint: when it was there: gitsyncctl log ~/Notes/a.txt\n")
    assert box.ctl("unwatch", "notes").returncode == 0
    assert json.loads(box.ctl("list", "--json").stdout)["repos"] == []


def test_pause_holds_and_resume_goes_on(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    box.wait_state("ok")
    assert box.ctl("pause", "notes").returncode == 0
    head = run_git(root, "rev-parse", "HEAD")
    (root / "a.txt").write_text("a\n")
    wait_for("the note", lambda: box.repo_status()["pending"])
    assert box.repo_status()["state"] == "paused"
    assert box.ctl("sync", "--wait").returncode in (0, 1)
    assert run_git(root, "rev-parse", "HEAD") == head
    assert box.ctl("resume").returncode == 0
    box.wait_committed(root)
    assert box.ctl("pause", "notes", "--for", "1s").returncode == 0
    (root / "b.txt").write_text("b\n")
    box.wait_committed(root)


def test_sync_works_without_a_daemon(box: Machine, hub: Path) -> None:
    root = box.repo(remote=hub)
    box.configure(root)
    (root / "a.txt").write_text("a\n")
    done = box.ctl("sync")
    assert done.returncode == 0, done.stderr
    assert run_git(hub, "show", "main:a.txt") == "a"


def test_commands_that_need_the_daemon_say_so(box: Machine) -> None:
    box.configure(box.repo())
    for argv in (("reload",), ("stop",), ("events",), ("pause",)):
        done = box.ctl(*argv)
        assert done.returncode == 3, argv
        assert "gitsync is not running" in done.stderr
        assert "hint: " in done.stderr


def test_events_are_json_lines_that_follow(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    box.wait_state("ok")
    follower = subprocess.Popen(
        [str(BIN / "gitsyncctl"), "events", "--follow", "--json"], env=box.env, stdout=subprocess.PIPE, text=True
    )
    try:
        assert follower.stdout is not None
        (root / "seen.txt").write_text("x\n")
        for line in follower.stdout:
            event = json.loads(line)
            if event["event"] == "committed" and "seen.txt" in event["message"]:
                assert event["repo"] == "notes"
                break
    finally:
        follower.kill()
        follower.communicate()


def test_config_get_set_check_path(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    assert box.ctl("config", "path").stdout.strip() == str(box.config)
    assert box.ctl("config", "check").returncode == 0
    assert box.ctl("config", "set", "repo.notes.quiet", "300ms").returncode == 0
    assert "300ms" in box.ctl("config", "get", "repo.notes.quiet").stdout
    bad = box.ctl("config", "set", "repo.notes.quiet", "soon")
    assert bad.returncode == 2
    assert "300ms" in box.config.read_text()
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)


def test_stop_ends_the_daemon(box: Machine) -> None:
    box.configure(box.repo())
    box.start()
    assert box.ctl("stop").returncode == 0
    assert box.process is not None
    assert box.process.wait(30) == 0
    assert box.ctl("stop").returncode == 3
