"""The checks of the machine, of our own files, and the table that runs them all."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitsync import places
from gitsync.config.options import Config, DaemonConfig, JobConfig
from gitsync.daemon.checks import machine, storage, table
from gitsync.daemon.checks.model import Case, CheckState, Finding, ok
from gitsync.daemon.checks.table import Row, examine
from gitsync.errors import OperationError
from gitsync.model import RepoStatus
from tests.fakes import checkup
from tests.fakes.checkup import case, only, verdicts


def program(directory: Path, name: str, script: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(f"#!/bin/sh\n{script}\n")
    (directory / name).chmod(0o755)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [("2.39.5", CheckState.OK), ("2.30.1", CheckState.WARNING), ("2.17.1 (Apple Git-1)", CheckState.PROBLEM)],
)
def test_an_old_git_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, verdict: CheckState) -> None:
    program(tmp_path / "bin", "git", f"echo git version {said}")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    assert only(machine.git_version(case())).state is verdict


def test_no_git_at_all_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert only(machine.git_version(case())).state is CheckState.PROBLEM


def test_variables_that_lead_git_astray_are_problems_and_values_stay_secret(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert only(machine.environment(case(environment=home))).state is CheckState.OK
    told = only(machine.environment(case(environment={**home, "GIT_SSH_COMMAND": "ssh -i secret"})))
    assert told.state is CheckState.OK
    assert "GIT_SSH_COMMAND" in told.message
    assert "secret" not in told.message
    assert only(machine.environment(case(environment={**home, "GIT_DIR": "/x"}))).state is CheckState.PROBLEM
    assert only(machine.environment(case(environment={}))).state is CheckState.PROBLEM


def test_the_configuration_of_now_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    monkeypatch.setenv("GITSYNC_CONFIG", str(file))
    file.write_text("")
    assert only(machine.configuration(case())).fix == "gitsyncctl watch DIR"
    file.write_text("[[repo]]\npath = 5\nqiet = 3\n")
    assert only(machine.configuration(case())).state is CheckState.PROBLEM
    file.write_text(f'[[repo]]\npath = "{tmp_path}"\n')
    assert only(machine.configuration(case())).fix == "gitsyncctl reload"
    assert only(machine.configuration(case(is_daemon=False))).state is CheckState.OK


def test_what_others_can_read_or_write_is_told_with_the_command(tmp_path: Path) -> None:
    socket = tmp_path / "run/socket"
    socket.parent.mkdir(mode=0o700)
    socket.touch(mode=0o600)
    config = tmp_path / "config/config.toml"
    config.parent.mkdir(mode=0o755)
    config.write_text("")
    config.chmod(0o644)
    mine = case(config=Config(source=config), socket=socket)
    assert verdicts(storage.permissions(mine)) == [CheckState.OK]
    socket.chmod(0o666)
    assert only(storage.permissions(mine)).fix == f"chmod 600 {socket}"
    socket.chmod(0o600)
    config.chmod(0o664)
    assert only(storage.permissions(mine)).fix == f"chmod 600 {config}"
    config.chmod(0o644)
    config.write_text('remote = "https://ada:geheim@example.org/x.git"')
    found = only(storage.permissions(mine))
    assert found.fix == f"chmod 600 {config}"
    assert "geheim" not in found.message


def test_a_full_disk_is_told_once_for_all_that_lies_on_it(repo: Path) -> None:
    notes = checkup.repository(repo)
    assert set(verdicts(storage.room(case(notes)))) <= set(CheckState)
    found = storage.room(case(notes, checkup.repository(repo / ".git")), scarce=1 << 62)
    assert set(verdicts(found)) == {CheckState.WARNING}
    assert len(found) == len({path.stat().st_dev for path in (repo, places.state_dir())})
    assert set(verdicts(storage.room(case(notes), scarce=1 << 62, low=1 << 62))) == {CheckState.PROBLEM}


def test_large_logs_are_told() -> None:
    log = places.state_dir() / "gitsync.log.1"
    log.write_bytes(b"x" * 2048)
    try:
        assert only(storage.log_size(case())).message == "the log files take 2 kB"
        assert only(storage.log_size(case(), limit=1000)).state is CheckState.WARNING
    finally:
        log.unlink()


MOUNTS = [("/", "ext4"), ("/home", "btrfs"), ("/home/u/net", "nfs4"), ("/home/u/a b", "fuse.sshfs"), ("/home", "xfs")]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/x", "ext4"),
        ("/home", "xfs"),
        ("/home/u/network", "xfs"),
        ("/home/u/net/x", "nfs4"),
        ("/home/u/a b", "fuse.sshfs"),
    ],
)
def test_the_deepest_and_latest_mount_counts(path: str, kind: str) -> None:
    assert storage.kind_of(path, MOUNTS) == kind


def test_the_kinds_of_this_machine_are_read() -> None:
    assert "proc" in {kind for _, kind in storage.mounts()}
    assert storage._mount(r"1 2 0:3 / /a\040b rw - fuse.sshfs x rw") == ("/a b", "fuse.sshfs")


def test_a_network_file_system_wants_polling(repo: Path) -> None:
    notes = checkup.repository(repo)
    network = [("/", "nfs4")]
    assert only(storage.file_system(case(notes), notes)).state is CheckState.OK
    found = only(storage.file_system(case(notes), notes, network))
    assert (found.state, found.fix) == (CheckState.WARNING, "gitsyncctl config set repo.notes.watch polling")
    polling = checkup.repository(repo, watch="polling")
    assert only(storage.file_system(case(polling), polling, network)).state is CheckState.OK


def test_polling_that_nobody_asked_for_is_told_with_its_reason(repo: Path) -> None:
    notes = checkup.repository(repo)
    status = RepoStatus("notes", str(repo), watch="polling", notes=("few watches; sudo sysctl x=1",))
    assert only(storage.file_system(case(notes, status=status), notes)).fix == "few watches; sudo sysctl x=1"


def test_inotify_is_counted() -> None:
    assert set(verdicts(machine.inotify(case()))) <= {CheckState.OK, CheckState.WARNING}


def checks(**looks: Callable[[Case], list[Finding]]) -> tuple[Row, ...]:
    return tuple(Row(id, look) for id, look in looks.items())


def test_one_check_that_fails_takes_no_other_with_it() -> None:
    def trouble(_: Case) -> list[Finding]:
        raise OperationError("no", "do")

    def gone(_: Case) -> list[Finding]:
        raise FileNotFoundError(2, "No such file", "/x")

    def bug(_: Case) -> list[Finding]:
        raise ZeroDivisionError

    rows = checks(trouble=trouble, gone=gone, bug=bug, fine=lambda _: [ok("well")])
    found = dict(examine(case(), rows=rows))
    assert (found["trouble"].state, found["trouble"].fix) == (CheckState.PROBLEM, "do")
    assert found["gone"].state is CheckState.WARNING
    assert "bug in gitsync" in found["bug"].fix
    assert found["fine"].state is CheckState.OK


def test_a_check_that_hangs_is_not_waited_for() -> None:
    import threading

    go_on = threading.Event()
    rows = checks(slow=lambda _: [ok(str(go_on.wait(60)))], fine=lambda _: [ok("well")])
    try:
        found = dict(examine(case(), patience_s=0.2, rows=rows))
    finally:
        go_on.set()
    assert "in time" in found["slow"].message
    assert found["fine"].message == "well"


def test_every_check_says_something_and_each_has_its_own_id(repo: Path) -> None:
    notes = checkup.repository(repo)
    ids = [row.id for row in table.CHECKS]
    assert len(set(ids)) == len(ids)
    config = Config(repos=(notes,), daemon=DaemonConfig())
    job = JobConfig(name="thesis", path=repo, backend="git", url=str(repo))
    found = examine(case(notes, config=config, jobs=(job,)))
    assert {id for id, _ in found} == set(ids)
    assert all(finding.message for _, finding in found)
    assert all(finding.fix for _, finding in found if finding.state is not CheckState.OK)
    assert json.dumps([finding.message for _, finding in found])


def test_a_directory_that_macos_keeps_back_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    notes = checkup.repository(tmp_path / "Documents/notes")
    notes.path.mkdir(parents=True)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert only(storage.file_system(case(notes), notes)).state is CheckState.OK
    # A terminal has a permission that the service may lack.
    assert only(storage.file_system(case(notes, is_daemon=False), notes)).state is CheckState.WARNING
    elsewhere = checkup.repository(tmp_path / "notes")
    assert only(storage.file_system(case(elsewhere, is_daemon=False), elsewhere)).state is CheckState.OK

    def refuse(path: object) -> list[str]:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "listdir", refuse)
    found = only(storage.file_system(case(notes), notes))
    assert found.state is CheckState.PROBLEM
    assert "~/Documents: Operation not permitted" in found.message
    assert "Full Disk Access" in found.fix
