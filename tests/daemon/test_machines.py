"""Machines that know of each other: real daemons on one remote, on a path and behind a real sshd."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.fakes.sshd import Sshd

KEYS = ["id", "name", "this", "seen", "commit", "missing", "ahead", "needs_user"]
REFS = "refs/gitsync/machines/"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "b") as it:
        yield it


def call(it: Machine, name: str, *roots: Path, extra: str = "") -> None:
    """Configure a machine that is called `name`."""
    it.configure(*roots, extra=extra)
    it.write_config(it.config.read_text() + f'\n[daemon]\nmachine = "{name}"\n')


def machines(it: Machine) -> dict[str, dict[str, Any]]:
    (repo,) = json.loads(it.ctl("machines", "--json").stdout)["repos"]
    assert repo["name"] == "notes"
    return {each["name"]: each for each in repo["machines"]}


def wait_for_words(it: Machine, words: str, *command: str) -> str:
    said: list[str] = [""]

    def is_said() -> bool:
        said[0] = it.ctl(*command).stdout
        return words in said[0]

    try:
        wait_for(words, is_said)
    except AssertionError as error:
        raise AssertionError(f"{error}\nlast: {said[0]}\n{it.log.read_text()[-900:]}") from None
    return said[0]


def test_who_has_what(box: Machine, other: Machine, hub: Path) -> None:
    root = box.repo(remote=hub)
    call(box, "laptop", root)
    box.start()
    box.wait_state("ok")
    wait_for("the first report", lambda: run_git(hub, "for-each-ref", REFS))
    run_git(other.home, "clone", "-q", str(hub), "notes")
    call(other, "desk", other.home / "notes")
    other.start()
    wait_for_words(box, "all 2 machines have it: safe to close", "status")
    head = run_git(root, "rev-parse", "HEAD")
    assert machines(box).keys() == {"laptop", "desk"}
    for name, each in machines(box).items():
        assert list(each) == KEYS
        assert each["this"] is (name == "laptop")
        assert (each["commit"], each["missing"], each["ahead"], each["needs_user"]) == (head, 0, 0, False)
    assert box.repo_status()["machines"][1] == machines(box)["desk"]

    other.stop()
    (root / "a.txt").write_text("a\n")
    wait_for_words(box, "desk: has all but 1 commit, seen", "status")
    assert "safe to close" not in box.ctl("status").stdout
    wait_for("the push", lambda: run_git(hub, "rev-parse", "main") == run_git(root, "rev-parse", "HEAD"))
    away = hub.rename(hub.with_name("away"))
    (root / "b.txt").write_text("b\n")
    said = wait_for_words(box, "1 commit exists only here, since", "machines")
    assert "has all but 2 commits" in said
    away.rename(hub)

    # The other machine sees what is reported also while no daemon runs there, and catches up with one.
    assert machines(other)["laptop"]["missing"] == 0
    other.start()
    wait_for_words(box, "all 2 machines have it: safe to close", "status")
    other.stop()
    assert box.ctl("machines", "forget", "nobody").returncode == 2
    assert box.ctl("machines", "forget", "laptop").returncode == 2
    forgotten = json.loads(box.ctl("machines", "forget", "desk", "--json").stdout)["forgotten"]
    assert [(each["repo"], each["machine"]) for each in forgotten] == [("notes", "desk")]
    assert machines(box).keys() == {"laptop"}
    assert len(run_git(hub, "for-each-ref", REFS).splitlines()) == 1
    assert run_git(hub, "log", "--format=%s", "main").splitlines() == ["Add b.txt", "Add a.txt", "first"]
    assert (
        run_git(root, "for-each-ref", "refs/gitsync/machines", "refs/heads", "--format=%(refname)") == "refs/heads/main"
    )


@pytest.mark.parametrize("command", ["", 'git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"'])
def test_a_server_with_a_shell_gets_reports_by_itself(box: Machine, hub: Path, tmp_path: Path, command: str) -> None:
    with Sshd(tmp_path / "ssh") as sshd:
        if command:
            key = sshd.client_key.with_suffix(".pub").read_text()
            sshd.authorized_keys.write_text(f'command="{command}" {key}')
        root = box.repo()
        run_git(root, "config", "core.sshCommand", sshd.ssh_command())
        run_git(root, "remote", "add", "origin", sshd.url(hub))
        call(box, "laptop", root)
        box.start()
        box.wait_state("ok")
        assert box.ctl("sync", "--wait").returncode == 0
        assert run_git(hub, "rev-parse", "main") == run_git(root, "rev-parse", "HEAD")
        reports = run_git(hub, "for-each-ref", REFS)
        if not command:
            assert ",laptop,main," in reports
            return
        assert reports == ""
        said = box.ctl("machines").stdout
        assert "gitsyncctl config set repo.notes.presence on" in " ".join(said.split())
        assert box.ctl("config", "set", "repo.notes.presence", "on").returncode == 0
        assert box.ctl("reload").returncode == 0
        wait_for("a report", lambda: ",laptop,main," in run_git(hub, "for-each-ref", REFS))
