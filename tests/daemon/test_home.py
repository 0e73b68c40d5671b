"""Home files of one machine with a daemon: what is brought over, what follows, what is left alone."""

from __future__ import annotations

import shutil

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for
from tests.daemon.homes import (
    begin,
    committed,
    ctl,
    home_status,
    mode_of,
    rename_over,
    wait_committed,
    wait_home,
)


def test_what_changes_in_the_mirror_comes_into_home(box: Machine) -> None:
    mirror = begin(box)
    path = box.home / ".vimrc"
    path.write_text("one\n")
    ctl(box, "add", str(path))
    path.write_text("two\n")
    wait_committed(box, ".vimrc", b"two\n")
    wait_home(box)
    # By hand, by git, and deleted by hand: it comes back then.
    rename_over(mirror / ".vimrc", b"by hand\n")
    wait_for("the edit in home", lambda: path.read_bytes() == b"by hand\n")
    wait_home(box)
    run_git(mirror, "checkout", "-q", "HEAD~1", "--", ".vimrc")
    run_git(mirror, "commit", "-qm", "back")
    wait_for("the checkout in home", lambda: path.read_bytes() == b"two\n")
    wait_home(box)
    (mirror / ".vimrc").unlink()
    wait_for("the mirror's file to be back", (mirror / ".vimrc").exists)
    wait_home(box)
    assert path.samefile(mirror / ".vimrc")


def test_a_directory_follows_what_appears_and_disappears(box: Machine) -> None:
    mirror = begin(box)
    top = box.home / ".config/tool"
    (top / "deep").mkdir(parents=True)
    (top / "deep/a").write_text("a\n")
    (top / "nested/.git").mkdir(parents=True)
    (top / "nested/.git/HEAD").write_text("ref: refs/heads/main\n")
    (top / "nested/file").write_text("another repository's\n")
    box.config.write_text(box.config.read_text() + 'exclude = ["*.cache"]\n')
    ctl(box, "reload")
    ctl(box, "add", str(top))
    assert committed(mirror, ".config/tool/deep/a") == b"a\n"
    (top / "new/er").mkdir(parents=True)
    (top / "new/er/b").write_text("b\n")
    (top / "x.cache").write_text("not wanted\n")
    (top / "deep/a").rename(top / "deep/renamed")
    wait_committed(box, ".config/tool/new/er/b", b"b\n")
    wait_committed(box, ".config/tool/deep/renamed", b"a\n")
    (top / "new").rename(top / "moved")
    wait_committed(box, ".config/tool/moved/er/b", b"b\n")
    shutil.rmtree(top / "moved")
    wait_for("the deletion", lambda: committed(mirror, ".config/tool/moved/er/b") is None)
    wait_home(box)
    assert run_git(mirror, "ls-files").split("\n") == [".config/tool/deep/renamed", ".gitsync-manifest"]
    assert not (mirror / ".config/tool/moved").exists()


def test_private_files_stay_private(box: Machine) -> None:
    mirror = begin(box)
    (box.home / ".ssh").mkdir(mode=0o700)
    path = box.home / ".ssh/config"
    path.write_text("Host x\n")
    path.chmod(0o600)
    ctl(box, "add", str(path))
    manifest = (mirror / ".gitsync-manifest").read_text()
    assert "mode 0600 .ssh/config\n" in manifest
    assert "mode 0700 .ssh/\n" in manifest
    path.chmod(0o640)
    wait_for("the new mode", lambda: "mode 0640 .ssh/config\n" in (mirror / ".gitsync-manifest").read_text())
    wait_home(box)
    assert mode_of(mirror) == 0o700


def test_a_secret_is_set_aside_and_named(box: Machine) -> None:
    mirror = begin(box)
    (box.home / ".ssh").mkdir(mode=0o700)
    key = box.home / ".ssh/id_rsa"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----\n")
    key.chmod(0o600)
    answer = ctl(box, "add", str(key), status=1)
    assert [item["path"] for item in answer["quarantined"]] == [".ssh/id_rsa"]
    assert committed(mirror, ".ssh/id_rsa") is None
    assert [item["path"] for item in home_status(box)["quarantined"]] == [".ssh/id_rsa"]


def test_removing_leaves_home_and_history(box: Machine) -> None:
    mirror = begin(box)
    path = box.home / ".vimrc"
    path.write_text("one\n")
    ctl(box, "add", str(path))
    wait_home(box)
    assert [item["path"] for item in ctl(box, "remove", str(path))["removed"]] == [".vimrc"]
    assert path.read_text() == "one\n"
    assert not (mirror / ".vimrc").exists()
    assert run_git(mirror, "show", "HEAD~1:.vimrc") == "one"
    assert ctl(box, "list")["home"] == []
    assert wait_home(box)["tracked"] == 0


