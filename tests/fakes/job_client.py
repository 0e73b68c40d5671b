"""A machine that takes part in a job: its directory, and what it remembers of its runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gitsync.backends.base import Direction, Order, Report
from gitsync.backends.registry import BACKENDS
from gitsync.config.options import JobConfig
from gitsync.git.probe import Probe, no_probe
from gitsync.model import Question


@dataclass
class Client:
    """One machine."""

    root: Path
    notes: Path
    url: str
    options: tuple[str, ...] = ()
    max_deletes: int = 100
    backend: str = "rsync"
    asked: tuple[Question, ...] = ()  # what the last run asked
    probe: Probe = no_probe

    def run(self, direction: str = "both", *, is_accepted: bool = False) -> Report:
        """Run the job once; with `is_accepted` all that the last run asked is meant."""
        job = JobConfig(
            name=self.root.name,
            path=self.root,
            backend=self.backend,
            url=self.url,
            options=self.options,
            max_deletes=self.max_deletes,
        )
        answers = {question.id: "accept" for question in self.asked} if is_accepted else {}
        order = Order(job, Direction(direction), self.notes, 20.0, answers=answers, probe=self.probe)
        report = BACKENDS[self.backend](order)
        self.asked = report.questions
        return report

    def write(self, name: str, text: str, *, age_s: float = 0) -> None:
        """Write a file, as it would have been `age_s` seconds ago."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if age_s:
            now = path.stat().st_mtime - age_s
            os.utime(path, (now, now))

    def tree(self) -> dict[str, str]:
        """Return the files and links by path."""
        return tree(self.root)


def tree(root: Path) -> dict[str, str]:
    """Return the files and links below `root` by path."""
    return {
        str(path.relative_to(root)): os.readlink(path) if path.is_symlink() else path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def ok(report: Report) -> Report:
    """Return a report that was not ended by a problem."""
    assert report.problem is None, report.problem
    return report


def codes(report: Report) -> list[tuple[str, str]]:
    """Return what each item of a report is about, and its code."""
    return [(item.subject, item.code) for item in report.items]
