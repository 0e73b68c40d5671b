"""Whose word counts: what another machine tracks is a question here, and takes nothing out of this home unasked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.engine.messages import TakeAnswer
from gitsync.errors import UsageError
from gitsync.mirror import agreement_file
from gitsync.model import Question
from tests.conftest import run_git
from tests.fakes.homes import HomeBench, mode_of, settled

pytestmark = pytest.mark.slow


class Two:
    """This machine, which tracks .vimrc alone, and another one that shares its mirror."""

    def __init__(self, base: Path) -> None:
        self.hub = base / "hub.git"
        run_git(base, "init", "-q", "--bare", str(self.hub))
        self.me, self.other = HomeBench(base / "me"), HomeBench(base / "other")
        self.me.begin()
        self.me.write(".vimrc", "v\n")
        self.me.track(".vimrc")
        self.me.exchange(self.hub)
        self.other.begin(self.hub)
        self.other.run()

    def share(self, *names: str) -> None:
        """Let the other machine track these, and this one take in its mirror."""
        self.other.track(*names)
        self.other.exchange(self.hub)
        self.me.exchange(self.hub)
        self.me.sync()

    def question(self) -> Question:
        (found,) = self.me.board.status("home").questions
        return found

    def answer(self, word: str, *ids: str) -> bool:
        found: bool = self.me.ask(TakeAnswer(word, ids)).result(0)
        self.me.sync()
        self.me.exchange(self.hub)
        return found

    def sent(self, text: str) -> bool:
        return text in run_git(self.hub, "log", "--all", "-p", "--format=")


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    it = Two(tmp_path)
    yield it
    it.me.stop()
    it.other.stop()


def test_nothing_is_sent_that_only_another_machine_tracks(two: Two) -> None:
    for machine in (two.me, two.other):
        machine.write(".history", f"of {machine.base.name}\n")
        machine.write(f"Documents/{machine.base.name}", f"letter of {machine.base.name}\n")
    two.share(".history", "Documents")
    two.me.exchange(two.hub)
    assert two.sent("letter of other")
    assert not two.sent("of me\n")
    assert (two.me.home / ".history").read_text() == "of me\n"
    assert (two.me.home / "Documents/other").read_text() == "letter of other\n"
    question = two.question()
    assert question.kind == "incoming"
    assert question.paths == (".history", "Documents/")
    assert question.count == 2
    assert two.me.board.status("home").needs_person


def test_what_came_in_where_nothing_stood_is_followed(two: Two) -> None:
    two.other.write("Documents/other", "one\n")
    two.share("Documents")
    two.me.write("Documents/other", "two\n")
    two.me.write("Documents/mine", "mine\n")
    two.me.run()
    two.me.exchange(two.hub)
    assert two.me.committed("Documents/other") == "two\n"
    assert two.me.committed("Documents/mine") is None


def test_an_answer_takes_in_and_sends(two: Two) -> None:
    for machine in (two.me, two.other):
        machine.write(f"Documents/{machine.base.name}", f"letter of {machine.base.name}\n")
    two.other.write(".history", "one\n")
    two.share("Documents", ".history")
    assert two.answer("accept", two.question().id)
    assert two.me.board.status("home").questions == ()
    assert two.me.committed("Documents/me") == "letter of me\n"
    settled(two.me)


def test_an_accepted_file_that_differs_is_merged_and_none_is_lost(two: Two) -> None:
    for machine in (two.me, two.other):
        machine.write(".toolrc", f"of {machine.base.name}\n")
    two.share(".toolrc")
    assert (two.me.home / ".toolrc").read_text() == "of me\n"
    two.answer("accept")
    found = {path.read_text() for path in two.me.home.glob(".toolrc*")}
    assert found == {"of me\n", "of other\n"}


def test_an_accepted_file_that_is_missing_here_is_not_deleted_there(two: Two) -> None:
    two.other.write(".bashrc", "b\n")
    two.share(".bashrc")
    assert not (two.me.home / ".bashrc").exists()
    assert "run by a shell" in two.question().message
    two.answer("accept")
    assert (two.me.home / ".bashrc").read_text() == "b\n"
    settled(two.me)


def test_an_answer_holds_for_its_question_alone(two: Two) -> None:
    two.other.write(".bashrc", "b\n")
    two.share(".bashrc")
    asked = two.question().id
    two.other.write(".zshrc", "z\n")
    two.share(".zshrc")
    assert not two.answer("accept", asked)
    assert not (two.me.home / ".zshrc").exists()
    with pytest.raises(UsageError, match="not one of its answers"):
        two.answer("perhaps")


def test_what_is_left_is_asked_about_no_more(two: Two) -> None:
    two.other.write(".bashrc", "b\n")
    two.me.write(".bashrc", "mine\n")
    two.share(".bashrc")
    assert two.answer("leave")
    assert two.me.board.status("home").questions == ()
    two.me.stop()
    two.me.start()
    two.me.sync()
    assert two.me.board.status("home").questions == ()
    assert (two.me.home / ".bashrc").read_text() == "mine\n"
    two.me.track(".bashrc")
    assert {path.read_text() for path in two.me.home.glob(".bashrc*")} == {"mine\n", "b\n"}


def test_what_runs_code_asks_even_in_an_agreed_directory(two: Two) -> None:
    two.me.write(".ssh/known", "k\n")
    two.me.track(".ssh")
    two.me.exchange(two.hub)
    two.other.exchange(two.hub)
    two.other.ask(TakeAnswer("accept")).result(0)
    two.other.sync()
    two.other.write(".ssh/authorized_keys", "a key\n", 0o600)
    two.other.run()
    two.other.exchange(two.hub)
    two.me.exchange(two.hub)
    two.me.sync()
    assert not (two.me.home / ".ssh/authorized_keys").exists()
    assert two.question().paths == (".ssh/authorized_keys",)
    two.me.stop()
    two.me.start()
    two.me.sync()
    two.answer("accept", two.question().id)
    assert (two.me.home / ".ssh/authorized_keys").read_text() == "a key\n"
    two.other.exchange(two.hub)
    two.other.write(".ssh/authorized_keys", "another key\n")
    two.other.run()
    two.other.exchange(two.hub)
    two.me.exchange(two.hub)
    assert (two.me.home / ".ssh/authorized_keys").read_text() == "another key\n"
    settled(two.me)


def test_agreements_from_before_there_was_a_question_stay(two: Two) -> None:
    two.me.stop()
    (two.me.repo_state_dir / agreement_file.NAME).unlink()
    two.me.start()
    two.me.write(".vimrc", "new\n")
    two.me.sync()
    assert two.me.committed(".vimrc") == "new\n"
    assert two.me.board.status("home").questions == ()


def test_what_both_have_is_linked_without_a_word(tmp_path: Path) -> None:
    two = Two(tmp_path)
    two.other.write(".bashrc", "alike\n")
    two.me.write(".bashrc", "alike\n")
    two.share(".bashrc")
    assert two.me.board.status("home").questions == ()
    assert (two.me.home / ".bashrc").samefile(two.me.mirror / ".bashrc")
    two.me.stop()
    two.other.stop()


def test_no_file_from_elsewhere_is_writable_by_others(two: Two) -> None:
    two.other.write(".toolrc", "x\n", 0o666)
    two.share(".toolrc")
    (two.other.home / "bin").mkdir()
    two.other.write("bin/tool", "x\n", 0o4777)
    two.share("bin")
    assert mode_of(two.me.home / ".toolrc") & 0o7002 == 0
    assert mode_of(two.me.home / "bin/tool") & 0o7002 == 0
    assert mode_of(two.other.home / ".toolrc") == 0o666


def test_a_link_to_somewhere_else_is_out_of_reach(two: Two) -> None:
    two.other.write("Documents/other", "x\n")
    (two.me.home / "elsewhere").mkdir()
    os.symlink("elsewhere", two.me.home / "Documents")
    two.share("Documents")
    assert list((two.me.home / "elsewhere").iterdir()) == []
