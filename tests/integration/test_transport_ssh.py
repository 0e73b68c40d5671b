"""The git transport against a real OpenSSH server: keys, host keys, hooks, and peers that are not there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.clock import SystemClock
from gitsync.errors import OperationError, TransientError
from gitsync.git.remote import transport
from gitsync.git.remote.results import PushKind
from tests.conftest import run_git
from tests.fakes.sshd import SilentPeer, Sshd, closed_port
from tests.needs import needs

TIMEOUT_S = 60.0


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "there is.git"
    run_git(tmp_path, "init", "-q", "--bare", str(path))
    return path


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "ssh") as server:
        yield server


def head(root: Path) -> str:
    return run_git(root, "rev-parse", "HEAD")


def test_ssh_command_in_environment(repo: Path, bare: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", sshd.ssh_command())
    run_git(repo, "remote", "add", "origin", sshd.url(bare))
    empty = transport.fetch(repo, "origin", "main", timeout_s=TIMEOUT_S)
    assert (empty.upstream, empty.was, empty.is_empty_remote) == (None, None, True)
    assert transport.push(repo, "origin", "main", head(repo), timeout_s=TIMEOUT_S).kind is PushKind.PUSHED
    assert run_git(bare, "rev-parse", "main") == head(repo)
    assert transport.fetch(repo, "origin", "main", timeout_s=TIMEOUT_S).upstream == head(repo)


def test_ssh_command_in_configuration(repo: Path, bare: Path, sshd: Sshd) -> None:
    run_git(repo, "config", "core.sshCommand", sshd.ssh_command(alias="box"))
    run_git(repo, "remote", "add", "origin", sshd.url(bare, alias="box"))
    assert transport.push(repo, "origin", "main", head(repo), timeout_s=TIMEOUT_S).kind is PushKind.PUSHED
    assert transport.remote_head(repo, "origin", "main", timeout_s=TIMEOUT_S) == head(repo)


def ask(repo: Path, url: str, timeout_s: float = TIMEOUT_S) -> OperationError:
    with pytest.raises(OperationError) as caught:
        transport.fetch(repo, url, "main", timeout_s=timeout_s)
    return caught.value


def test_unknown_host_key(repo: Path, bare: Path, sshd: Sshd) -> None:
    sshd.trust(None)
    run_git(repo, "config", "core.sshCommand", sshd.ssh_command())
    error = ask(repo, sshd.url(bare))
    assert error.code == "host-key"
    assert "ssh away" in error.hint
    assert not sshd.known_hosts.read_text(), "nobody was asked, so nothing may be trusted"


def test_changed_host_key(repo: Path, bare: Path, sshd: Sshd) -> None:
    sshd.trust(sshd.make_key("another"))
    run_git(repo, "config", "core.sshCommand", sshd.ssh_command())
    error = ask(repo, sshd.url(bare))
    assert error.code == "host-key"
    assert "another one than before" in error.message
    assert "-R away, then: ssh away" in error.hint


def test_wrong_key(repo: Path, bare: Path, sshd: Sshd) -> None:
    stranger = sshd.make_key("stranger")
    run_git(repo, "config", "core.sshCommand", sshd.ssh_command(key=stranger))
    error = ask(repo, sshd.url(bare))
    assert error.code == "auth"
    assert not isinstance(error, TransientError)


def test_key_with_passphrase_asks_nobody(repo: Path, bare: Path, sshd: Sshd, tmp_path: Path) -> None:
    locked = sshd.make_key("locked")
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret words", "-f", str(locked)], check=True, timeout=60)
    sshd.authorized_keys.write_text(locked.with_suffix(".pub").read_text())
    run_git(repo, "config", "core.sshCommand", sshd.ssh_command(key=locked))
    assert ask(repo, sshd.url(bare)).code == "auth"


def test_no_such_repository(repo: Path, bare: Path, sshd: Sshd) -> None:
    run_git(repo, "config", "core.sshCommand", sshd.ssh_command())
    assert ask(repo, sshd.url(bare.with_name("elsewhere.git"))).code == "not-found"


def test_closed_port(repo: Path) -> None:
    needs("ssh")
    error = ask(repo, f"ssh://nobody@127.0.0.1:{closed_port()}/x.git")
    assert error.code == "offline"
    assert isinstance(error, TransientError)


def test_unknown_host(repo: Path) -> None:
    needs("ssh")
    assert ask(repo, "ssh://nobody@no-such-host.invalid/x.git").code == "offline"


def test_server_that_went_away(repo: Path, bare: Path, sshd: Sshd) -> None:
    run_git(repo, "config", "core.sshCommand", sshd.ssh_command())
    sshd.close()
    assert ask(repo, sshd.url(bare)).code == "offline"


def test_hook_that_declines(repo: Path, bare: Path, sshd: Sshd) -> None:
    hook = bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'not on a Sunday' >&2\nexit 1\n")
    hook.chmod(0o755)
    run_git(repo, "config", "core.sshCommand", sshd.ssh_command())
    with pytest.raises(OperationError) as caught:
        transport.push(repo, sshd.url(bare), "main", head(repo), timeout_s=TIMEOUT_S)
    assert caught.value.code == "refused"
    assert "not on a Sunday" in caught.value.message
    assert run_git(bare, "for-each-ref") == ""


def test_hanging_peer_ends_with_the_deadline(repo: Path) -> None:
    clock = SystemClock()
    with SilentPeer() as peer:
        for url in (f"ssh://nobody@127.0.0.1:{peer.port}/x.git", f"git://127.0.0.1:{peer.port}/x.git"):
            began = clock.now()
            # ssh's own ConnectTimeout may be quicker than ours; both say that nobody answers.
            assert ask(repo, url, timeout_s=2.0).code in ("timeout", "offline")
            assert clock.now() - began < 60.0, "a hang without a bound would last until the test's own deadline"


def test_hanging_push_is_told_as_such(repo: Path) -> None:
    with SilentPeer() as peer, pytest.raises(TransientError) as caught:
        transport.push(repo, f"git://127.0.0.1:{peer.port}/x.git", "main", head(repo), timeout_s=3.0)
    assert caught.value.code == "timeout"


def test_cancelled(repo: Path) -> None:
    looks = iter([False, False, True])
    with SilentPeer() as peer, pytest.raises(TransientError) as caught:
        transport.fetch(
            repo,
            f"git://127.0.0.1:{peer.port}/x.git",
            "main",
            timeout_s=TIMEOUT_S,
            is_cancelled=lambda: next(looks, True),
        )
    assert caught.value.code == "cancelled"


def test_answer_lost_but_push_done(repo: Path, bare: Path, sshd: Sshd, tmp_path: Path) -> None:
    """The server takes the push and the line dies before the answer: the remote is asked again."""
    wrapper = tmp_path / "ssh-that-drops"
    # Everything goes to the server, but of a push the client hears only the list of refs, to its last packet ("0000"),
    # which may come in pieces; then its line is dead. git waits for ssh to end, and so until the server is done.
    listener = tmp_path / "hear-the-refs.py"
    listener.write_text(
        "import os\n"
        "heard = b''\n"
        "while not heard.endswith(b'0000') and (piece := os.read(0, 65536)):\n"
        "    heard += piece\n"
        "    os.write(1, piece)\n"
        "os.close(1)\n"
        "while os.read(0, 65536):\n"
        "    pass\n"
    )
    wrapper.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *git-receive-pack*) {sshd.ssh_command()} "$@" | {sys.executable} {listener};; '
        f'*) exec {sshd.ssh_command()} "$@";; esac\n'
    )
    wrapper.chmod(0o755)
    run_git(repo, "config", "core.sshCommand", str(wrapper))
    run_git(repo, "config", "ssh.variant", "ssh")
    run_git(repo, "remote", "add", "origin", sshd.url(bare))
    sent = transport.push(repo, "origin", "main", head(repo), timeout_s=TIMEOUT_S)
    assert sent.kind is PushKind.PUSHED
    assert run_git(bare, "rev-parse", "main") == head(repo)
    assert run_git(repo, "rev-parse", "refs/remotes/origin/main") == head(repo)


def test_a_key_of_the_agent(repo: Path, bare: Path, sshd: Sshd) -> None:
    with sshd.agent() as socket:
        run_git(repo, "config", "core.sshCommand", sshd.ssh_command(agent=socket))
        sent = transport.push(repo, sshd.url(bare), "main", head(repo), timeout_s=TIMEOUT_S, transport="auto")
        assert sent.kind is PushKind.PUSHED
    error = ask(repo, sshd.url(bare))
    assert error.code == "auth", "the agent is gone, and nobody is asked"
    assert "ssh-add" in error.hint


def test_a_peer_that_sends_slowly_ends_with_the_deadline(repo: Path) -> None:
    with SilentPeer(drip=b"00ff# service=git-upload-pack ") as peer:
        url = f"git://127.0.0.1:{peer.port}/x.git"
        assert ask(repo, url, timeout_s=1.0).code == "timeout"


def test_a_push_that_goes_on_may_take_longer_than_the_time_out(repo: Path, bare: Path, sshd: Sshd) -> None:
    """The server's hook talks for longer than the time-out: that is progress, and no peer that hangs."""
    hook = bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nfor i in 1 2 3 4 5 6; do echo checking $i >&2; sleep 0.7; done\n")
    hook.chmod(0o755)
    run_git(repo, "config", "core.sshCommand", sshd.ssh_command())
    sent = transport.push(repo, sshd.url(bare), "main", head(repo), timeout_s=3.0)
    assert sent.kind is PushKind.PUSHED
