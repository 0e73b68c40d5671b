"""The checks of remotes, host keys, ssh keys and clocks, with real git, ssh -G and ssh-agent."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gitsync import clock
from gitsync.daemon.checks import remotes
from gitsync.daemon.checks.model import CheckState
from tests.conftest import Git
from tests.fakes import checkup
from tests.fakes.checkup import case, only
from tests.fakes.sshd import require_sshd
from tests.needs import needs


@pytest.fixture
def ssh(repo: Path, git: Git, tmp_path: Path) -> Path:
    """A repository whose remote is reached by ssh, with a configuration of its own; return that one's directory."""
    require_sshd()
    place = tmp_path / "ssh"
    place.mkdir(mode=0o700)
    for name, phrase in (("free", ""), ("locked", "geheim")):
        needs("ssh-keygen")
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", phrase, "-f", place / name], check=True, timeout=60)
    settings = f"IdentityFile {place}/free\nUserKnownHostsFile {place}/known\nGlobalKnownHostsFile none\n"
    (place / "config").write_text(settings)
    git(repo, "remote", "add", "origin", "ssh://git@host.example:2222/x.git")
    git(repo, "config", "core.sshCommand", f"ssh -F {place}/config")
    return place


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """An ssh agent without a key; return its socket."""
    require_sshd()
    address = str(tmp_path / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", address], stdout=subprocess.DEVNULL)
    try:
        while not os.path.exists(address):
            assert process.poll() is None
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("git@host:x.git", ("git@host", "")),
        ("host:/abs/x", ("host", "")),
        ("ssh://git@host/x.git", ("git@host", "")),
        ("ssh://git@host:2222/x.git", ("git@host", "2222")),
        ("ssh://git@[::1]:22/x", ("git@[::1]", "22")),
        ("https://host/x.git", None),
        ("/srv/x.git", None),
        ("../a:b", None),
        ("file:///srv/x.git", None),
        ("", None),
    ],
)
def test_ssh_addresses_are_told_from_others(address: str, place: tuple[str, str] | None) -> None:
    assert remotes.ssh_place(address) == place


def test_a_remote_that_answers_and_one_that_does_not(repo: Path, git: Git, tmp_path: Path) -> None:
    notes = checkup.repository(repo)
    assert only(remotes.answers(case(notes), notes)).message == "local only, no remote"
    hub = tmp_path / "hub.git"
    git(tmp_path, "init", "-q", "--bare", str(hub))
    git(repo, "remote", "add", "origin", str(hub))
    assert "has not yet main" in only(remotes.answers(case(notes), notes)).message
    git(repo, "push", "-q", "origin", "main")
    found = only(remotes.answers(case(notes), notes))
    assert (found.state, "has main" in found.message) == (CheckState.OK, True)
    git(repo, "remote", "set-url", "origin", str(tmp_path / "gone.git"))
    found = only(remotes.answers(case(notes), notes))
    assert (found.state, found.fix) == (CheckState.PROBLEM, f"git -C {repo} remote -v")


def test_a_branch_that_is_none_of_the_remotes_is_a_warning(repo: Path, git: Git, tmp_path: Path) -> None:
    git(repo, "init", "-q", "--bare", str(tmp_path / "hub.git"))
    git(repo, "remote", "add", "origin", str(tmp_path / "hub.git"))
    git(repo, "push", "-q", "origin", "HEAD:refs/heads/trunk")
    notes = checkup.repository(repo)
    found = only(remotes.answers(case(notes), notes))
    assert found.state is CheckState.WARNING
    assert "origin has trunk, and not main" in found.message
    assert found.fix.endswith("switch trunk")


def test_a_host_whose_key_is_unknown_is_a_problem_until_it_is_known(repo: Path, ssh: Path) -> None:
    notes = checkup.repository(repo)
    found = only(remotes.known_host(case(notes), notes))
    assert found.state is CheckState.PROBLEM
    assert "[host.example]:2222" in found.message
    assert "ssh -p 2222 git@host.example" in found.fix
    key = (ssh / "free.pub").read_text()
    (ssh / "known").write_text(f"host.example {key}")
    assert only(remotes.known_host(case(notes), notes)).state is CheckState.PROBLEM  # that is another port's
    (ssh / "known").write_text(f"[host.example]:2222 {key}")
    assert only(remotes.known_host(case(notes), notes)).state is CheckState.OK


