"""The question of `clone` on a terminal: what would come in, what this machine would send, and what an answer does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import BIN, Machine, machine
from tests.daemon.homes import ctl, mirror_of
from tests.fakes.person import Person

OWN = ".config/tool/own notes"


@pytest.fixture
def shared(box: Machine, hub: Path) -> Path:
    """The mirror of a machine that tracks four entries, pushed to the hub."""
    for name in (".vimrc", ".bashrc", ".config/tool/a"):
        path = box.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("theirs\n")
    ctl(box, "init", "--remote", str(hub))
    ctl(box, "add", *(str(box.home / name) for name in (".vimrc", ".bashrc", ".config/tool")))
    return hub


def test_what_comes_in_and_what_would_be_sent_is_asked(shared: Path, tmp_path: Path) -> None:
    for number, (key, status) in enumerate((("\x03", 130), ("\x04", 1), ("y\r", 1))):
        with machine(tmp_path / f"other{number}") as other:
            (other.home / ".vimrc").write_text("mine\n")
            (other.home / OWN).parent.mkdir(parents=True)
            (other.home / OWN).write_text("mine\n")
            argv = [str(BIN / "gitsyncctl"), "clone", str(shared)]
            with Person(argv, other.env, other.home, 80) as person:
                person.asked("Agree to it?")
                asked = person.shown
                person.type(key)
                assert person.end() == status, person.shown
            come, _, sent = asked.partition("would come in:")[2].partition("would be sent from this machine:")
            assert "~/.bashrc (is run by a shell)" in come
            assert "~/.vimrc (another version is here)" in come
            assert f"~/{OWN}" in sent
            assert (other.home / ".config/tool/a").read_text() == "theirs\n", "nothing is there that it could replace"
            is_agreed = key == "y\r"
            assert (other.home / ".bashrc").exists() == is_agreed
            assert (OWN in run_git(mirror_of(other), "ls-files")) == is_agreed
            rest = person.shown[len(asked) :]
            assert ("conflict: ~/.vimrc" in rest) == is_agreed
            assert ("gitsyncctl resume home " in rest) == (key == "\x04"), rest
            assert ("gitsyncctl status home" in rest) == (key == "\x03")
