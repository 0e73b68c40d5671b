"""Reports of machines, by an exchanger that is stepped by hand against a real bare repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gitsync.core.machines import REFS, Report
from gitsync.engine.machine_id import machine_id
from gitsync.engine.messages import Committed
from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.wire import Wire

pytestmark = pytest.mark.slow

HOUR = 3600.0


@pytest.fixture
def wire(repo: Path, tmp_path: Path) -> Wire:
    (tmp_path / "state").mkdir()
    it = Wire(repo, tmp_path)
    it.repo_state_dir = tmp_path / "state" / "repos" / "notes"
    it.repo_state_dir.mkdir(parents=True)
    return it


def refs(wire: Wire) -> list[str]:
    """The reports on the hub, without the time in them."""
    names = run_git(wire.hub, "for-each-ref", "--format=%(refname)", REFS).splitlines()
    return [name.removeprefix(REFS) for name in names]


def pushes(wire: Wire) -> int:
    log = wire.hub / "pushes"
    return len(log.read_text().splitlines()) if log.exists() else 0


def count_pushes(wire: Wire) -> None:
    hook = wire.hub / "hooks/post-receive"
    hook.write_text('#!/bin/sh\necho push >>"$GIT_DIR/pushes"\n')
    hook.chmod(0o755)


def forge(wire: Wire, ref: str, commit: str = "") -> None:
    run_git(wire.hub, "update-ref", ref, commit or run_git(wire.hub, "rev-parse", "main"))


def other(id: str, name: str, commit: str, seen: float = 1_700_000_000.0) -> Report:
    return Report(id * 16, name, seen, commit, branch="main", version="1")


def commit(wire: Wire, name: str) -> str:
    head = wire.commit(name)
    wire.board.set_local("notes", head=head)
    wire.tell(Committed("notes", "main", head))
    return head


def test_a_machine_at_rest_reports_once_an_hour(wire: Wire) -> None:
    wire.begin(pull="10m")
    wire.sync()
    wire.run(1.0)
    count_pushes(wire)
    (first,) = refs(wire)
    wire.run(0.95 * HOUR)
    assert refs(wire) == [first]
    assert pushes(wire) == 0
    wire.run(0.1 * HOUR)
    (second,) = refs(wire)
    assert second != first
    assert pushes(wire) == 1
    assert run_git(wire.hub, "rev-list", "--count", "main") == "1", "no commit is made for it"


def test_what_a_machine_has_reported_itself_is_not_read(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(trace))

    def looks() -> int:
        return sum('"start"' in line and '"ls-remote"' in line for line in trace.read_text().splitlines())

    wire.begin(pull="1m")
    wire.sync()
    wire.run(1.0)
    before = looks()
    wire.run(300.0)
    assert refs(wire)
    assert looks() == before > 0, "nothing has changed but by its own report"
    forge(wire, other("b", "laptop", run_git(wire.hub, "rev-parse", "main")).ref)
    wire.run(100.0)
    assert looks() == before + 1
    assert {report.name for report in wire.board.exchange("notes", "").machines} >= {"laptop"}
    (wire.hub / REFS / "other").write_text(run_git(wire.hub, "rev-parse", "main") + "\n")
    commit(wire, "saved")
    wire.run(100.0)
    assert looks() == before + 2, "somebody else's report came at the same time"


def test_a_report_goes_with_a_push(wire: Wire) -> None:
    wire.begin(pull="10m")
    wire.sync()
    wire.run(10.0)
    count_pushes(wire)
    head = commit(wire, "b.txt")
    wire.run(30.0)
    assert pushes(wire) == 1
    (only,) = refs(wire)
    assert run_git(wire.hub, "rev-parse", REFS + only, "main").splitlines() == [head, head]


def test_a_users_hook_sees_nothing_but_their_commits(wire: Wire) -> None:
    hook = wire.repo / ".git/hooks/pre-push"
    hook.write_text("#!/bin/sh\ncat >>seen\n")
    hook.chmod(0o755)
    wire.begin(pull="10m")
    wire.sync()
    wire.run(10.0)
    commit(wire, "b.txt")
    wire.run(30.0)
    assert len(refs(wire)) == 1
    lines = (wire.repo / "seen").read_text().splitlines()
    assert len(lines) == 2
    assert not any("refs/gitsync" in line for line in lines)


def test_a_server_that_refuses_the_ref_gets_the_commits(wire: Wire) -> None:
    hook = wire.hub / "hooks/pre-receive"
    hook.write_text('#!/bin/sh\nif grep -q refs/gitsync; then echo refused >>"$GIT_DIR/refused"; exit 1; fi\n')
    hook.chmod(0o755)
    wire.begin(pull="10m")
    wire.sync()
    wire.run(60.0)
    commit(wire, "b.txt")
    wire.run(30 * HOUR / 10)
    assert wire.there() == wire.head()
    assert refs(wire) == []
    assert (wire.hub / "refused").read_text() == "refused\n", "it was asked once"
    assert wire.board.exchange("notes").presence == "refused"


def test_a_server_that_comes_to_refuse_the_ref_gets_the_commits(wire: Wire) -> None:
    wire.begin(pull="10m")
    wire.sync()
    wire.run(60.0)
    hook = wire.hub / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\n! grep -q refs/gitsync\n")
    hook.chmod(0o755)
    head = commit(wire, "b.txt")
    wire.run(60.0)
    assert wire.there() == head
    assert wire.board.exchange("notes").presence == "refused"


@pytest.mark.parametrize(
    "options", [{"presence": "off"}, {"mode": "pull"}, {"transport": "libgit2"}, {"push": "off", "pull": "10m"}]
)
def test_a_machine_that_is_not_to_report_says_nothing(wire: Wire, options: dict[str, Any]) -> None:
    run_git(wire.repo, "push", "-q", "origin", "HEAD:main")
    wire.begin(**options)
    wire.run(HOUR * 1.5)
    assert refs(wire) == []


def test_a_report_is_taken_back_when_there_are_to_be_none(wire: Wire) -> None:
    wire.begin(pull="10m")
    wire.sync()
    wire.run(1.0)
    assert len(refs(wire)) == 1
    wire.begin(pull="10m", presence="off")
    wire.sync()
    wire.run(1.0)
    assert refs(wire) == []


def test_forged_reports_are_shown_or_ignored_and_nothing_of_them_is_fetched(wire: Wire) -> None:
    wire.begin(pull="10m")
    wire.sync()
    wire.run(1.0)
    before = run_git(wire.repo, "for-each-ref")
    run_git(wire.hub, "config", "user.email", "mallory@example.org")
    blob = run_git(wire.hub, "hash-object", "-w", "--stdin", input=b"x" * 100_000)
    forge(wire, other("a", "mallory \x1b[2J", blob).ref, blob)
    forge(wire, other("b", "later", blob, seen=1_900_000_000.0).ref, blob)
    forge(wire, f"{REFS}evil", blob)
    crowd = [Report(f"{number:016x}", "crowd", 1_700_000_000.0, blob).ref for number in range(150)]
    wanted = "".join(f"update {ref} {blob}\n" for ref in crowd)
    run_git(wire.hub, "update-ref", "--stdin", input=wanted.encode())
    wire.sync()
    wire.run(1.0)
    found = {report.name: report for report in wire.board.reports("notes")}
    assert found["mallory \x1b[2J"].commit == blob
    assert found["later"].seen <= wire.clock.wall()
    assert "evil" not in found
    assert len(wire.board.reports("notes")) <= 100
    assert blob not in run_git(wire.repo, "cat-file", "--batch-all-objects", "--batch-check")
    assert run_git(wire.repo, "for-each-ref") == before
    assert json.loads((wire.repo_state_dir / "machines.json").read_text())["refs"]


def test_a_report_never_brings_back_what_was_taken_out_of_the_remote(wire: Wire) -> None:
    wire.begin(pull="6h")
    wire.sync()
    wire.run(1.0)
    old = commit(wire, "secret.txt")
    wire.run(60.0)
    assert wire.there() == old
    tree = run_git(wire.hub, "hash-object", "-t", "tree", "-w", "--stdin", input=b"")
    run_git(wire.hub, "config", "user.name", "Ada")
    run_git(wire.hub, "config", "user.email", "ada@example.org")
    run_git(wire.hub, "update-ref", "refs/heads/main", run_git(wire.hub, "commit-tree", tree, "-m", "made anew"))
    for ref in refs(wire):
        run_git(wire.hub, "update-ref", "-d", REFS + ref)
    run_git(wire.hub, "gc", "-q", "--prune=now")
    wire.run(3 * HOUR)
    assert refs(wire) == []
    assert old not in run_git(wire.hub, "cat-file", "--batch-all-objects", "--batch-check")


def test_a_report_that_another_process_moved_comes_back(wire: Wire) -> None:
    wire.begin(pull="10m")
    wire.sync()
    wire.run(1.0)
    (own,) = refs(wire)
    run_git(wire.hub, "update-ref", "-d", REFS + own)
    head = commit(wire, "b.txt")
    wire.run(120.0)
    assert wire.there() == head
    wire.run(HOUR)
    (again,) = refs(wire)
    assert again.startswith(own[:16])


def test_a_clone_of_this_machine_gets_another_id(wire: Wire) -> None:
    """The clone of a virtual machine has the same state directory; who sees the other's report takes a new id."""
    wire.begin(pull="10m")
    wire.sync()
    wire.run(1.0)
    state = wire.repo_state_dir.parents[1]
    was, (own,) = machine_id(state), refs(wire)
    twin = Report(own[:16], "twin", wire.clock.wall() + 1, wire.head(), branch="main", version="1")
    run_git(wire.hub, "update-ref", "-d", REFS + own)
    forge(wire, twin.ref)
    commit(wire, "b.txt")
    wire.run(1.1 * HOUR)
    assert machine_id(state) != was
    assert {ref[:16] == own[:16] for ref in refs(wire)} == {True, False}, "the twin's and this machine's"


