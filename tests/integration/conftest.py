"""A server's directory and three machines that sync with it, by rsync: on the same disk, or over a real ssh server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.job_client import Client
from tests.fakes.sshd import Sshd


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, tuple[str, ...], Path]]:
    """The address of the server's directory, the options it takes to get there, and where it is."""
    if shutil.which("rsync") is None:
        if os.environ.get("CI"):
            pytest.fail("this machine has no rsync")
        pytest.skip("needs rsync")
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
