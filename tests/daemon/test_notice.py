"""Pushes by others are noticed at once: by a channel over ssh, by a watch on this file system; and when that ends."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for
from tests.fakes.sshd import Sshd

# Far longer than a test lasts: nothing arrives by the schedule.
SELDOM = '[defaults]\nquiet = "100ms"\npush = "50ms"\npull = "1h"\n'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "ssh") as it:
        yield it


def work_tree(box: Machine, name: str, server: Sshd, tmp_path: Path) -> tuple[Path, Path]:
    """Make a work tree and the repository that it is pushed to by ssh."""
    hub = tmp_path / f"{name}.git"
    run_git(tmp_path, "init", "-q", "--bare", str(hub))
    root = box.repo(name)
    run_git(root, "config", "core.sshCommand", server.ssh_command())
    run_git(root, "remote", "add", "origin", server.url(hub))
    run_git(root, "push", "-q", str(hub), "main")
    return root, hub


def configure(box: Machine, *roots: Path, extra: str = "") -> None:
    box.write_config(SELDOM + "".join(f'[[repo]]\npath = "{root}"\n{extra}' for root in roots))


def push_elsewhere(hub: Path, name: str) -> None:
    """Push one more commit from another clone."""
    clone = hub.parent / f"{hub.stem}-{name}"
    run_git(hub.parent, "clone", "-q", str(hub), str(clone))
    (clone / name).write_text(f"{name}\n")
    run_git(clone, "add", ".")
    run_git(clone, "commit", "-qm", name)
    run_git(clone, "push", "-q", "origin", "main")


def notice(box: Machine, name: str = "notes") -> str:
    return str(box.repo_status(name)["remotes"][0]["notice"])


def on_server(tmp_path: Path, form: str = "args") -> list[str]:
    lines = subprocess.run(["ps", "axww", "-o", form], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if re.match(r"[0-9 ]*tail ", line) and str(tmp_path) in line]


def test_pushes_over_ssh_arrive_by_one_channel(box: Machine, server: Sshd, tmp_path: Path) -> None:
    first, hub = work_tree(box, "notes", server, tmp_path)
    second, other = work_tree(box, "more", server, tmp_path)
    configure(box, first, second)
    box.start()
    for name in ("notes", "more"):
        wait_for("the channel", lambda: notice(box, name) == "ssh")  # noqa: B023 - called at once
    assert len(on_server(tmp_path)) == 1
    connections = server.connections
    push_elsewhere(hub, "one.txt")
    wait_for("the push", (first / "one.txt").exists)
    run_git(other, "pack-refs", "--all")
    push_elsewhere(other, "two.txt")
    wait_for("the push after packing", (second / "two.txt").exists)
    assert server.connections == connections, "looks go by the connection of the channel"
    server.end_connections()
    push_elsewhere(hub, "three.txt")
    wait_for("what was pushed while the line was cut", (first / "three.txt").exists)
    assert box.process is not None
    box.process.kill()
    box.process.wait()
    box.process = None
    wait_for("the server to be left", lambda: not on_server(tmp_path), 60)


@pytest.mark.soak
def test_a_server_that_allows_one_session_in_a_connection_is_heard_and_exchanged_with(
    box: Machine, tmp_path: Path
) -> None:
    with Sshd(tmp_path / "one", settings="MaxSessions 1") as server:
        root, hub = work_tree(box, "notes", server, tmp_path)
        configure(box, root)
        box.start()
        wait_for("the channel", lambda: notice(box) == "ssh")
        push_elsewhere(hub, "one.txt")
        wait_for("the push", (root / "one.txt").exists)
        (root / "own.txt").write_text("own\n")
        wait_for("the own push", lambda: run_git(hub, "ls-tree", "main", "own.txt"))
        assert box.wait_state("ok")["error"] is None
        assert notice(box) == "ssh"


@pytest.mark.soak
def test_no_push_is_missed_while_the_channel_is_renewed(box: Machine, server: Sshd, tmp_path: Path) -> None:
    """A daemon whose hour lasts two seconds: pushes come before, in and after the moment in which nothing listens."""
    root, hub = work_tree(box, "notes", server, tmp_path)
    configure(box, root)
    program = tmp_path / "short-hour"
    program.write_text(
        f"""#!{sys.executable}
from gitsync.daemon.main import main
from gitsync.engine.exchange import notice
from gitsync.git.remote import ref_channel
ref_channel.CHECK_S = ref_channel.LASTS_S = 2
notice.LASTED_S = 0.0
raise SystemExit(main())
"""
    )
    program.chmod(0o755)
    with box.log.open("ab") as log:
        box.process = subprocess.Popen([program, "-v"], env=box.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    wait_for("the channel", lambda: notice(box) == "ssh")
    clone = tmp_path / "elsewhere"
    run_git(tmp_path, "clone", "-q", str(hub), str(clone))
    channels, slowest = set(on_server(tmp_path, "pid=,args=")), 0.0
    for number in range(30):
        (clone / f"{number}.txt").write_text("more\n")
        run_git(clone, "add", ".")
        run_git(clone, "commit", "-qm", "more")
        run_git(clone, "push", "-q", "origin", "main")
        pushed_at = time.monotonic()
        wait_for("the push", (root / f"{number}.txt").exists, 15)
        slowest = max(slowest, time.monotonic() - pushed_at)
        channels |= set(on_server(tmp_path, "pid=,args="))
    assert len(channels) > 3, "it was renewed"
    assert notice(box) == "ssh"
    assert "tried again in" not in box.log.read_text(), "none failed"
    print(f"{len(channels)} channels, the slowest push took {slowest:.1f} s")


@pytest.mark.parametrize("extra", ["", 'notice = "off"\n'])
def test_without_a_shell_or_a_wish_the_schedule_stays(box: Machine, server: Sshd, tmp_path: Path, extra: str) -> None:
    root, hub = work_tree(box, "notes", server, tmp_path)
    if not extra:
        key = server.authorized_keys.read_text()
        server.authorized_keys.write_text(f'command="git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"" {key}')
    configure(box, root, extra=extra)
    box.write_config(box.config.read_text().replace("1h", "1s"))
    box.start()
    push_elsewhere(hub, "one.txt")
    wait_for("the push", (root / "one.txt").exists)
    assert notice(box) == "poll"
    assert not on_server(tmp_path)
    log = box.log.read_text()
    assert log.count("gives no shell: pushes there") == (0 if extra else 1)
    assert "WARNING" not in log


def test_a_remote_nearby_is_watched_and_not_looked_at(box: Machine, hub: Path) -> None:
    root = box.repo(remote=hub)
    box.configure(root)
    box.start()
    wait_for("the watch", lambda: notice(box) == "watch")
    wait_for("the first push", lambda: run_git(hub, "rev-parse", "-q", "--verify", "main", check=False))
    push_elsewhere(hub, "one.txt")
    wait_for("the push", (root / "one.txt").exists)
    time.sleep(1.5)
    looks = box.log.read_text().count("fetching origin")
    time.sleep(2.5)  # more than twice its `pull`
    assert box.log.read_text().count("fetching origin") == looks
    os.rename(hub, hub.with_name("away.git"))
    wait_for("the end of the watch", lambda: notice(box) == "poll")
    os.rename(hub.with_name("away.git"), hub)
    wait_for("the watch again", lambda: notice(box) == "watch")
