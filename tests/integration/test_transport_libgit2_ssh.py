"""libgit2 over a real OpenSSH server: it obeys host keys, uses the agent's keys alone, and gives up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pygit2
import pytest

from gitsync.errors import OperationError
from gitsync.git.remote import transport
from gitsync.git.remote.results import PushKind
from tests.conftest import run_git
from tests.fakes.sshd import SilentPeer, Sshd, closed_port

T = 30.0
pytestmark = pytest.mark.skipif(
    not pygit2.features & pygit2.enums.Feature.SSH, reason="this libgit2 was built without ssh"
)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    known = Path(os.environ["HOME"], ".ssh", "known_hosts")  # the only place where libgit2 looks
    known.parent.mkdir(mode=0o700, exist_ok=True)
    with Sshd(tmp_path / "ssh") as server:
        known.write_text(server.known_hosts.read_text())
        yield server
    known.unlink()


@pytest.fixture
def agent(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """A server, and an ssh agent that holds the key which it takes."""
    with sshd.agent() as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        yield sshd


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "bare.git"
    run_git(tmp_path, "init", "-q", "--bare", str(path))
    return path


def url(sshd: Sshd, bare: Path) -> str:
    return f"ssh://{sshd.user}@127.0.0.1:{sshd.port}{bare}"


def ask(repo: Path, where: str, timeout_s: float = T) -> OperationError:
    with pytest.raises(OperationError) as caught:
        transport.fetch(repo, where, "main", timeout_s=timeout_s, transport="libgit2")
    return caught.value


def test_round_trip(repo: Path, bare: Path, agent: Sshd) -> None:
    head = run_git(repo, "rev-parse", "HEAD")
    where = url(agent, bare)
    assert transport.fetch(repo, where, "main", timeout_s=T, transport="libgit2").is_empty_remote
    assert transport.push(repo, where, "main", head, timeout_s=T, transport="libgit2").kind is PushKind.PUSHED
    assert run_git(bare, "rev-parse", "main") == head
    assert transport.fetch(repo, where, "main", timeout_s=T, transport="libgit2").upstream == head


def test_hook_that_declines(repo: Path, bare: Path, agent: Sshd) -> None:
    hook = bare / "hooks" / "update"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    head = run_git(repo, "rev-parse", "HEAD")
    with pytest.raises(OperationError) as caught:
        transport.push(repo, url(agent, bare), "main", head, timeout_s=T, transport="libgit2")
    assert caught.value.code == "refused"


def test_unknown_host_key(repo: Path, bare: Path, agent: Sshd) -> None:
    Path(os.environ["HOME"], ".ssh", "known_hosts").write_text("")
    assert ask(repo, url(agent, bare)).code == "host-key"


def test_changed_host_key(repo: Path, bare: Path, agent: Sshd) -> None:
    agent.trust(agent.make_key("another"))
    Path(os.environ["HOME"], ".ssh", "known_hosts").write_text(agent.known_hosts.read_text())
    assert ask(repo, url(agent, bare)).code == "host-key"


def test_key_that_is_not_taken(repo: Path, bare: Path, agent: Sshd) -> None:
    agent.authorized_keys.write_text(agent.make_key("somebody").with_suffix(".pub").read_text())
    assert ask(repo, url(agent, bare)).code == "auth"


def test_no_agent(repo: Path, bare: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert ask(repo, url(sshd, bare)).code == "auth"


def test_closed_port_and_silent_peer(repo: Path) -> None:
    assert ask(repo, f"ssh://git@127.0.0.1:{closed_port()}/x.git").code == "offline"
    with SilentPeer() as peer:
        assert ask(repo, f"git://127.0.0.1:{peer.port}/x.git", timeout_s=2.0).code in ("timeout", "offline")
        assert ask(repo, f"ssh://git@127.0.0.1:{peer.port}/x.git", timeout_s=2.0).code in ("timeout", "offline")


def test_an_agent_without_the_key(repo: Path, bare: Path, agent: Sshd) -> None:
    subprocess.run(["ssh-add", "-q", "-D"], check=True, timeout=60)
    assert ask(repo, url(agent, bare)).code == "auth"
