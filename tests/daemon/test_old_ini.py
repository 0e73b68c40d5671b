"""The first GitSync's settings in the plain file ~/.config/gitsync, where gitsync's own directory has to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine


@pytest.fixture
def old(box: Machine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The INI of a machine that gitsync is new on; it watches one repository."""
    run_git(box.home, "init", "--quiet", "--initial-branch=main", str(box.home / "old"))
    run_git(box.home, "init", "--quiet", "--initial-branch=main", str(box.home / "new"))
    ini = box.home / ".config/gitsync"
    ini.parent.mkdir(parents=True, exist_ok=True)
    assert not ini.exists()
    ini.write_text(f"[gitsync]\nwork_dir = {box.home}/old   ; mine\n")
    return ini


def ctl(box: Machine, *argv: str) -> tuple[int, str]:
    done = box.ctl(*argv)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "argv",
    [
        ("watch", "{home}/new"),
        ("import", "--gitsync", "{home}/.config/gitsync"),
        ("init", "{home}/mirror"),
        ("config", "set", "daemon.notify", "off"),
    ],
    ids=lambda argv: argv[0],
)
def test_it_is_moved_aside_and_taken_over_after_saying_so(box: Machine, old: Path, argv: tuple[str, ...]) -> None:
    status, said = ctl(box, *(word.format(home=box.home) for word in argv))
    assert status == 0, said
    assert "it is moved to ~/.config/gitsync.ini" in said
    assert "work_dir" in old.with_name("gitsync.ini").read_text()
    text = (old / "config.toml").read_text()
    assert 'path = "~/old"' in text
    assert ('path = "~/new"' in text) == (argv[0] == "watch")


def test_a_plain_file_of_another_kind_stays(box: Machine, old: Path) -> None:
    old.write_text("my own notes\n")
    status, said = ctl(box, "watch", str(box.home / "new"))
    assert status != 0
    assert "gitsync" in said
    assert old.read_text() == "my own notes\n"


def test_nothing_is_overwritten_to_make_way(box: Machine, old: Path) -> None:
    old.with_name("gitsync.ini").write_text("another one\n")
    before = old.read_text()
    status, said = ctl(box, "watch", str(box.home / "new"))
    assert status == 4
    assert "cannot move" in said
    assert (old.read_text(), old.with_name("gitsync.ini").read_text()) == (before, "another one\n")
