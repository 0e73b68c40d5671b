"""A second machine begins on the remote's branch, whatever this machine's git would call its first one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import BIN, Machine, wait_for


def a_server(base: Path, branch: str) -> Path:
    """A bare repository whose HEAD is `branch`."""
    hub = base / f"{branch}.git"
    run_git(base, "init", "-q", "--bare", "-b", branch, str(hub))
    seed = base / f"seed-{branch}"
    run_git(base, "clone", "-q", str(hub), str(seed))
    (seed / "a.txt").write_text("a\n")
    run_git(seed, "add", "-A")
    run_git(seed, "commit", "-qm", "seed")
    run_git(seed, "push", "-q", "origin", f"HEAD:{branch}")
    return hub


def roots(hub: Path) -> int:
    return len(run_git(hub, "rev-list", "--max-parents=0", "--branches").split())


def test_a_clone_of_notes_leaves_home_alone_and_is_named_after_its_url(box: Machine, tmp_path: Path) -> None:
    hub = a_server(tmp_path, "main")
    (box.home / "a.txt").write_text("mine\n")
    done = subprocess.run(
        [BIN / "gitsyncctl", "clone", str(hub), "--json"],
        cwd=box.home, env=box.env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["path"], answer["watched"], answer["branch"]) == (str(box.home / "main"), True, "main")
    assert (box.home / "a.txt").read_text() == "mine\n"
    assert (box.home / "main/a.txt").read_text() == "a\n"
    again = box.ctl("clone", str(hub), str(box.home / "main"))
    assert again.returncode == 2
    assert "already exists" in again.stderr


def test_a_clone_that_fails_says_why_and_leaves_nothing(box: Machine, tmp_path: Path) -> None:
    done = box.ctl("clone", str(tmp_path / "none.git"), str(box.home / "x"))
    assert done.returncode in (2, 4)
    assert "none.git" in done.stderr
    assert "hint: " in done.stderr
    assert not (box.home / "x").exists()


@pytest.mark.parametrize("kind", ["--watch", "--home"])
def test_a_clone_that_fails_removes_nothing_of_others(box: Machine, tmp_path: Path, kind: str) -> None:
    """Somebody fills the directory between the look at it and git's own: here, while git is started."""
    hub, root, programs = a_server(tmp_path, "main"), box.home / "x", tmp_path / "programs"
    programs.mkdir()
    git = programs / "git"
    git.write_text(
        f"""#!/bin/sh
case " $* " in
*" clone "*" {root} "*) mkdir -p {root}/.git && echo mine >{root}/draft.txt && echo mine >{root}/.git/mine ;;
esac
PATH={os.environ["PATH"]}
exec git "$@"
"""
    )
    git.chmod(0o755)
    box.env["PATH"] = f"{programs}:{box.env['PATH']}"
    done = box.ctl("clone", str(hub), str(root), kind, "--yes")
    assert done.returncode == 4, done.stdout
    assert "not an empty directory" in done.stderr
    assert (root / "draft.txt").read_text() == "mine\n"
    assert (root / ".git/mine").read_text() == "mine\n"


def test_a_clone_that_cannot_be_added_to_the_configuration_is_kept(box: Machine, tmp_path: Path) -> None:
    hub, root = a_server(tmp_path, "main"), box.home / "x"
    box.config.parent.mkdir(parents=True, exist_ok=True)
    box.config.symlink_to("/proc/version")
    done = box.ctl("clone", str(hub), str(root), "--watch")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    if root.exists():
        assert "gitsyncctl watch ~/x" in done.stderr
        assert (root / "a.txt").read_text() == "a\n"


def test_a_branch_that_shares_nothing_with_the_servers_is_a_question(box: Machine, tmp_path: Path) -> None:
    hub = a_server(tmp_path, "main")
    root = box.repo()
    run_git(root, "branch", "-m", "master")
    run_git(root, "remote", "add", "origin", str(hub))
    box.configure(root)
    box.start()
    box.wait_state("halted")
    shown = box.ctl("status", "notes")
    assert shown.returncode == 1
    assert "master" in shown.stdout
    assert "main" in shown.stdout
    assert roots(hub) == 1
    assert box.ctl("resume", "notes", "--accept").returncode == 0
    wait_for("the further branch", lambda: "master" in run_git(hub, "branch", "--list"))
    box.wait_state("ok")


def test_a_branch_made_from_the_servers_is_sent_without_a_question(box: Machine, tmp_path: Path) -> None:
    hub = a_server(tmp_path, "main")
    root = box.home / "notes"
    run_git(box.home, "clone", "-q", str(hub), str(root))
    run_git(root, "switch", "-qc", "idea")
    run_git(root, "branch", "-q", "--unset-upstream", check=False)
    box.configure(root)
    box.start()
    wait_for("the branch", lambda: "idea" in run_git(hub, "branch", "--list"))
    box.wait_state("ok")


def test_a_question_ends_with_the_watch(box: Machine, tmp_path: Path) -> None:
    hub = a_server(tmp_path, "main")
    root = box.repo()
    run_git(root, "remote", "add", "origin", str(hub))
    box.configure(root)
    box.start()
    box.wait_state("halted")
    assert box.ctl("unwatch", "notes").returncode == 0
    left = {path.name for path in (box.home / ".local/state/gitsync/repos").glob("*/*.json")}
    assert not left & {"exchange.json", "machines.json", "root.json"}, "a directory of that name is a new one"


def test_commands_that_set_something_up_end_with_the_next_step(box: Machine, hub: Path) -> None:
    root = box.repo()
    said = box.ctl("watch", str(root), "--remote", str(hub.with_name("nothing.git")))
    assert said.returncode == 4
    assert "git ls-remote" in said.stderr
    assert run_git(root, "remote") == "", "the remote was asked, and is not kept"
    assert box.ctl("watch", str(root), "--remote", str(hub)).stdout.endswith("gitsyncctl service install\n")
    assert "waits for its first pull" in box.ctl("status").stdout
    assert box.ctl("init").stdout.endswith("gitsyncctl service install\n")
    assert box.ctl("clone", str(hub), str(box.home / "more")).stdout.endswith("gitsyncctl service install\n")
    box.start()
    box.wait_state("ok")
    assert "service install" not in box.ctl("watch", str(box.home / "new"), "--init").stdout
