"""The walks of `docs/tour.rst` are those of a real run: threads, a watcher, a hub and the control socket."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from gitsync.cli.main import main
from gitsync.clock import SystemClock
from gitsync.config.load import parse
from gitsync.control.server import ControlServer
from gitsync.daemon.handlers.context import HandlerContext
from gitsync.daemon.handlers.dispatch import Handlers
from gitsync.daemon.runtime import Runtime
from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.recorded_calls import Call, RecordedCalls
from tests.fakes.watching import until

TOUR = Path(__file__).resolve().parents[2] / "docs" / "tour.rst"
HOP = re.compile(r"^\d+\. ``([\w/]+\.py)``, ``(\w+)``", re.MULTILINE)
# So many hops are enough: who adds one should look whether another can go.
MOST = (15, 16, 12)


def walks() -> list[list[tuple[str, str]]]:
    """Return the hops of each walk."""
    found = [HOP.findall(part) for part in re.split(r"\n=+\n", TOUR.read_text(encoding="utf-8"))]
    return [hops for hops in found if hops]


def missed(hops: Iterable[tuple[str, str]], calls: list[Call]) -> str:
    """Return the first hop that did not happen after the one before it, called from the walk; "" for none."""
    left: Iterator[Call] = iter(calls)
    walked = {"", "engine/owner.py"}  # threads begin there
    for module, function in hops:
        if not any((call.module, call.function) == (module, function) and call.caller in walked for call in left):
            return f"{module}: {function}"
        walked.add(module)
    return ""


class Run:
    """A repository that is watched and pushed to a hub, and everything gitsync calls meanwhile."""

    def __init__(self, repo: Path, tmp_path: Path, recorded: RecordedCalls) -> None:
        self.repo, self.hub, self.recorded = repo, tmp_path / "hub.git", recorded
        self.socket = tmp_path / "socket"
        run_git(tmp_path, "init", "-q", "--bare", "-b", "main", str(self.hub))
        run_git(repo, "remote", "add", "origin", str(self.hub))
        run_git(repo, "push", "-qu", "origin", "main")
        file = tmp_path / "config.toml"
        config = parse(f'[[repo]]\npath = "{repo}"\nname = "notes"\nquiet = "0.1s"\n', file)
        clock = SystemClock()
        self.runtime = Runtime(config, clock, tmp_path / "state", lambda message: None, is_watching=True)
        context = HandlerContext(lambda: config, lambda: self.runtime, clock, str(file), dict, lambda: None)
        self.server = ControlServer(self.socket, Handlers(context).dispatch, self.runtime.board.subscribe)

    def start(self) -> None:
        self.runtime.lock_all()
        self.runtime.start()
        self.server.start()
        self.rest()

    def stop(self) -> None:
        self.server.stop(3.0)
        self.runtime.stop()

    def is_same(self) -> bool:
        return run_git(self.hub, "rev-parse", "main") == run_git(self.repo, "rev-parse", "HEAD")

    def rest(self) -> None:
        """Wait until nothing is to be done, and forget the calls until then."""

        def is_at_rest() -> bool:
            status = self.runtime.board.status("notes")
            return status.state is RepoState.OK and not status.pending and not status.ahead and self.is_same()

        until(is_at_rest, "the repository to be at rest")
        self.recorded.take()


@pytest.fixture
def run(repo: Path, tmp_path: Path) -> Iterator[Run]:
    with RecordedCalls() as recorded:
        run = Run(repo, tmp_path, recorded)
        try:
            run.start()
            yield run
        finally:
            run.stop()


def test_the_walks_are_those_of_a_real_run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save, restore, pull = walks()
    assert [len(save) <= MOST[0], len(restore) <= MOST[1], len(pull) <= MOST[2]] == [True] * 3
    head = run_git(run.repo, "rev-parse", "HEAD")

    (run.repo / "a.txt").write_text("saved\n")
    until(lambda: run_git(run.hub, "rev-parse", "main") != head, "the push")
    assert missed(save, run.recorded.take()) == ""

    run.rest()
    monkeypatch.setenv("GITSYNC_SOCKET", str(run.socket))
    assert main(["restore", str(run.repo / "a.txt")]) == 0
    assert missed(restore, run.recorded.take()) == ""

    run.rest()
    other = tmp_path / "other"
    run_git(tmp_path, "clone", "-q", str(run.hub), str(other))
    (other / "theirs.txt").write_text("theirs\n")
    run_git(other, "add", ".")
    run_git(other, "commit", "-qm", "Theirs")
    run_git(other, "push", "-q")
    until(lambda: (run.repo / "theirs.txt").exists(), "the pull")
    assert missed(pull, run.recorded.take()) == ""
