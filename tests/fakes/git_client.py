"""A client of a git job: its repository, its server, and what it remembers of its runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitsync.backends.base import Direction, Item, Order, Report
from gitsync.backends.git.job import delete_branch, run, undo
from gitsync.backends.git.undo import UndoneRun
from gitsync.config.options import JobConfig
from gitsync.git.applying.apply import recover
from gitsync.git.staging.worktree import Worktree
from gitsync.model import Question
from tests.conftest import run_git


@dataclass
class GitClient:
    """One machine."""

    root: Path
    notes: Path
    hub: Path
    user: str = ""
    branches: Any = "all"
    url: str = ""  # the hub's address where it is not its path
    mode: str = "both"
    asked: tuple[Question, ...] = ()  # what the last run asked

    @classmethod
    def new(cls, place: Path, name: str, hub: Path, **more: Any) -> GitClient:
        """Return a client that has nothing yet."""
        notes = place / f"notes-{name.replace('/', '-')}"
        notes.mkdir()
        return cls(place / name, notes, hub, **more)

    def make(self) -> None:
        """Make the repository by hand, as the first of all clients."""
        run_git(self.root.parent, "init", "--quiet", "--initial-branch=main", str(self.root))

    def order(self, direction: str = "both", *, answer: str = "") -> Order:
        """Return the order for one run; `answer` is the word to all that the last run asked."""
        url = self.url or str(self.hub)
        job = JobConfig(
            name=self.root.name, path=self.root, url=url, user=self.user, branches=self.branches, mode=self.mode
        )
        answers = {question.id: answer for question in self.asked} if answer else {}
        return Order(job, Direction(direction), self.notes, 20.0, answers=answers, borrow=self._borrow)

    def run(self, direction: str = "both", *, answer: str = "") -> Report:
        """Run the job once; `answer` is the word to all that the last run asked."""
        report = run(self.order(direction, answer=answer))
        self.asked = report.questions
        return report

    def undo(self, *, is_keeping: bool = False, is_trial: bool = False) -> UndoneRun:
        """Take back the last run as the command does."""
        return undo(self.order(), is_keeping=is_keeping, is_trial=is_trial)

    def delete_branch(self, branch: str) -> Item:
        """Delete a branch as the command does."""
        return delete_branch(self.order(), branch)

    def commit(self, branch: str, name: str, text: str) -> str:
        """Commit a file on a branch, made from HEAD where it is new, without leaving what is checked out."""
        if run_git(self.root, "branch", "--show-current") == branch:
            (self.root / name).write_text(text)
            run_git(self.root, "add", name)
            run_git(self.root, "commit", "--quiet", "-m", f"{branch}: {name}")
            return run_git(self.root, "rev-parse", "HEAD")
        place = self.root.parent / f"work-{self.root.name}"
        new = () if branch in self.heads() else ("-b", branch)
        run_git(self.root, "worktree", "add", "--quiet", *new, str(place), *(() if new else (branch,)))
        (place / name).write_text(text)
        run_git(place, "add", name)
        run_git(place, "commit", "--quiet", "-m", f"{branch}: {name}")
        run_git(self.root, "worktree", "remove", "--force", str(place))
        return self.heads()[branch]

    def heads(self) -> dict[str, str]:
        """Return the branches here."""
        return heads(self.root)

    def server_heads(self) -> dict[str, str]:
        """Return the branches on the server."""
        return heads(self.hub)

    def _borrow(self, act: Callable[[Worktree], Any]) -> Any:
        worktree = Worktree(self.root, self.notes)
        try:
            recover(worktree)
            return act(worktree)
        finally:
            worktree.close()


def heads(repository: Path) -> dict[str, str]:
    """Return the commit of each branch of a repository."""
    lines = run_git(repository, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads").split("\n")
    return dict(line.split(" ", 1) for line in lines)
