"""A network that is not always there, and remotes that do not answer: with real daemons."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.fakes.sshd import SilentPeer, Sshd


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "b") as it:
        yield it


def head_of(place: Path) -> str:
    return run_git(place, "rev-parse", "--verify", "-q", "main", check=False)


def events(box: Machine, *kinds: str) -> list[dict[str, Any]]:
    lines = box.ctl("events", "--json").stdout.splitlines()
    found = [event for line in lines for event in _listed(json.loads(line))]
    return [event for event in found if event["event"] in kinds]


def _listed(document: Any) -> list[dict[str, Any]]:
    if isinstance(document, dict) and "events" in document:
        document = document["events"]
    return document if isinstance(document, list) else [document]


def test_a_peer_that_hangs_costs_no_other_repository_anything(box: Machine, hub: Path) -> None:
    well, stuck = box.repo("well", remote=hub), box.repo("stuck")
    with SilentPeer() as peer:
        run_git(stuck, "remote", "add", "origin", f"git://127.0.0.1:{peer.port}/x.git")
        box.configure(well, stuck)
        box.start()
        for number in range(3):
            for root in (well, stuck):
                (root / f"{number}.txt").write_text("x\n")
            box.wait_committed(well)
            box.wait_committed(stuck)
            wait_for("the push of the other", lambda: head_of(hub) == head_of(well))
        assert box.repo_status("well")["state"] in ("ok", "syncing", "pending")
        began = len(box.log.read_text())
        assert box.stop() == 0, "who waits for the peer is let go"
        assert "Traceback" not in box.log.read_text()[began:]
    assert not _children_of("git-remote-git", str(peer.port))


def _children_of(*words: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = entry.read_bytes().decode(errors="replace")
            if all(word in line for word in words):
                found.append(line)
    return found


def test_offline_is_told_once_and_its_end_once(box: Machine, hub: Path) -> None:
    with Sshd(box.home / "ssh") as server:
        box.env["GIT_SSH_COMMAND"] = server.ssh_command()
        root = box.repo()
        run_git(root, "remote", "add", "origin", server.url(hub))
        box.configure(root)
        box.start()
        wait_for("the first push", lambda: head_of(hub) == head_of(root))
        box.wait_state("ok")
        aside = server.client_config().read_text()
        server.client_config().write_text(aside.replace(f"Port {server.port}", "Port 1"))
        (root / "a.txt").write_text("a\n")
        box.wait_committed(root)
        status = box.wait_state("offline")
        assert status["error"]["code"] == "offline"
        assert status["error"]["hint"]
        for name in ("b.txt", "c.txt"):
            (root / name).write_text("x\n")
            box.wait_committed(root)
            box.ctl("sync", "--wait")  # each is a retry
        assert box.repo_status()["state"] == "offline"
        server.client_config().write_text(aside)
        box.wait_state("ok")
        wait_for("the push", lambda: head_of(hub) == head_of(root))
        told = events(box, "problem", "recovered")
    assert [(event["event"], event["code"]) for event in told] == [("problem", "offline"), ("recovered", "recovered")]
    said = [line for line in box.log.read_text().splitlines() if line.startswith("WARNING")]
    assert len([line for line in said if "cannot be reached" in line]) == 1


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_a_push_into_a_remote_nearby_is_pulled_at_once(box: Machine, other: Machine, hub: Path) -> None:
    """The remote is looked at once an hour, and no push is waited for: what arrives was heard."""
    ours = box.repo(remote=hub)
    settings = '[defaults]\nquiet = "50ms"\npull = "1h"\n[[repo]]\npath = "{}"\n'
    box.write_config(settings.format(ours))
    box.start()
    wait_for("the first push", lambda: head_of(hub) == head_of(ours))
    theirs = other.home / "notes"
    run_git(other.home, "clone", "-q", str(hub), "notes")
    other.write_config(settings.format(theirs))
    other.start()
    other.wait_state("ok")
    for number in range(3):
        (ours / "a.txt").write_text(f"{number}\n")
        wait_for("the edit to arrive", lambda: _text(theirs / "a.txt") == f"{number}\n")  # noqa: B023 - called at once
        (theirs / "b.txt").write_text(f"{number}\n")
        wait_for("the answer to arrive", lambda: _text(ours / "b.txt") == f"{number}\n")  # noqa: B023
    aside = hub.with_name("aside.git")
    hub.rename(aside)
    (ours / "a.txt").write_text("while it was away\n")
    box.wait_committed(ours)
    wait_for("the trouble", lambda: box.repo_status()["error"])
    aside.rename(hub)
    wait_for("the push", lambda: head_of(hub) == head_of(ours))
    wait_for("the edit to arrive", lambda: (theirs / "a.txt").read_text() == "while it was away\n", 90)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_an_environment_that_leads_git_elsewhere_leads_us_nowhere(box: Machine, hub: Path) -> None:
    elsewhere = box.repo("elsewhere")
    before = head_of(elsewhere)
    box.env |= {
        "GIT_DIR": str(elsewhere / ".git"),
        "GIT_WORK_TREE": str(elsewhere),
        "GIT_INDEX_FILE": str(elsewhere / ".git/index"),
        "GIT_OBJECT_DIRECTORY": str(elsewhere / ".git/objects"),
        "GIT_NAMESPACE": "odd",
    }
    root = box.repo(remote=hub)
    (root / ".gitattributes").write_text("*.bin filter=none\n")
    box.configure(root)
    box.start()
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)
    wait_for("the push", lambda: head_of(hub) == head_of(root))
    assert run_git(hub, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/namespaces") == "refs/heads/main"
    assert head_of(elsewhere) == before
    assert run_git(elsewhere, "status", "--porcelain") == ""


@pytest.mark.soak
def test_many_machines_that_push_at_once_converge(tmp_path: Path, hub: Path) -> None:
    with contextlib.ExitStack() as stack:
        boxes = [stack.enter_context(machine(tmp_path / f"m{number}")) for number in range(4)]
        first = boxes[0].repo(remote=hub)
        run_git(first, "push", "-q", "origin", "main")
        roots = [first]
        for box in boxes[1:]:
            run_git(box.home, "clone", "-q", str(hub), "notes")
            roots.append(box.home / "notes")
        for box, root in zip(boxes, roots, strict=True):
            box.configure(root)
            box.start()
        for turn in range(3):
            for number, root in enumerate(roots):
                (root / f"{number}-{turn}.txt").write_text(f"{number} {turn}\n")
        wanted = {f"{number}-{turn}.txt" for number in range(4) for turn in range(3)} | {"first.txt"}

        def is_equal() -> bool:
            return len({head_of(place) for place in (hub, *roots)}) == 1 and all(
                {path.name for path in root.iterdir()} - {".git"} == wanted for root in roots
            )

        wait_for("all to be equal", is_equal, 120)
        for box in boxes:
            assert not [event for event in events(box, "problem") if event["code"] == "busy-remote"]


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")
def test_a_network_that_comes_back_is_noticed(box: Machine, tmp_path: Path) -> None:
    """In a network of its own that is down, and comes up between two retries."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-n", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("may not make a network namespace")
    hub = tmp_path / "served" / "hub.git"
    hub.parent.mkdir()
    run_git(hub.parent, "init", "-q", "--bare", "hub.git")
    run_git(hub, "config", "daemon.receivepack", "true")
    root = box.repo()
    run_git(root, "remote", "add", "origin", "git://127.0.0.1:9418/hub.git")
    box.write_config(f'[defaults]\nquiet = "50ms"\npull = "1h"\n[[repo]]\npath = "{root}"\n')
    serve = ["git", "daemon", "--reuseaddr", "--export-all", "--enable=receive-pack", f"--base-path={hub.parent}"]
    # One shell holds the namespace: the daemons live in it, and a line on its stdin brings the loopback up.
    ip = shutil.which("ip") or "/sbin/ip"
    if not os.access(ip, os.X_OK):
        pytest.skip("needs ip of iproute2")
    script = f'"$@" & read -r line; {ip} link set lo up; {" ".join(serve)} & wait'
    with box.log.open("ab") as log:
        holder = subprocess.Popen(
            [unshare, "-n", "sh", "-c", script, "sh", str(Path(sys.executable).parent / "gitsync"), "-v"],
            env=box.env,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=box.home,
            start_new_session=True,
        )
    try:
        wait_for("the daemon to answer", lambda: box.status().get("daemon"))
        box.wait_state("offline")
        wait_for("some retries", lambda: box.log.read_text().count("failed code=offline") >= 3)
        assert "the network has changed" not in box.log.read_text()
        assert holder.stdin is not None
        holder.stdin.write(b"\n")
        holder.stdin.flush()
        wait_for("the news", lambda: "the network has changed" in box.log.read_text())
        wait_for("the push", lambda: head_of(hub) == head_of(root))
        box.ctl("stop")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(holder.pid, 15)
        holder.communicate(timeout=30)
