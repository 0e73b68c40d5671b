"""Whether a server gives a shell: a real OpenSSH answers, with and without one, and is asked once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitsync.git.remote.shell import gives_shell
from tests.conftest import run_git
from tests.fakes.sshd import Sshd


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "ssh") as server:
        yield server


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def use(repo: Path, sshd: Sshd) -> None:
    run_git(repo, "config", "core.sshCommand", sshd.ssh_command())
    run_git(repo, "remote", "add", "origin", sshd.url(repo))


def force_command(sshd: Sshd, command: str) -> None:
    key = sshd.client_key.with_suffix(".pub").read_text()
    sshd.authorized_keys.write_text(f'command="{command}" {key}')


def test_a_server_with_a_shell_is_asked_once(repo: Path, sshd: Sshd) -> None:
    use(repo, sshd)
    assert gives_shell(repo, "origin") is True
    assert gives_shell(repo, "origin") is True
    assert sshd.connections == 1


def test_those_who_ask_at_once_get_the_answer_to_one_question(repo: Path, sshd: Sshd) -> None:
    use(repo, sshd)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda _: gives_shell(repo, "origin"), range(4))) == [True] * 4
    assert sshd.connections == 1


@pytest.mark.parametrize("command", ['git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"', "echo $SSH_ORIGINAL_COMMAND"])
def test_a_server_that_refuses_commands_is_asked_once(repo: Path, sshd: Sshd, command: str) -> None:
    force_command(sshd, command)
    use(repo, sshd)
    assert gives_shell(repo, "origin") is False
    assert gives_shell(repo, "origin") is False
    assert sshd.connections == 1


def test_a_server_that_cannot_be_reached_is_asked_again(repo: Path, sshd: Sshd) -> None:
    use(repo, sshd)
    known = sshd.known_hosts.read_text()
    sshd.trust(None)
    assert gives_shell(repo, "origin") is None
    sshd.known_hosts.write_text(known)
    assert gives_shell(repo, "origin") is True


def test_a_path_is_not_a_server(repo: Path, tmp_path: Path) -> None:
    assert gives_shell(repo, str(tmp_path)) is False
