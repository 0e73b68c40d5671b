"""Servers and the machines that sync with them: by rsync, on the same disk or over a real ssh server, and by git."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.fakes.git_client import GitClient
from tests.fakes.job_client import Client, ok
from tests.fakes.sshd import Sshd
from tests.needs import needs


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, tuple[str, ...], Path]]:
    """The address of the server's directory, the options it takes to get there, and where it is."""
    needs("rsync")
    server = tmp_path / "server"
    server.mkdir()
    if getattr(request, "param", "local") == "local":
        yield str(server), (), server
        return
    with Sshd(tmp_path / "sshd") as sshd:
        shell = f"ssh -F {sshd.client_config()} -o BatchMode=yes"
        yield f"away:{server}", (f"--rsh={shell}",), server


@pytest.fixture
def clients(tmp_path: Path, place: tuple[str, tuple[str, ...], Path]) -> list[Client]:
    made = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}-notes").mkdir()
        made.append(Client(tmp_path / name, tmp_path / f"{name}-notes", place[0], place[1]))
    return made


@pytest.fixture
def unison_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, tuple[str, ...], Path]]:
    """As `place`, for unison."""
    needs("unison")
    server = tmp_path / "server"
    server.mkdir()
    if getattr(request, "param", "local") == "local":
        yield str(server), (), server
        return
    with Sshd(tmp_path / "sshd") as sshd:
        (tmp_path / "server-unison").mkdir()
        own = f"servercmd = env UNISON={tmp_path}/server-unison unison"
        yield f"ssh://away/{server}", ("-sshargs", f"-F {sshd.client_config()}", own), server


@pytest.fixture
def trio(tmp_path: Path, unison_place: tuple[str, tuple[str, ...], Path]) -> list[Client]:
    """Three machines that share a directory by unison."""
    made = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}-notes").mkdir()
        made.append(Client(tmp_path / name, tmp_path / f"{name}-notes", *unison_place[:2], backend="unison"))
    return made


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    path = tmp_path / "hub.git"
    run_git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(path))
    return path


@pytest.fixture
def one(tmp_path: Path, hub: Path) -> GitClient:
    """The first client, which has made main and sent it."""
    client = GitClient.new(tmp_path, "one", hub)
    client.make()
    client.commit("main", "a.txt", "one\ntwo\nthree\n")
    ok(client.run())
    return client


@pytest.fixture
def two(tmp_path: Path, hub: Path, one: GitClient) -> GitClient:
    client = GitClient.new(tmp_path, "two", hub)
    ok(client.run())
    return client