def test_a_machine_that_is_not_seen_is_published_once(wire: Wire) -> None:
    wire.begin(pull="10m", unseen="3d")
    wire.sync()
    wire.run(1.0)
    forge(wire, other("c", "attic", wire.head(), seen=wire.clock.wall() - 4 * 86_400).ref)
    wire.sync()
    wire.run(HOUR * 2)
    wire.exchanger.teardown()
    wire.begin(pull="10m", unseen="3d")
    wire.sync()
    wire.run(1.0)
    events = [event for event in wire.board.events() if event["event"] == "unseen"]
    assert [event["machine"] for event in events] == ["attic"]
    assert "4 d ago" in events[0]["message"]


def test_the_id_is_of_this_machine_and_this_directory(tmp_path: Path) -> None:
    state, system = tmp_path / "state", tmp_path / "machine-id"
    state.mkdir()
    system.write_text("one\n")
    own = machine_id(state, system)
    assert machine_id(state, system) == own
    copy = tmp_path / "copied home"
    copy.mkdir()
    (copy / "machine.json").write_bytes((state / "machine.json").read_bytes())
    assert machine_id(copy, system) != own
    system.write_text("another\n")
    assert machine_id(state, system) != own


def test_before_the_first_exchange_a_repository_waits_for_its_first_pull(wire: Wire) -> None:
    wire.begin(pull="10m")
    status = wire.board.status("notes")
    assert (status.state, status.reason) == (RepoState.SYNCING, "waits for its first pull")
    wire.sync()
    wire.run(1.0)
    assert wire.board.status("notes").state is RepoState.OK
    wire.begin(pull="10m")
    assert wire.board.status("notes").state is RepoState.OK, "it is remembered"
