"""Jobs of the daemon, and the same by command without one: git and rsync, reports, brakes, history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for
from tests.fakes.git_client import heads
from tests.needs import needs


def make_hub(box: Machine) -> Path:
    home = box.home
    hub = home / "hub.git"
    run_git(home, "init", "--quiet", "--bare", "--initial-branch=main", str(hub))
    source = home / "source"
    run_git(home, "clone", "--quiet", str(hub), str(source))
    (source / "a.txt").write_text("a\n")
    run_git(source, "add", ".")
    run_git(source, "commit", "--quiet", "-m", "first")
    run_git(source, "push", "--quiet", "origin", "HEAD:main", "HEAD:draft")
    return hub


def jobs(box: Machine) -> dict[str, dict[str, Any]]:
    return {job["name"]: job for job in box.status()["jobs"]}


def answer(box: Machine, *argv: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(box.ctl(*argv, "--json").stdout)
    return document


def test_a_git_job_and_an_rsync_job_run_on_their_schedule(box: Machine) -> None:
    needs("rsync")
    hub, home = make_hub(box), box.home
    music, server = home / "music", home / "server"
    music.mkdir()
    server.mkdir()
    (music / "song").write_text("la")
    box.write_config(
        f'[[job]]\npath = "{home}/thesis"\nurl = "{hub}"\nevery = "1s"\n'
        f'[[job]]\npath = "{music}"\nbackend = "rsync"\nurl = "{server}"\nevery = "1s"\nmax_deletes = 1\n'
    )
    box.start()
    wait_for("the clone", lambda: (home / "thesis/a.txt").exists())
    wait_for("the copy", lambda: (server / "song").exists())
    wait_for("every branch", lambda: heads(home / "thesis").keys() == {"main", "draft"})
    wait_for("both to have run", lambda: all(job["last_run"] for job in jobs(box).values()))
    found = jobs(box)
    assert (found["thesis"]["backend"], found["thesis"]["mode"]) == ("git", "both")
    assert (found["music"]["backend"], found["music"]["error"]) == ("rsync", None)

    (music / "song").write_text("la la")
    wait_for("the change", lambda: (server / "song").read_text() == "la la")
    for number in range(3):
        (music / f"{number}").write_text("x")
    wait_for("three more", lambda: (server / "2").exists())
    wait_for("the job to rest", lambda: jobs(box)["music"]["state"] == "ok")
    for number in range(3):
        (server / f"{number}").unlink()
    wait_for("the brake", lambda: jobs(box)["music"]["state"] == "halted")
    assert jobs(box)["music"]["error"]["code"] == "mass-deletion"
    assert box.ctl("status").returncode == 1
    assert (music / "0").exists()
    box.stop()
    box.start()
    assert jobs(box)["music"]["state"] == "halted", "a restart does not take a brake off"
    assert box.ctl("resume", "music", "--accept").returncode == 0
    wait_for("the deletion", lambda: not (music / "0").exists())
    box.stop()


def test_a_run_goes_on_over_failures_and_reports(box: Machine) -> None:
    hub, home = make_hub(box), box.home
    conf = home / "mine.conf"
    conf.write_text(
        f'[git]\n{home}/thesis {hub} "Ada Lovelace" ada@example.org\n{home}/nowhere {home}/no-such.git\nnonsense\n'
    )
    done = box.ctl("pull", "-f", str(conf))
    assert done.returncode == 1
    assert "thesis" in done.stdout
    assert "no-such.git" in done.stdout
    assert "hint: " in done.stdout
    assert "~/mine.conf:4: " in done.stderr
    assert (home / "thesis/a.txt").read_text() == "a\n"
    assert run_git(home / "thesis", "config", "user.name") == "Ada Lovelace"

    run_git(home / "thesis", "branch", "mine")
    pushed = answer(box, "push", "-f", str(conf))
    found = {job["name"]: job for job in pushed["jobs"]}
    assert [item["code"] for item in found["thesis"]["items"]] == ["pushed"]
    assert found["nowhere"]["error"]["code"] == "not-found"
    assert "mine" in heads(hub)

    run_git(hub, "branch", "theirs", "main")
    run_git(home / "thesis", "branch", "mine-too")
    both = answer(box, "sync", "-f", str(conf), "thesis")
    assert {item["code"] for item in both["jobs"][0]["items"]} == {"created", "pushed"}
    assert [f"{conf}:4: " in fault for fault in both["faults"]] == [True]
    assert box.ctl("sync", "-f", str(conf), "nobody").returncode == 2
    assert box.ctl("sync", "--accept").returncode == 2
    conf.write_text("[git]\n~/My papers\n")
    for command in ("push", "sync", "set-conf"):
        nothing = box.ctl(command, "-f", str(conf))
        assert (nothing.returncode, f"{conf.name}:2: " in nothing.stderr) == (2, True), "nothing in it can be run"
        assert "\nhint: " in nothing.stderr


def test_a_file_alone_has_its_brakes_taken_off_by_the_same_command(box: Machine) -> None:
    needs("rsync")
    home = box.home
    for name in ("here", "there"):
        (home / name).mkdir()
    (home / "here/a.txt").write_text("a")
    conf = home / "mine.conf"
    conf.write_text(f"[rsync]\n{home}/here {home}/there\n")
    assert box.ctl("sync", "-f", str(conf)).returncode == 0
    (home / "there/a.txt").unlink()
    halted = answer(box, "sync", "-f", str(conf))["jobs"][0]
    assert (halted["state"], halted["error"]["code"]) == ("halted", "side-emptied")
    assert halted["error"]["hint"].endswith(f"gitsyncctl sync -f {conf} here --accept")
    assert (home / "here/a.txt").exists()
    assert box.ctl("sync", "-f", str(conf), "here", "--accept").returncode == 0
    assert not (home / "here/a.txt").exists()


def test_set_conf_sets_what_is_configured_and_nothing_else(box: Machine) -> None:
    hub, home = make_hub(box), box.home
    root = box.repo("thesis", remote=Path("/old/address.git"))
    run_git(root, "config", "core.editor", "vim")
    before = heads(root)
    (home / ".sync-conf").mkdir()
    (home / ".sync-conf/a.conf").write_text(f'[git]\n{root} {hub} "Ada Lovelace" ada@example.org\n')
    done = box.ctl("set-conf")
    assert done.returncode == 0, done.stderr
    assert "/old/address.git" in done.stdout
    assert run_git(root, "remote", "get-url", "origin") == str(hub)
    assert run_git(root, "config", "user.email") == "ada@example.org"
    assert run_git(root, "config", "core.editor") == "vim"
    assert heads(root) == before
    assert "already as configured" in box.ctl("set-conf").stdout


@pytest.mark.soak
def test_a_branch_is_deleted_with_and_without_a_daemon(box: Machine) -> None:
    hub, home = make_hub(box), box.home
    box.write_config(f'[[job]]\npath = "{home}/thesis"\nurl = "{hub}"\nevery = "off"\n')
    assert box.ctl("pull").returncode == 0
    done = box.ctl("delete-branch", "thesis", "draft")
    assert done.returncode == 0, done.stderr
    assert "draft" in done.stdout
    assert box.ctl("delete-branch", "thesis", "main").returncode == 4
    assert box.ctl("sync", "thesis").returncode == 0
    assert heads(hub).keys() == {"main"}
    assert heads(home / "thesis").keys() == {"main"}
    run_git(home / "thesis", "branch", "other")
    box.start()
    assert box.ctl("push", "thesis").returncode == 0
    assert "other" in heads(hub)
    assert box.ctl("delete-branch", str(home / "thesis"), "other").returncode == 0
    assert box.ctl("sync", "--wait", "thesis").returncode == 0
    assert heads(hub).keys() == {"main"}
    box.stop()


@pytest.mark.soak
def test_a_branch_of_a_job_that_only_a_named_file_has_is_deleted(box: Machine) -> None:
    hub, home = make_hub(box), box.home
    conf = home / "work.conf"
    conf.write_text(f"[git]\n{home}/thesis {hub}\n")
    assert box.ctl("pull", "-f", str(conf)).returncode == 0
    done = box.ctl("delete-branch", "thesis", "draft")
    assert done.returncode == 2
    assert "no job" in done.stderr
    assert box.ctl("delete-branch", "-f", str(conf), str(home / "thesis"), "draft").returncode == 0
    assert box.ctl("sync", "-f", str(conf)).returncode == 0
    assert heads(hub).keys() == heads(home / "thesis").keys() == {"main"}
    runs = json.loads(box.ctl("log", "--job", "thesis", "-f", str(conf), "--json").stdout)["runs"]
    assert [run["direction"] for run in runs] == ["both", "pull"]
    assert box.ctl("log", "-f", str(conf)).returncode == 2


def test_pull_and_push_go_one_way_for_watched_repositories_too(box: Machine) -> None:
    hub = make_hub(box)
    root = box.home / "notes"
    run_git(box.home, "clone", "--quiet", str(hub), str(root))
    box.configure(root, extra='pull = "off"\npush = "off"\n')
    (box.home / "source/b.txt").write_text("b\n")
    run_git(box.home / "source", "add", ".")
    run_git(box.home / "source", "commit", "--quiet", "-m", "second")
    run_git(box.home / "source", "push", "--quiet", "origin", "HEAD:main")
    (root / "mine.txt").write_text("mine\n")
    before = heads(hub)
    done = box.ctl("push", "notes")
    assert done.returncode == 1, done.stdout
    assert "gitsyncctl pull notes" in done.stdout
    assert heads(hub) == before
    assert box.ctl("pull", "notes").returncode == 0
    assert (root / "b.txt").exists()
    assert heads(hub) == before
    assert box.ctl("push", "notes").returncode == 0
    assert heads(hub)["main"] == heads(root)["main"]


def test_once_runs_what_is_due(box: Machine) -> None:
    hub, home = make_hub(box), box.home
    box.write_config(
        f'[[job]]\npath = "{home}/thesis"\nurl = "{hub}"\nevery = "1h"\n'
        f'[[job]]\npath = "{home}/asked"\nurl = "{hub}"\nevery = "off"\n'
    )
    assert box.gitsync("--once").returncode == 0
    assert (home / "thesis/a.txt").exists()
    assert not (home / "asked").exists()
    (home / "thesis/a.txt").unlink()
    run_git(home / "thesis", "branch", "later")
    assert box.gitsync("--once").returncode == 0
    assert "later" not in heads(hub), "the hour is not over"


def test_a_question_of_a_job_has_an_id_and_is_answered_by_command(box: Machine) -> None:
    hub, home = make_hub(box), box.home
    box.write_config(f'[[job]]\npath = "{home}/thesis"\nurl = "{hub}"\nevery = "off"\n')
    box.ctl("sync", "thesis", "--wait")
    run_git(home / "source", "commit", "--quiet", "--amend", "-m", "reworded")
    run_git(home / "source", "push", "--quiet", "--force", "origin", "HEAD:main", "HEAD:draft")
    for is_daemon in (False, True):
        if is_daemon:
            box.start()
        done = box.ctl("sync", "thesis", "--wait")
        assert (done.returncode, jobs(box)["thesis"]["state"]) == (1, "error")
        asked = {question["branch"]: question for question in jobs(box)["thesis"]["questions"]}
        assert asked.keys() == ({"main", "draft"} if not is_daemon else {"draft"})
        assert {question["kind"] for question in asked.values()} == {"rewritten"}
        refused = box.ctl("resume", "thesis", "--accept")
        assert refused.returncode == 2
        assert "--answer take" in refused.stderr
        branch = "main" if not is_daemon else "draft"
        if not is_daemon:
            assert box.ctl("resume", "thesis", "--answer", "take").returncode == 2, "which of the two?"
            assert box.ctl("push", "thesis", "--accept").returncode == 1
        assert heads(home / "thesis")[branch] != heads(hub)[branch]
        done = box.ctl("resume", "thesis", "--answer", "take", asked[branch]["id"])
        assert done.returncode == (0 if is_daemon else 1), done.stdout + done.stderr
        assert heads(home / "thesis")[branch] == heads(hub)[branch]
    assert jobs(box)["thesis"]["state"] == "ok"
    assert jobs(box)["thesis"]["questions"] == []
    assert box.ctl("resume", "thesis", "--answer", "take").returncode == 2
    box.stop()


def test_a_job_and_a_repository_of_one_name_are_told_apart(box: Machine) -> None:
    hub, root = make_hub(box), box.repo()
    box.write_config(
        f'[[repo]]\npath = "{root}"\n[[job]]\nname = "notes"\npath = "{box.home}/x"\nurl = "{hub}"\nevery = "off"\n'
    )
    box.start()
    for command in ("pause", "resume"):
        said = box.ctl(command, "notes").stdout
        assert "the repository notes, the job notes" in said
    box.stop()


def test_sync_without_a_name_runs_every_job(box: Machine) -> None:
    needs("rsync")
    hub, home = make_hub(box), box.home
    (home / "server").mkdir()
    (home / "music").mkdir()
    box.write_config(
        f'[[job]]\npath = "{home}/thesis"\nurl = "{hub}"\nevery = "off"\n'
        f'[[job]]\npath = "{home}/music"\nbackend = "rsync"\nurl = "{home}/server"\nevery = "off"\n'
    )
    (home / "music/one").write_text("1")
    assert box.ctl("sync").returncode == 0
    assert (home / "thesis/a.txt").exists()
    assert (home / "server/one").exists()
    box.start()
    (home / "music/two").write_text("2")
    assert box.ctl("sync", "--wait").returncode == 0
    assert (home / "server/two").exists()
    box.stop()


def test_a_run_of_a_job_is_undone_by_command(box: Machine) -> None:
    hub, home = make_hub(box), box.home
    (home / "server").mkdir()
    box.write_config(
        f'[[job]]\npath = "{home}/thesis"\nurl = "{hub}"\nevery = "off"\n'
        f'[[job]]\npath = "{home}/music"\nbackend = "rsync"\nurl = "{home}/server"\nevery = "off"\n'
    )
    box.ctl("sync", "thesis")
    (home / "source/a.txt").write_text("b\n")
    run_git(home / "source", "commit", "--quiet", "-am", "second")
    run_git(home / "source", "push", "--quiet", "origin", "HEAD:main", "HEAD:draft")
    box.ctl("sync", "thesis")
    assert answer(box, "undo", "thesis", "--list")["changes"][0]["branches"] == ["draft", "main"]
    assert "would undo" in box.ctl("undo", "thesis", "--dry-run").stdout
    box.start()
    done = box.ctl("undo", "thesis")
    assert (done.returncode, "on 2 branches" in done.stdout) == (0, True), done.stdout + done.stderr
    assert (home / "thesis/a.txt").read_text() == "a\n"
    assert run_git(home / "thesis", "show", "draft:a.txt") == "a"
    refused = box.ctl("undo", "music")
    assert (refused.returncode, "keeps no versions" in refused.stderr) == (2, True)
    box.stop()
