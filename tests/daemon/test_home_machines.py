"""Home files of two machines that share a hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.daemon.homes import (
    QUICK,
    begin,
    committed,
    ctl,
    home_status,
    mirror_of,
    mode_of,
    rename_over,
    truncate,
    wait_home,
)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "b") as it:
        yield it


def pair(box: Machine, other: Machine, hub: Path) -> None:
    begin(box, "--remote", str(hub))
    (box.home / ".vimrc").write_text("one\n")
    ctl(box, "add", str(box.home / ".vimrc"))
    wait_for("the push", lambda: committed(hub, ".vimrc") == b"one\n")
    other.write_config(QUICK)
    other.start()
    ctl(other, "clone", str(hub))


def test_an_edit_arrives_in_the_other_home_and_back(box: Machine, other: Machine, hub: Path) -> None:
    pair(box, other, hub)
    here, there = box.home / ".vimrc", other.home / ".vimrc"
    assert there.read_bytes() == b"one\n"
    rename_over(here, b"two\n")
    wait_for("the edit to arrive", lambda: there.read_bytes() == b"two\n")
    truncate(there, b"three\n")
    wait_for("the answer", lambda: here.read_bytes() == b"three\n")
    # A new directory, with its permissions.
    (there.parent / ".private").mkdir(mode=0o700)
    (there.parent / ".private/x").write_text("x\n")
    (there.parent / ".private/x").chmod(0o600)
    ctl(other, "add", str(there.parent / ".private"))
    wait_for("the directory", (here.parent / ".private/x").exists)
    wait_home(box)
    assert mode_of(here.parent / ".private") == 0o700
    assert mode_of(here.parent / ".private/x") == 0o600
    # A deletion goes along, a removal does not.
    (here.parent / ".private/x").unlink()
    wait_for("the deletion", lambda: not (there.parent / ".private/x").exists())
    ctl(box, "remove", str(here))
    wait_for("the removal", lambda: home_status(other)["tracked"] == 0)
    wait_home(other)
    assert there.read_bytes() == b"three\n"
    wait_for("equal heads", lambda: run_git(mirror_of(box), "rev-parse", "HEAD") == run_git(hub, "rev-parse", "main"))


def test_both_change_one_file(box: Machine, other: Machine, hub: Path) -> None:
    pair(box, other, hub)
    here, there = box.home / ".vimrc", other.home / ".vimrc"
    lines = [f"line {count}\n" for count in range(9)]
    here.write_text("".join(lines))
    wait_for("the lines", lambda: there.read_text() == "".join(lines))
    for it in (box, other):
        wait_home(it)
        it.ctl("pause", "home")
    here.write_text("".join(["here\n", *lines[1:]]))
    there.write_text("".join([*lines[:-1], "there\n"]))
    for it in (box, other):
        it.ctl("resume", "home")
    merged = "".join(["here\n", *lines[1:-1], "there\n"])
    wait_for("the merge", lambda: here.read_text() == there.read_text() == merged)


def test_a_clone_overwrites_nothing_unseen(box: Machine, other: Machine, hub: Path) -> None:
    begin(box, "--remote", str(hub))
    for name in (".same", ".other"):
        (box.home / name).write_text("theirs\n")
    ctl(box, "add", str(box.home / ".same"), str(box.home / ".other"))
    wait_for("the push", lambda: committed(hub, ".other") == b"theirs\n")
    (other.home / ".same").write_text("theirs\n")
    (other.home / ".other").write_text("mine\n")
    (other.home / ".other").chmod(0o600)
    other.write_config(QUICK)
    answer = ctl(other, "clone", "--yes", str(hub), status=1)
    assert answer["home"]["conflicts"] == [".other"]
    kept = sorted(path.name for path in other.home.glob(".other*"))
    assert len(kept) == 2
    assert (other.home / ".other").read_text() == "theirs\n"
    assert (other.home / kept[1]).read_text() == "mine\n"
    assert "mine" in run_git(mirror_of(other), "log", "-p", "--all", "--", ".other")
    assert mode_of(other.home / ".other") == 0o600


@pytest.mark.soak
@pytest.mark.parametrize("has_daemon", [True, False])
def test_a_clone_into_the_place_that_is_configured_already(
    box: Machine, other: Machine, hub: Path, has_daemon: bool
) -> None:
    begin(box, "--remote", str(hub))
    (box.home / ".vimrc").write_text("one\n")
    ctl(box, "add", str(box.home / ".vimrc"))
    wait_for("the push", lambda: committed(hub, ".vimrc") == b"one\n")
    other.write_config(f'{QUICK}[home]\nrepo = "~/mirror"\n')
    if has_daemon:
        other.start()
    ctl(other, "clone", "--yes", str(hub))
    assert (other.home / ".vimrc").read_text() == "one\n"
    assert (home_status(other)["tracked"], home_status(other)["error"]) == (1, None)


def asked_of(it: Machine) -> dict[str, object]:
    questions = wait_for("the question", lambda: home_status(it)["questions"])
    assert len(questions) == 1
    return dict(questions[0])


def test_what_another_machine_adds_comes_in_when_it_is_accepted(box: Machine, other: Machine, hub: Path) -> None:
    pair(box, other, hub)
    for name in (".one", ".two"):
        (box.home / name).write_text("theirs\n")
        (other.home / name).write_text("mine\n")
    ctl(box, "add", str(box.home / ".one"))
    asked = asked_of(other)
    assert (asked["kind"], asked["paths"], asked["answers"]) == ("incoming", [".one"], ["accept", "leave"])
    assert other.ctl("resume", "home", "--accept", "q-00000000").returncode == 2
    ctl(other, "resume", "home", "--accept", str(asked["id"]))
    assert home_status(other)["questions"] == []
    wait_for("both versions", lambda: {path.read_text() for path in other.home.glob(".one*")} == {"theirs\n", "mine\n"})
    ctl(box, "add", str(box.home / ".two"))
    assert asked_of(other)["paths"] == [".two"]
    ctl(other, "resume", "home", "--answer", "leave")
    assert home_status(other)["questions"] == []
    assert (other.home / ".two").read_text() == "mine\n"
    # Without a daemon, too; what opens a door asks although nothing stands there.
    (box.home / ".ssh").mkdir(mode=0o700)
    (box.home / ".ssh/authorized_keys").write_text("ssh-ed25519 AAAA\n")
    ctl(box, "add", str(box.home / ".ssh/authorized_keys"))
    door = asked_of(other)
    assert not (other.home / ".ssh").exists()
    other.stop()
    ctl(other, "resume", "home", "--accept", str(door["id"]))
    assert (other.home / ".ssh/authorized_keys").read_text() == "ssh-ed25519 AAAA\n"
    assert mode_of(other.home / ".ssh") == 0o700


def test_a_directory_in_the_way_of_what_was_accepted_is_an_error(box: Machine, other: Machine, hub: Path) -> None:
    pair(box, other, hub)
    (box.home / ".one").write_text("theirs\n")
    (other.home / ".one").mkdir()
    (other.home / ".one/kept").write_text("mine\n")
    ctl(box, "add", str(box.home / ".one"))
    asked_of(other)
    refused = other.ctl("resume", "home", "--accept")
    assert refused.returncode == 2
    for word in ("accept", "leave"):
        assert f"gitsyncctl resume home --answer {word}" in refused.stderr
    other.ctl("resume", "home", "--answer", "accept")
    error = wait_for("the error", lambda: home_status(other)["error"])
    assert ".one" in error["message"]
    (other.home / ".one/kept").unlink()
    (other.home / ".one").rmdir()
    wait_for("the file", lambda: (other.home / ".one").is_file())
    wait_home(other)


def test_an_entry_for_one_machine_is_only_there(box: Machine, other: Machine, hub: Path) -> None:
    pair(box, other, hub)
    (box.home / ".screen").write_text("laptop\n")
    (other.home / ".screen").write_text("desk, and its own\n")
    ctl(box, "add", str(box.home / ".screen"), "--host", "nobody-is-called-so")
    (box.home / ".vimrc").write_text("after\n")
    wait_for("what came after", lambda: (other.home / ".vimrc").read_text() == "after\n")
    assert (other.home / ".screen").read_text() == "desk, and its own\n"
    assert wait_home(other)["tracked"] == 1


def test_a_single_pass_sends_what_it_commits_last(box: Machine, other: Machine, hub: Path) -> None:
    """The conflict copy of a home file becomes an entry of the manifest, after the exchange that brought it."""
    pair(box, other, hub)
    wait_home(box)
    box.stop()
    other.stop()
    for each in (box, other):
        (each.home / ".vimrc").write_text(f"from {each.home.parent.name}\n")
    for each in (box, other, box):
        assert each.gitsync("--once").returncode in (0, 1)
        assert run_git(mirror_of(each), "rev-parse", "HEAD") == run_git(hub, "rev-parse", "main")
