"""A kept ssh connection, with a real OpenSSH on both sides: gone by when it is there, done without when it is not."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitsync import places
from gitsync.git.remote import transport
from gitsync.git.remote.results import PushKind
from gitsync.git.remote.ssh_master import LONGEST_DIRECTORY, SshMaster, destination
from tests.conftest import run_git
from tests.fakes.sshd import Sshd

T = 60.0


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime directory with a path as short as real ones are."""
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as directory:
        monkeypatch.setenv("XDG_RUNTIME_DIR", directory)
        yield Path(directory, "gitsync")


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "ssh") as server:
        yield server


@pytest.fixture
def served(repo: Path, tmp_path: Path, sshd: Sshd) -> Path:
    """A work tree whose remote is behind the server; return the remote."""
    bare = tmp_path / "bare.git"
    run_git(tmp_path, "init", "-q", "--bare", str(bare))
    run_git(repo, "config", "core.sshCommand", f"LC_ALL=C {sshd.ssh_command()}")
    run_git(repo, "config", "ssh.variant", "ssh")
    run_git(repo, "remote", "add", "origin", sshd.url(bare))
    return bare


def wait_for(probe: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 60
    while not probe():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def test_what_follows_goes_by_the_line_that_is_kept(repo: Path, served: Path, sshd: Sshd, runtime: Path) -> None:
    line = SshMaster()
    assert line.path == ""
    line.keep(repo, "origin")
    try:
        wait_for(lambda: any(runtime.iterdir()))
        connections = sshd.connections
        head = run_git(repo, "rev-parse", "HEAD")
        for _ in range(2):
            sent = transport.push(repo, "origin", "main", head, timeout_s=T, line=line.path)
            assert sent.kind is not PushKind.REJECTED
            assert transport.fetch(repo, "origin", "main", timeout_s=T, line=line.path).upstream == head
        line.keep(repo, "origin")
        assert sshd.connections == connections, "not one more"
        assert run_git(served, "rev-parse", "main") == head
    finally:
        line.close()
    assert line.path == ""
    assert not any(runtime.iterdir())
    assert transport.remote_head(repo, "origin", "main", timeout_s=T, line=line.path) == head
    assert sshd.connections == connections + 1


def test_a_line_that_broke_is_done_without(repo: Path, served: Path, sshd: Sshd, runtime: Path) -> None:
    line = SshMaster()
    line.keep(repo, "origin")
    wait_for(lambda: any(runtime.iterdir()))
    path = line.path
    sshd.end_connections()
    wait_for(lambda: line.path == "")
    head = run_git(repo, "rev-parse", "HEAD")
    sent = transport.push(repo, "origin", "main", head, timeout_s=T, line=path)
    assert sent.kind is PushKind.PUSHED, "even by its path"
    connections = sshd.connections
    line.keep(repo, "origin")
    assert line.path == "", "not tried again at once"
    assert sshd.connections == connections
    line.close()


def test_a_line_finds_room_where_the_runtime_directory_has_a_long_path(
    repo: Path, served: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * LONGEST_DIRECTORY)
    long.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    line = SshMaster()
    line.keep(repo, "origin")
    try:
        wait_for(lambda: any(Path(line.path).parent.iterdir()))
        head = run_git(repo, "rev-parse", "HEAD")
        assert transport.push(repo, "origin", "main", head, timeout_s=T, line=line.path).kind is not PushKind.REJECTED
        assert Path(line.path).parent.stat().st_mode & 0o777 == 0o700
    finally:
        line.close()
        places.leave_short_runtime_dir()


def test_other_remotes_have_no_line(repo: Path, served: Path, runtime: Path) -> None:
    for remote in (str(served), "https://127.0.0.1:1/x", "nobody"):
        line = SshMaster()
        line.keep(repo, remote)
        assert line.path == ""


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("git@host:notes.git", ("-l", "git", "host")),
        ("host:notes.git", ("host",)),
        ("ssh://host/x", ("host",)),
        ("ssh://me@host:2222/x", ("-p", "2222", "-l", "me", "host")),
        ("ssh://[::1]:22/x", ("-p", "22", "::1")),
        ("git+ssh://host/x", ("host",)),
        ("ssh://me:secret@host/x", ("-l", "me", "host")),
        ("https://host/x", None),
        ("/srv/x", None),
        ("./a:b", None),
        ("-oProxyCommand=evil:x", None),
        ("ssh://-oProxyCommand=evil/x", None),
        ("", None),
    ],
)
def test_where_a_line_leads(url: str, words: tuple[str, ...] | None) -> None:
    assert destination(url) == words
