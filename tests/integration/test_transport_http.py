"""Both transports against git's HTTP backend behind a real web server: passwords, helpers, and what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.errors import OperationError, TransientError
from gitsync.git.remote import transport
from gitsync.git.remote.results import PushKind
from tests.conftest import run_git
from tests.fakes.sshd import SilentPeer
from tests.fakes.web import PASSWORD, USER, Web

T = 60.0
BOTH = ("git", "libgit2")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    root = tmp_path / "served"
    root.mkdir()
    run_git(root, "init", "-q", "--bare", "notes.git")
    run_git(root / "notes.git", "config", "http.receivepack", "true")
    with Web(tmp_path / "web", root) as server:
        yield server


def hub(web: Web) -> Path:
    return web.root / "notes.git"


def head(root: Path) -> str:
    return run_git(root, "rev-parse", "HEAD")


def refused(repo: Path, url: str, how: str = "git", timeout_s: float = T) -> OperationError:
    with pytest.raises(OperationError) as caught:
        transport.fetch(repo, url, "main", timeout_s=timeout_s, transport=how)
    return caught.value


def helper(repo: Path, tmp_path: Path, password: str) -> Path:
    """Make a credential helper that keeps count of what it is asked."""
    program, log = tmp_path / "helper", tmp_path / "asked"
    program.write_text(
        f'#!/bin/sh\necho "$1" >>"{log}"\n[ "$1" = get ] && printf "username={USER}\\npassword={password}\\n"\nexit 0\n'
    )
    program.chmod(0o755)
    run_git(repo, "config", "credential.helper", str(program))
    return log


@pytest.mark.parametrize("how", BOTH)
def test_without_a_password(repo: Path, web: Web, how: str) -> None:
    url = web.url("notes.git")
    assert transport.fetch(repo, url, "main", timeout_s=T, transport=how).is_empty_remote
    sent = transport.push(repo, url, "main", head(repo), timeout_s=T, transport=how)
    assert sent.kind is PushKind.PUSHED
    assert run_git(hub(web), "rev-parse", "main") == head(repo)
    assert transport.remote_head(repo, url, "main", timeout_s=T, transport=how) == head(repo)
    assert transport.fetch(repo, url, "main", timeout_s=T, transport=how).upstream == head(repo)


def test_a_credential_helper_is_asked(repo: Path, web: Web, tmp_path: Path) -> None:
    log = helper(repo, tmp_path, PASSWORD)
    url = web.url("notes.git", is_private=True)
    assert transport.push(repo, url, "main", head(repo), timeout_s=T).kind is PushKind.PUSHED
    assert "store" in log.read_text().split(), "what worked is told to the helper"
    assert run_git(hub(web), "rev-parse", "main") == head(repo)


def test_a_wrong_password_is_an_error_and_erased(repo: Path, web: Web, tmp_path: Path) -> None:
    log = helper(repo, tmp_path, "n0t-this-one")
    error = refused(repo, web.url("notes.git", is_private=True))
    assert error.code == "auth"
    assert not isinstance(error, TransientError)
    assert log.read_text().split().count("get") == 1, "asked once, not again and again"
    assert "n0t-this-one" not in f"{error.message} {error.hint}"


@pytest.mark.parametrize("how", BOTH)
def test_no_helper_asks_nobody(repo: Path, web: Web, how: str) -> None:
    error = refused(repo, web.url("notes.git", is_private=True), how)
    assert error.code == "auth"
    assert error.hint


@pytest.mark.parametrize("how", BOTH)
def test_no_such_repository(repo: Path, web: Web, how: str) -> None:
    assert refused(repo, web.url("elsewhere.git"), how).code == "not-found"


@pytest.mark.parametrize("how", BOTH)
def test_a_server_that_went_away(repo: Path, web: Web, how: str) -> None:
    web.close()
    error = refused(repo, web.url("notes.git"), how)
    assert error.code == "offline"
    assert isinstance(error, TransientError)


@pytest.mark.parametrize("how", BOTH)
def test_a_server_that_says_nothing(repo: Path, how: str) -> None:
    with SilentPeer() as peer:
        error = refused(repo, f"http://127.0.0.1:{peer.port}/x.git", how, timeout_s=1.5)
    assert error.code in ("timeout", "offline")


@pytest.mark.parametrize("how", BOTH)
def test_a_hook_that_declines(repo: Path, web: Web, how: str) -> None:
    hook = hub(web) / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'protected branch' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(OperationError) as caught:
        transport.push(repo, web.url("notes.git"), "main", head(repo), timeout_s=T, transport=how)
    assert caught.value.code == "refused"


def test_a_server_that_takes_no_pushes(repo: Path, web: Web) -> None:
    run_git(hub(web), "config", "http.receivepack", "false")
    with pytest.raises(OperationError) as caught:
        transport.push(repo, web.url("notes.git"), "main", head(repo), timeout_s=T)
    assert caught.value.code == "auth", "403: it may let others push"


def test_a_password_in_the_address_is_never_told(repo: Path, web: Web) -> None:
    url = web.url("elsewhere.git", is_private=True, user=f"{USER}:{PASSWORD}")
    error = refused(repo, url)
    assert error.code == "not-found", "the password was right"
    assert PASSWORD not in f"{error.message} {error.hint}"


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_server_that_asks_for_a_pause(repo: Path, web: Web, status: str) -> None:
    url = web.url("notes.git")
    transport.push(repo, url, "main", head(repo), timeout_s=T)
    before = len(web.requests)
    transport.fetch(repo, url, "main", timeout_s=T)
    assert len(web.requests) - before == 2, "the second one lists one branch"
    web.refuse(status, "Retry-After: 321")
    for act in (
        lambda: transport.fetch(repo, url, "main", timeout_s=T),
        lambda: transport.push(repo, url, "main", head(repo), timeout_s=T),
    ):
        before = len(web.requests)
        with pytest.raises(TransientError) as caught:
            act()
        assert (caught.value.code, caught.value.wait_s) == ("offline", 321.0)
        assert "asks to wait for 5 min" in caught.value.message
        assert len(web.requests) - before == 1