def test_what_belongs_to_gitsync_is_left_out_of_a_tracked_directory_and_said(box: Machine) -> None:
    mirror = begin(box)
    (box.home / ".config/app").mkdir(parents=True)
    (box.home / ".config/app/rc").write_text("1\n")
    own = box.home / ".config/gitsync/config.toml"
    assert box.config == own
    answer = ctl(box, "add", str(box.home / ".config"))
    assert [item["path"] for item in answer["left_out"]] == [".config/gitsync"]
    assert committed(mirror, ".config/app/rc") == b"1\n"
    assert committed(mirror, ".config/gitsync/config.toml") is None
    assert "~/.config/gitsync is left out: it belongs to gitsync" in " ".join(box.ctl("status").stdout.split())
    # So is a repository in a tracked directory; and of a link it is said what is tracked.
    run_git(box.home, "init", "-q", ".zsh/plugin")
    (box.home / ".zsh/rc").write_text("1\n")
    (box.home / "stow").mkdir()
    (box.home / "stow/vimrc").write_text("1\n")
    (box.home / ".vimrc").symlink_to("stow/vimrc")
    told = " ".join(box.ctl("add", str(box.home / ".zsh"), str(box.home / ".vimrc")).stdout.split())
    assert "~/.zsh/plugin is left out: a git repository of its own" in told
    assert "~/.vimrc is a symbolic link: it is tracked, and not ~/stow/vimrc" in told
    assert "gitsyncctl add --follow ~/.vimrc" in told


def test_deleting_everything_at_once_waits_for_a_person(box: Machine) -> None:
    mirror = begin(box)
    paths = [box.home / f".file{count}" for count in range(3)]
    for path in paths:
        path.write_text("kept\n")
    ctl(box, "add", *map(str, paths))
    wait_home(box)
    for path in paths:
        path.unlink()
    status = wait_for("the halt", lambda: s if (s := home_status(box))["state"] == "halted" else None)
    assert status["error"]["code"] == "home-emptied"
    assert committed(mirror, ".file0") == b"kept\n"
    box.ctl("resume", "home", "--accept")
    wait_for("the deletion", lambda: committed(mirror, ".file0") is None)
    assert run_git(mirror, "show", "HEAD~1:.file0") == "kept"


def test_a_killed_daemon_goes_on(box: Machine) -> None:
    mirror = begin(box)
    path = box.home / ".vimrc"
    path.write_text("one\n")
    ctl(box, "add", str(path))
    assert box.process is not None
    box.process.kill()
    box.process.wait()
    rename_over(path, b"while it was dead\n")
    (mirror / ".gitsync-manifest").write_text("garbage\n")
    box.start()
    wait_committed(box, ".vimrc", b"while it was dead\n")
    wait_home(box)
    assert "track * .vimrc\n" in (mirror / ".gitsync-manifest").read_text()
    assert path.samefile(mirror / ".vimrc")


def test_restore_starts_from_what_home_has(box: Machine) -> None:
    mirror = begin(box)
    path = box.home / ".vimrc"
    path.write_text("one\n")
    ctl(box, "add", str(path))
    for text in ("good\n", "bad\n"):
        path.write_text(text)
        wait_committed(box, ".vimrc", text.encode())
    # Not committed yet when it is asked for: it is kept, and the one before it is brought back.
    path.write_text("worse\n")
    ctl(box, "restore", str(path))
    assert path.read_text() == "bad\n"
    assert "+worse" in run_git(mirror, "log", "-p")
    ctl(box, "undo", "home")
    assert path.read_text() == "worse\n"
    path.unlink()
    ctl(box, "restore", str(path))
    assert path.read_text() == "worse\n"
    wait_home(box)
    assert [item["path"] for item in ctl(box, "list")["home"]] == [".vimrc"]


def test_the_mirror_can_be_left_and_nothing_is_deleted(box: Machine) -> None:
    mirror = begin(box)
    path = box.home / ".vimrc"
    path.write_text("one\n")
    ctl(box, "add", str(path))
    answer = ctl(box, "unwatch", "home")
    assert answer == {"name": "home", "path": str(mirror)}
    assert box.status()["home"] is None
    assert "[home]" not in box.config.read_text()
    path.write_text("two\n")
    box.stop()
    assert committed(mirror, ".vimrc") == b"one\n"
    # Begun again it goes on where it was.
    box.start()
    ctl(box, "init")
    wait_committed(box, ".vimrc", b"two\n")


def test_a_mirror_may_have_any_name(box: Machine) -> None:
    made = ctl(box, "init", "my $HOME/files")
    assert made["repo"] == str(box.home / "my $HOME/files")
    assert box.config.read_text().endswith('[home]\nrepo = "~/my $$HOME/files"\n')
    assert home_status(box)["repo"] == made["repo"]
