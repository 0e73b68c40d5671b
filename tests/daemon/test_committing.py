"""What the daemon commits, seen from outside: the installed programs, real files, real git."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for


def subject(root: Path) -> str:
    return run_git(root, "log", "-1", "--format=%s")


def count(root: Path) -> int:
    return int(run_git(root, "rev-list", "--count", "HEAD"))


def test_a_saved_file_is_committed_with_a_message_that_names_it(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    (root / "a.txt").write_text("hello\n")
    box.wait_committed(root)
    assert subject(root) == "Add a.txt"
    (root / "a.txt").write_text("changed\n")
    box.wait_committed(root)
    assert subject(root) == "Change a.txt"
    (root / "a.txt").unlink()
    box.wait_committed(root)
    assert subject(root) == "Remove a.txt"


def test_what_changed_while_nothing_ran_is_committed_at_the_start(box: Machine) -> None:
    root = box.repo()
    (root / "late.txt").write_text("late\n")
    (root / "first.txt").unlink()
    box.configure(root)
    box.start()
    box.wait_committed(root)
    assert run_git(root, "ls-files") == "late.txt"


def test_a_burst_is_one_commit(box: Machine) -> None:
    root = box.repo()
    box.configure(root, quiet="1500ms")
    box.start()
    box.wait_state("ok")
    before = count(root)
    for number in range(50):
        (root / f"{number}.txt").write_text(f"{number}\n")
    box.wait_committed(root)
    assert count(root) == before + 1


def test_a_file_written_for_ever_is_committed_at_max_wait(box: Machine) -> None:
    root = box.repo()
    box.configure(root, quiet="600ms", max_wait="1s")
    box.start()
    box.wait_state("ok")
    before = count(root)
    with (root / "log.txt").open("w") as log:

        def is_committed() -> bool:
            log.write("line\n")
            log.flush()
            return count(root) >= before + 2

        wait_for("two commits while it is still being written", is_committed)


def test_strange_names_links_modes_and_swaps(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    (root / "new\nline").write_text("n")
    (root / "ünï").write_text("u")
    with open(os.fsencode(root) + b"/latin-\xe9", "wb") as file:
        file.write(b"bytes")
    (root / "link").symlink_to("nowhere")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    os.mkfifo(root / "pipe")
    (root / "becomes-dir").write_text("file")
    (root / "dir").mkdir()
    (root / "dir/inner").write_text("inner")
    box.wait_committed(root)
    (root / "becomes-dir").unlink()
    (root / "becomes-dir").mkdir()
    (root / "becomes-dir/x").write_text("x")
    shutil.rmtree(root / "dir")
    (root / "dir").symlink_to("becomes-dir")
    (root / "run.sh").chmod(0o644)
    box.wait_committed(root)
    listed = run_git(root, "ls-tree", "-r", "-z", "HEAD").split("\0")
    names = {line.split("\t", 1)[1]: line.split()[0] for line in listed if line}
    assert names["new\nline"] == names["ünï"] == names[os.fsdecode(b"latin-\xe9")] == "100644"
    assert names["link"] == names["dir"] == "120000"
    assert names["run.sh"] == "100644"
    assert names["becomes-dir/x"] == "100644"
    assert "pipe" not in names
    assert run_git(root, "fsck", "--strict") == ""


def test_the_last_edit_before_the_stop_is_committed(box: Machine) -> None:
    root = box.repo()
    box.configure(root, quiet="1h", max_wait="2h")
    box.start()
    box.wait_state("ok")
    (root / "last.txt").write_text("last words\n")
    wait_for("the edit to be noted", lambda: box.repo_status()["pending"])
    assert box.stop(signal.SIGTERM) == 0
    assert run_git(root, "show", "HEAD:last.txt") == "last words"


def test_what_a_person_staged_is_left_alone(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    box.wait_state("ok")
    box.ctl("pause")
    (root / "mine.txt").write_text("staged\n")
    run_git(root, "add", "mine.txt")
    box.ctl("resume")
    (root / "other.txt").write_text("other\n")
    wait_for("the other file", lambda: "other.txt" in run_git(root, "ls-tree", "--name-only", "HEAD"))
    assert "mine.txt" not in run_git(root, "ls-tree", "--name-only", "HEAD")
    assert run_git(root, "diff", "--cached", "--name-only") == "mine.txt"


def test_nothing_is_done_while_a_merge_of_the_user_is_open(box: Machine) -> None:
    root = box.repo()
    run_git(root, "switch", "-qc", "side")
    (root / "first.txt").write_text("side\n")
    run_git(root, "commit", "-qam", "side")
    run_git(root, "switch", "-q", "main")
    (root / "first.txt").write_text("main\n")
    run_git(root, "commit", "-qam", "main")
    run_git(root, "merge", "side", check=False)
    box.configure(root)
    head = run_git(root, "rev-parse", "HEAD")
    box.start()
    status = box.wait_state("busy")
    assert "merge" in status["reason"]
    (root / "new.txt").write_text("new\n")
    assert run_git(root, "rev-parse", "HEAD") == head
    (root / "first.txt").write_text("both\n")
    run_git(root, "add", "first.txt")
    run_git(root, "commit", "-qm", "merged by hand")
    wait_for("the new file", lambda: "new.txt" in run_git(root, "ls-tree", "--name-only", "HEAD"))
    assert run_git(root, "log", "--format=%s").count("merged by hand") == 1


def test_a_nested_repository_is_left_alone(box: Machine) -> None:
    root = box.repo()
    inner = root / "inner"
    inner.mkdir()
    run_git(inner, "init", "-q")
    (inner / "x").write_text("x")
    box.configure(root)
    box.start()
    (root / "outer.txt").write_text("outer\n")
    wait_for("the outer file", lambda: "outer.txt" in run_git(root, "ls-files"))
    assert "inner" not in run_git(root, "ls-tree", "--name-only", "HEAD")
    assert run_git(inner, "status", "--porcelain") == "?? x"


def test_secrets_and_large_files_are_quarantined_and_said(box: Machine) -> None:
    root = box.repo()
    box.configure(root, extra='max_file_size = "1MB"\nwarn_file_size = "500kB"\n')
    box.start()
    (root / "rather big.bin").write_bytes(b"x" * 600_000)
    (root / "id_rsa").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n")
    (root / "big.bin").write_bytes(b"x" * 1_500_000)
    (root / "small.txt").write_text("small\n")
    wait_for("the small file", lambda: "small.txt" in run_git(root, "ls-tree", "--name-only", "HEAD"))
    quarantined = wait_for("the quarantine", lambda: box.repo_status()["quarantined"])
    assert {item["path"] for item in quarantined} == {"id_rsa", "big.bin"}
    assert run_git(root, "ls-tree", "--name-only", "HEAD").split() == ["first.txt", "rather", "big.bin", "small.txt"]
    status = box.ctl("status")
    assert status.returncode == 1
    told = f"gitsyncctl forget '{root}/rather big.bin'".replace(str(box.home), "~").replace("'~/", "~/'")
    assert told in " ".join(status.stdout.split())
    events = [json.loads(line) for line in box.ctl("events", "--json").stdout.splitlines()]
    assert [event["paths"] for event in events if event["event"] == "large-file"] == [["rather big.bin"]]


def test_a_mass_deletion_waits_for_a_person(box: Machine) -> None:
    root = box.repo()
    (root / "many").mkdir()
    for number in range(40):
        (root / f"many/{number}").write_text(f"{number}\n")
    run_git(root, "add", ".")
    run_git(root, "commit", "-qm", "many")
    head = run_git(root, "rev-parse", "HEAD")
    box.configure(root)
    box.start()
    box.wait_state("ok")
    shutil.rmtree(root / "many")
    status = box.wait_state("halted")
    assert status["error"]["code"] == "mass-deletion"
    assert run_git(root, "rev-parse", "HEAD") == head
    assert box.ctl("resume", "notes", "--accept").returncode == 0
    box.wait_committed(root)
    assert run_git(root, "ls-files") == "first.txt"


def test_a_root_that_vanishes_and_comes_back(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    box.wait_state("ok")
    aside = root.with_name("aside")
    root.rename(aside)
    assert box.wait_state("halted")["error"]["code"] == "root-vanished"
    (aside / "while-away.txt").write_text("x\n")
    aside.rename(root)
    box.wait_state("ok")
    box.wait_committed(root)
    (root / "after.txt").write_text("after\n")
    box.wait_committed(root)
    assert "after.txt" in run_git(root, "ls-files")


def test_an_unborn_branch_gets_its_first_commit(box: Machine) -> None:
    root = box.home / "fresh"
    root.mkdir()
    run_git(root, "init", "-q", "-b", "trunk")
    box.configure(root)
    box.start()
    (root / "one.txt").write_text("1\n")
    box.wait_committed(root)
    assert run_git(root, "log", "--format=%s", "trunk") == "Add one.txt"


def test_one_commit_per_file_as_the_first_gitsync_did(box: Machine) -> None:
    root = box.repo()
    box.configure(root, extra='granularity = "file"\n', quiet="700ms")
    box.start()
    box.wait_state("ok")
    (root / "b.txt").write_text("b\n")
    (root / "first.txt").write_text("again\n")
    box.wait_committed(root)
    assert set(run_git(root, "log", "-2", "--format=%s").splitlines()) == {"Add file b.txt", "Change file first.txt"}


def test_an_ignored_log_that_is_written_for_ever_holds_back_nothing(box: Machine) -> None:
    root = box.repo()
    (root / ".gitignore").write_text("*.log\n")
    box.configure(root, quiet="1s", max_wait="1h")
    box.start()
    box.wait_committed(root)
    with (root / "noise.log").open("w") as log:

        def is_committed(name: str) -> bool:
            log.write("line\n")
            log.flush()
            return name in run_git(root, "ls-tree", "--name-only", "HEAD")

        # The first batch finds out that the log is ignored; it may need the writer to pause.
        (root / "one.txt").write_text("1\n")
        box.wait_committed(root)
        (root / "two.txt").write_text("2\n")
        wait_for("a commit beside a busy log", lambda: is_committed("two.txt"))
    assert "noise.log" not in run_git(root, "ls-files")


def test_a_detached_head_and_a_commit_by_hand_show_at_once(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    box.wait_state("ok")
    run_git(root, "commit", "-q", "--allow-empty", "-m", "by hand")
    assert box.repo_status()["last_commit"]["message"] == "by hand"
    run_git(root, "checkout", "-q", "--detach")
    status = box.repo_status()
    assert (status["state"], status["branch"]) == ("busy", "")
    assert "detached" in status["reason"]
    run_git(root, "checkout", "-q", "main")
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)


def test_an_ignored_file_that_is_tracked_by_now_is_committed_again(box: Machine) -> None:
    root = box.repo()
    (root / ".gitignore").write_text("*.log\n")
    box.configure(root, quiet="200ms", max_wait="1s")
    box.start()
    box.wait_committed(root)
    (root / "kept.log").write_text("1\n")
    (root / "beside.txt").write_text("1\n")
    box.wait_committed(root)
    run_git(root, "add", "-f", "kept.log")
    run_git(root, "commit", "-qm", "tracked by hand")
    (root / "kept.log").write_text("2\n")
    wait_for("the edit", lambda: run_git(root, "show", "HEAD:kept.log") == "2")
