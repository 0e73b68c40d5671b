"""`gitsyncctl server init` makes a place for machines to meet in, by ssh or on a disk, and changes none that exists."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from gitsync.errors import UsageError
from gitsync.git.remote.bare import place_of
from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for
from tests.fakes.sshd import Sshd


def setting(hub: Path, key: str) -> str:
    return run_git(hub, "config", key, check=False)


def test_on_a_server_it_is_the_remote_of_a_repository_and_filled_at_once(box: Machine, tmp_path: Path) -> None:
    with Sshd(tmp_path / "ssh") as server:
        root, far = box.repo(), tmp_path / "ssh/home"
        run_git(root, "branch", "-m", "trunk")
        run_git(root, "config", "core.sshCommand", server.ssh_command())
        box.configure(root)
        box.start()
        done = box.ctl("server", "init", "away:~/it's here/notes.git", "--for", "notes")
        assert done.returncode == 0, done.stderr
        url = done.stdout.splitlines()[-1]
        assert url == "away:~/it's here/notes.git"
        hub = far / "it's here/notes.git"
        assert run_git(root, "remote", "get-url", "origin") == url
        assert run_git(hub, "symbolic-ref", "HEAD") == "refs/heads/trunk"
        assert setting(hub, "receive.denyNonFastForwards") == "true"
        assert setting(hub, "receive.autogc") == "false"
        wait_for("the first push", lambda: run_git(hub, "ls-tree", "--name-only", "HEAD", check=False) == "first.txt")


def test_a_server_without_a_shell_or_that_is_away_is_said(box: Machine, tmp_path: Path) -> None:
    with Sshd(tmp_path / "ssh") as server:
        key = server.authorized_keys.read_text()
        server.authorized_keys.write_text(f'command="git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"" {key}')
        with (box.home / ".gitconfig").open("a") as config:
            config.write(f"[core]\nsshCommand = {json.dumps(server.ssh_command())}\n")
        done = box.ctl("server", "init", "away:notes.git")
        assert done.returncode == 4
        assert "gives no shell" in done.stderr
    done = box.ctl("server", "init", "away:notes.git")
    assert (done.returncode, "cannot be reached" in done.stderr) == (4, True), done.stderr


@pytest.mark.soak
def test_on_a_disk_what_exists_is_left_as_it_is(box: Machine) -> None:
    disk = box.home / "disk"
    done = box.ctl("server", "init", "disk/notes.git")
    assert done.stdout.splitlines()[-1] == str(disk / "notes.git")
    run_git(disk / "notes.git", "config", "gitsync.test", "kept")
    (disk / "files").mkdir()
    (disk / "files/a.txt").write_text("a\n")
    (disk / "empty").mkdir()
    (disk / "plain").write_text("plain\n")
    work = box.repo()
    for name in ("notes.git", "files", "plain", str(work)):
        done = box.ctl("server", "init", str(disk / name))
        assert (done.returncode, "left as it is" in done.stderr) == (4, True), (name, done.stdout, done.stderr)
    assert setting(disk / "notes.git", "gitsync.test") == "kept"
    assert [each.name for each in (disk / "files").iterdir()] == ["a.txt"]
    assert (disk / "plain").read_text() == "plain\n"
    answer = json.loads(box.ctl("server", "init", str(disk / "empty"), "--json").stdout)
    assert answer == {"url": str(disk / "empty"), "branch": "main", "for": None}
    assert setting(disk / "empty", "core.bare") == "true"


def test_a_disk_that_is_not_mounted_gets_no_directory(box: Machine) -> None:
    done = box.ctl("server", "init", "/media/gitsync-no-such-disk/notes.git")
    assert done.returncode == 4
    assert "does not exist" in done.stderr
    assert not Path("/media/gitsync-no-such-disk").exists()


def test_a_repository_that_has_a_remote_keeps_it(box: Machine, hub: Path) -> None:
    box.configure(box.repo(remote=hub))
    done = box.ctl("server", "init", "other.git", "--for", "notes")
    assert (done.returncode, "has a remote already" in done.stderr) == (2, True)
    assert not (box.home / "other.git").exists()
    # One that was set before it was there is created.
    later = box.home / "later.git"
    run_git(box.home / "notes", "remote", "set-url", "origin", str(later))
    assert box.ctl("server", "init", str(later), "--for", "notes").returncode == 0
    assert run_git(box.home / "notes", "remote") == "origin"
    assert setting(later, "core.bare") == "true"


@pytest.mark.parametrize(
    ("address", "path", "host"),
    [
        ("desk:notes.git", "notes.git", "desk"),
        ("ada@desk:~/notes.git", "~/notes.git", "-l ada desk"),
        ("ssh://ada@desk:2222/srv/notes.git", "/srv/notes.git", "-p 2222 -l ada desk"),
        ("ssh://desk/~/notes.git", "~/notes.git", "desk"),
        ("/media/usb/notes.git/", "/media/usb/notes.git", ""),
    ],
)
def test_a_place_is_read_as_git_reads_it(address: str, path: str, host: str) -> None:
    place = place_of(address)
    assert (place.path, shlex.join(place.host)) == (path, host)


@pytest.mark.parametrize("address", ["desk:", "-oProxyCommand=x:notes.git", "https://host/notes.git", "notes.git", "/"])
def test_what_is_no_place_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        place_of(address)


@pytest.mark.parametrize("is_far", [False, True], ids=["disk", "ssh"])
def test_the_head_of_an_empty_repository_names_what_is_pushed_first(
    box: Machine, tmp_path: Path, hub: Path, is_far: bool
) -> None:
    with Sshd(tmp_path / "ssh") as server:
        run_git(hub, "symbolic-ref", "HEAD", "refs/heads/trunk")
        root = box.repo()
        run_git(root, "remote", "add", "origin", server.url(hub) if is_far else str(hub))
        run_git(root, "config", "core.sshCommand", server.ssh_command())
        box.configure(root)
        box.start()
        wait_for("HEAD", lambda: run_git(hub, "symbolic-ref", "HEAD") == "refs/heads/main")
        # What is pushed later leaves it alone.
        run_git(root, "switch", "-qc", "other")
        (root / "b.txt").write_text("b\n")
        wait_for("the other branch", lambda: run_git(hub, "rev-parse", "-q", "--verify", "other", check=False))
        assert run_git(hub, "symbolic-ref", "HEAD") == "refs/heads/main"