def test_a_host_may_be_taken_at_first_sight_where_ssh_is_set_up_so(repo: Path, ssh: Path) -> None:
    with (ssh / "config").open("a") as config:
        config.write("StrictHostKeyChecking accept-new\n")
    notes = checkup.repository(repo)
    assert only(remotes.known_host(case(notes), notes)).state is CheckState.OK


def test_a_key_without_a_passphrase_will_do_and_one_with_needs_an_agent(
    repo: Path, ssh: Path, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    notes = checkup.repository(repo)
    assert only(remotes.ssh_keys(case(notes))).state is CheckState.OK
    config = ssh / "config"
    config.write_text(config.read_text().replace("/free", "/locked"))
    assert only(remotes.ssh_keys(case(notes))).state is CheckState.WARNING
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)
    found = only(remotes.ssh_keys(case(notes)))
    assert (found.state, "the agent has no key" in found.message) == (CheckState.WARNING, True)
    subprocess.run(["ssh-add", "-q", ssh / "free"], check=True, timeout=60)
    assert only(remotes.ssh_keys(case(notes))).message == "the agent has 1 key"


def test_a_dead_agent_is_told_whether_it_is_needed_or_not(
    repo: Path, ssh: Path, tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nobody"))
    config = ssh / "config"
    config.write_text(config.read_text().replace("/free", "/locked"))
    notes = checkup.repository(repo)
    assert "no agent answers" in only(remotes.ssh_keys(case(notes))).message
    git(repo, "remote", "remove", "origin")
    assert "no agent answers" in only(remotes.ssh_keys(case(notes))).message


def test_a_key_that_others_can_read_is_a_problem(repo: Path, ssh: Path) -> None:
    (ssh / "free").chmod(0o644)
    notes = checkup.repository(repo)
    found = only(remotes.ssh_keys(case(notes)))
    assert (found.state, found.fix) == (CheckState.PROBLEM, f"chmod 600 {ssh / 'free'}")


def test_a_commit_from_the_future_tells_of_a_wrong_clock(repo: Path, git: Git) -> None:
    git(repo, "remote", "add", "origin", "/nowhere")
    git(repo, "update-ref", "refs/remotes/origin/main", "HEAD")
    notes = checkup.repository(repo)
    assert only(remotes.clocks(case(notes), notes)).state is CheckState.OK
    tree = git(repo, "rev-parse", "HEAD^{tree}")
    late = int(clock.SystemClock().wall()) + 7200
    content = f"tree {tree}\nauthor A <a> {late} +0000\ncommitter A <a> {late} +0000\n\nx\n"
    commit = git(repo, "hash-object", "-w", "-t", "commit", "--stdin", input=content.encode())
    git(repo, "update-ref", "refs/remotes/origin/main", commit)
    found = only(remotes.clocks(case(notes), notes))
    assert (found.state, "in the future" in found.message) == (CheckState.WARNING, True)


def test_dates_of_http_are_read() -> None:
    assert clock.parse_http(" Thu, 01 Jan 1970 00:01:00 GMT") == 60.0
    assert clock.parse_http("nonsense") is None


class _Late(BaseHTTPRequestHandler):
    """An http server whose clock is three hours ahead, and which has no repository."""

    def do_GET(self) -> None:
        self.send_error(404)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(clock.SystemClock().wall() + 3 * 3600, usegmt=True)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_the_clock_of_an_http_server_is_compared(repo: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Late)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        git(repo, "remote", "add", "origin", f"http://127.0.0.1:{server.server_port}/x.git")
        notes = checkup.repository(repo)
        found = only(remotes.clocks(case(notes), notes))
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)
    assert found.state is CheckState.WARNING
    assert "s ahead of ours" in found.message
