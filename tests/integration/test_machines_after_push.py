"""After a push, a machine hears soon that the others have it, where that needs no connection of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.core.machines import Report
from gitsync.engine.messages import Committed, Noticing
from gitsync.git.remote.ssh_master import SshMaster
from tests.conftest import run_git
from tests.fakes.sshd import Sshd
from tests.fakes.wire import Wire


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A runtime directory with a path as short as real ones are."""
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as directory:
        monkeypatch.setenv("XDG_RUNTIME_DIR", directory)
        yield


@pytest.fixture
def wire(repo: Path, tmp_path: Path, runtime: None) -> Iterator[tuple[Wire, Sshd]]:
    """An exchanger whose remote is behind a server, by a connection that another owner keeps open."""
    (tmp_path / "state/repos/notes").mkdir(parents=True)
    it = Wire(repo, tmp_path)
    it.repo_state_dir = tmp_path / "state/repos/notes"
    line = SshMaster()
    with Sshd(tmp_path / "ssh") as sshd:
        run_git(repo, "config", "core.sshCommand", sshd.ssh_command())
        run_git(repo, "remote", "set-url", "origin", sshd.url(it.hub))
        line.keep(repo, "origin")
        ends_at = time.monotonic() + 60
        while not line.is_ready(repo, "origin"):
            assert time.monotonic() < ends_at
            time.sleep(0.02)
        it.begin(pull="6h")
        it.tell(Noticing("notes", "ssh", line=line.path))
        yield it, sshd
        line.close()


def seen_of_desk(wire: Wire) -> set[str]:
    return {report.commit for report in wire.board.exchange("notes", "").machines if report.name == "desk"}


def test_what_others_report_after_a_push_is_read_over_the_open_connection(wire: tuple[Wire, Sshd]) -> None:
    it, sshd = wire
    it.sync()
    it.run(1.0)
    old = Report("b" * 16, "desk", it.clock.wall(), it.head(), branch="main", version="1")
    run_git(it.hub, "update-ref", old.ref, old.commit)
    head = it.commit("saved")
    it.board.set_local("notes", head=head)
    it.tell(Committed("notes", "main", head))
    it.sync()
    it.run(5.0)
    assert it.there() == head
    assert seen_of_desk(it) == {old.commit}
    new = Report(old.id, "desk", it.clock.wall(), head, branch="main", version="1")
    run_git(it.hub, "update-ref", "-d", old.ref)
    run_git(it.hub, "update-ref", new.ref, head)
    it.run(60.0)
    assert seen_of_desk(it) == {head}
    assert sshd.connections == 1
    due_at = it.exchanger.wake_at()
    assert due_at is not None
    assert due_at > it.clock.now() + 600.0, "nobody lacks it, so nobody is asked"
