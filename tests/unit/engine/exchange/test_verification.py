"""`verify = "signed"`: what git accepts comes in, anything else is a question. Real ssh keys, real git."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.engine.memory import EXCHANGE_FILE, ExchangeMemory
from gitsync.engine.messages import Fetched, Opened, Resume
from gitsync.model import Question, RepoState
from tests.conftest import run_git
from tests.fakes.signers import Signers, sign_with
from tests.fakes.wire import Wire
from tests.needs import needs

pytestmark = pytest.mark.slow


class Following(Wire):
    """An exchange whose committer takes in what it is told of, where nothing is to be merged."""

    def answer(self) -> None:
        for message in self.told:
            if isinstance(message, Fetched) and message.upstream is not None:
                run_git(self.repo, "merge", "-q", "--ff-only", message.upstream)
        super().answer()


@pytest.fixture
def signers(tmp_path: Path) -> Signers:
    needs("ssh-keygen")
    return Signers(tmp_path / "keys")


@pytest.fixture
def wire(repo: Path, tmp_path: Path, signers: Signers) -> Wire:
    """An exchange that has sent its branch, unsigned as it is: what is here was taken in before."""
    it = Following(repo, tmp_path)
    signers.trust_in(repo)
    it.begin(verify="signed")
    it.tell(Opened("notes"))
    it.run(1.0)
    assert (it.there(), it.state()) == (it.head(), RepoState.OK)
    run_git(tmp_path, "clone", "-q", str(it.hub), "desk")
    run_git(tmp_path / "desk", "config", "user.name", "Eve")
    return it


@pytest.fixture
def desk(wire: Wire, tmp_path: Path) -> Path:
    return tmp_path / "desk"


def send(desk: Path, name: str, *options: str) -> str:
    (desk / name).write_text(name)
    run_git(desk, "add", name)
    run_git(desk, "commit", "-qm", name, *options)
    run_git(desk, "push", "-q", "origin", "HEAD:main")
    return run_git(desk, "rev-parse", "HEAD")


def question(wire: Wire) -> Question:
    wire.run(120.0)
    assert wire.state() is RepoState.HALTED
    (found,) = wire.board.exchange("notes").asked
    return found


def came(wire: Wire) -> str | None:
    wire.run(120.0)
    assert wire.state() is RepoState.OK, wire.board.exchange("notes").error
    return wire.seen.upstream


def test_an_unsigned_commit_is_a_question_with_author_and_files(wire: Wire, desk: Path) -> None:
    commit = send(desk, "x.txt")
    asked = question(wire)
    assert (asked.kind, asked.count, asked.paths) == ("incoming", 1, ("x.txt",))
    assert all(word in asked.message for word in (commit[:10], "Eve", "not signed", "x.txt"))
    assert wire.seen.upstream != commit
    # A restart asks the same; another id answers nothing, and going on without an answer asks again.
    wire.begin(verify="signed")
    wire.tell(Opened("notes"))
    wire.tell(Resume("notes", is_accepted=True, ids=("q-00000000",)))
    assert question(wire).id == asked.id
    wire.tell(Resume("notes", is_accepted=True, ids=(asked.id,)))
    assert came(wire) == commit
    # It holds for what was shown alone.
    later = send(desk, "y.txt")
    again = question(wire)
    assert (again.id != asked.id, again.count) == (True, 1)
    assert again.paths[-1] == "y.txt"
    assert later[:10] in again.message


def test_a_signed_commit_comes_in_and_is_verified_once(wire: Wire, desk: Path, signers: Signers) -> None:
    sign_with(desk, signers.key("ada"))
    commit = send(desk, "x.txt")
    assert came(wire) == commit


def test_what_was_verified_and_waits_is_not_verified_again(wire: Wire, desk: Path, signers: Signers) -> None:
    sign_with(desk, signers.key("ada"))
    good = send(desk, "x.txt")
    bad = send(desk, "y.txt", "--no-gpg-sign")
    question(wire)
    memory = ExchangeMemory(wire.repo_state_dir / EXCHANGE_FILE).get("verified")
    assert memory["commits"] == [good]
    assert bad[:10] in question(wire).message


def test_a_key_that_git_does_not_know_is_not_accepted(wire: Wire, desk: Path, signers: Signers) -> None:
    sign_with(desk, signers.key("eve", is_allowed=False))
    commit = send(desk, "x.txt")
    assert "SHA256:" in question(wire).message
    signers.allow("eve")
    wire.tell(Resume("notes", is_accepted=False))
    assert came(wire) == commit


def test_without_a_list_nothing_is_accepted(wire: Wire, desk: Path, signers: Signers) -> None:
    sign_with(desk, signers.key("ada"))
    run_git(wire.repo, "config", "--unset", "gpg.ssh.allowedSignersFile")
    send(desk, "x.txt")
    assert question(wire).kind == "incoming"


def test_a_revoked_key_is_not_accepted(wire: Wire, desk: Path, signers: Signers) -> None:
    sign_with(desk, signers.key("ada"))
    signers.revoke("ada")
    send(desk, "x.txt")
    assert question(wire).kind == "incoming"


def test_all_parents_are_looked_at(wire: Wire, desk: Path, signers: Signers) -> None:
    sign_with(desk, signers.key("ada"))
    run_git(desk, "switch", "-qc", "side")
    (desk / "evil.txt").write_text("evil\n")
    run_git(desk, "add", ".")
    run_git(desk, "commit", "-qm", "unsigned", "--no-gpg-sign")
    run_git(desk, "switch", "-q", "main")
    (desk / "good.txt").write_text("good\n")
    run_git(desk, "add", ".")
    run_git(desk, "commit", "-qm", "signed")
    run_git(desk, "merge", "-q", "-S", "--no-edit", "side")
    run_git(desk, "push", "-q", "origin", "HEAD:main")
    asked = question(wire)
    assert asked.count == 1
    assert "evil.txt" in asked.paths


@pytest.mark.parametrize("key", ["allowedSignersFile", "revocationFile"])
def test_a_list_in_the_synced_tree_is_not_used(wire: Wire, desk: Path, signers: Signers, key: str) -> None:
    sign_with(desk, signers.key("ada"))
    (wire.repo / "list").write_text(signers.allowed.read_text())
    run_git(wire.repo, "config", f"gpg.ssh.{key}", "list")
    commit = send(desk, "x.txt")
    wire.run(120.0)
    error = wire.board.exchange("notes").error
    assert error is not None
    assert (error.code, wire.state()) == ("signers-synced", RepoState.ERROR)
    assert wire.seen.upstream != commit


def test_a_signed_branch_that_is_taken_back_ends_the_question(wire: Wire, desk: Path) -> None:
    send(desk, "x.txt")
    question(wire)
    run_git(desk, "push", "-qf", "origin", "HEAD~1:main")
    wire.run(600.0)
    assert wire.state() is RepoState.OK
