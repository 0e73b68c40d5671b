"""Pull and push between machines, with a real bare repository between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "b") as it:
        yield it


def head_of(hub: Path, branch: str = "main") -> str:
    return run_git(hub, "rev-parse", "--verify", "-q", branch, check=False)


def pair(box: Machine, other: Machine, hub: Path) -> tuple[Path, Path]:
    ours = box.repo(remote=hub)
    box.configure(ours)
    box.start()
    wait_for("the first push", lambda: head_of(hub))
    theirs = other.home / "notes"
    run_git(other.home, "clone", "-q", str(hub), "notes")
    other.configure(theirs)
    other.start()
    return ours, theirs


def test_the_first_push_sets_the_upstream(box: Machine, hub: Path) -> None:
    root = box.repo(remote=hub)
    run_git(root, "switch", "-qc", "topic/one")
    box.configure(root)
    box.start()
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)
    wait_for("the push", lambda: head_of(hub, "topic/one") == run_git(root, "rev-parse", "HEAD"))
    wait_for("the upstream", lambda: run_git(root, "rev-parse", "--abbrev-ref", "@{u}", check=False))
    assert run_git(root, "rev-parse", "--abbrev-ref", "@{u}") == "origin/topic/one"
    status = wait_for("last_push", lambda: box.repo_status() if box.repo_status()["last_push"] else None)
    assert status["ahead"] == status["behind"] == 0


def test_an_edit_here_arrives_there_and_back(box: Machine, other: Machine, hub: Path) -> None:
    ours, theirs = pair(box, other, hub)
    (ours / "from-a.txt").write_text("a\n")
    wait_for("the edit to arrive", lambda: (theirs / "from-a.txt").exists())
    assert (theirs / "from-a.txt").read_text() == "a\n"
    (theirs / "from-a.txt").unlink()
    (theirs / "sub").mkdir()
    (theirs / "sub/from-b.txt").write_text("b\n")
    wait_for("the answer to arrive", lambda: (ours / "sub/from-b.txt").exists())
    wait_for("the deletion to arrive", lambda: not (ours / "from-a.txt").exists())
    wait_for("equal heads", lambda: head_of(ours) == head_of(theirs) == head_of(hub))


def test_edits_of_different_files_at_once_are_merged(box: Machine, other: Machine, hub: Path) -> None:
    ours, theirs = pair(box, other, hub)
    other.wait_state("ok")
    for number in range(10):
        (ours / f"a{number}.txt").write_text(f"{number}\n")
        (theirs / f"b{number}.txt").write_text(f"{number}\n")

    def is_equal() -> bool:
        names = sorted(path.name for path in ours.iterdir() if path.name != ".git")
        return (
            names == sorted(path.name for path in theirs.iterdir() if path.name != ".git")
            and len(names) == 21
            and head_of(ours) == head_of(theirs) == head_of(hub)
        )

    wait_for("both to be equal", is_equal, 90)
    for root in (ours, theirs):
        assert run_git(root, "status", "--porcelain") == ""
        # A merge that was computed while the branch moved is left over: unreferenced, and computed again.
        assert run_git(root, "fsck", "--strict", "--no-dangling") == ""


def test_offline_backs_off_and_recovers_by_itself(box: Machine, hub: Path) -> None:
    root = box.repo(remote=hub)
    box.configure(root)
    box.start()
    wait_for("the first push", lambda: head_of(hub))
    away = hub.with_name("away.git")
    hub.rename(away)
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)
    status = wait_for("the trouble", lambda: box.repo_status() if box.repo_status()["error"] else None)
    assert status["error"]["hint"]
    away.rename(hub)
    wait_for("the push", lambda: head_of(hub) == run_git(root, "rev-parse", "HEAD"))
    assert box.wait_state("ok")["error"] is None


def test_a_refused_push_is_an_error_that_is_said(box: Machine, hub: Path) -> None:
    hook = hub / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho no pushes on Fridays >&2\nexit 1\n")
    hook.chmod(0o755)
    root = box.repo(remote=hub)
    box.configure(root)
    box.start()
    status = wait_for("the refusal", lambda: box.repo_status() if box.repo_status()["error"] else None)
    assert status["error"]["code"] == "refused"
    assert box.ctl("status").returncode == 1
    hook.unlink()
    wait_for("the push", lambda: head_of(hub) == run_git(root, "rev-parse", "HEAD"))


def test_mode_pull_never_pushes_and_mode_push_never_pulls(box: Machine, other: Machine, hub: Path) -> None:
    ours, theirs = pair(box, other, hub)
    other.configure(theirs, extra='mode = "pull"\n')
    assert other.ctl("reload").returncode == 0
    (theirs / "stays.txt").write_text("x\n")
    other.wait_committed(theirs)
    (ours / "comes.txt").write_text("x\n")
    wait_for("the pull", lambda: (theirs / "comes.txt").exists())
    assert "stays.txt" not in run_git(hub, "ls-tree", "--name-only", "main")
    box.configure(ours, extra='mode = "push"\n')
    assert box.ctl("reload").returncode == 0
    other.configure(theirs)
    assert other.ctl("reload").returncode == 0
    wait_for("their push", lambda: "stays.txt" in run_git(hub, "ls-tree", "--name-only", "main"))
    (ours / "later.txt").write_text("x\n")
    box.wait_committed(ours)
    wait_for("the refusal to be said", lambda: (box.repo_status()["error"] or {}).get("code") == "diverged")
    assert not (ours / "stays.txt").exists()


def test_sync_wait_returns_when_the_remote_has_it(box: Machine, hub: Path) -> None:
    root = box.repo(remote=hub)
    box.configure(root, quiet="1h", max_wait="2h", extra='pull = "off"\npush = "off"\n')
    box.start()
    (root / "now.txt").write_text("now\n")
    assert box.ctl("sync", "--wait").returncode == 0
    assert run_git(hub, "show", "main:now.txt") == "now"


def test_once_commits_pulls_and_pushes(box: Machine, hub: Path) -> None:
    root = box.repo(remote=hub)
    box.configure(root)
    (root / "cron.txt").write_text("cron\n")
    done = box.gitsync("--once")
    assert done.returncode == 0, done.stderr
    assert run_git(hub, "show", "main:cron.txt") == "cron"
    clone = box.home / "clone"
    run_git(box.home, "clone", "-q", str(hub), "clone")
    (clone / "other.txt").write_text("other\n")
    run_git(clone, "add", ".")
    run_git(clone, "commit", "-qm", "other")
    run_git(clone, "push", "-q")
    assert box.gitsync("--once").returncode == 0
    assert (root / "other.txt").read_text() == "other\n"
