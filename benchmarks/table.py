"""Aligned text tables, and the facts of the machine that make figures mean something."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import pygit2

from benchmarks.harness import median

NONE = ""
# What was measured, gitsync's figure, the other one, their ratio, the target.
Row = list[str]


@dataclass(slots=True)
class Table:
    """Rows of text; the first column is aligned left, figures right, the last (the target) left."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def json(self) -> str:
        """Return the table as one line of JSON, for another run of the benchmarks to read."""
        return json.dumps(
            {"title": self.title, "columns": list(self.columns), "rows": [list(row) for row in self.rows]}
        )

    def text(self) -> str:
        """Return the table as lines."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[number]) for line in lines) for number in range(len(self.columns))]
        last = len(widths) - 1
        shown = [
            "  ".join(
                cell.ljust(width) if number in (0, last) else cell.rjust(width)
                for number, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        rule = "  ".join("-" * width for width in widths)
        return "\n".join([self.title, "", shown[0], rule, *shown[1:], *(f"  {note}" for note in self.notes), ""])


def ms(seconds: float) -> str:
    """Return seconds as milliseconds."""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def ratio(part: float, whole: float) -> str:
    """Return a ratio with two digits."""
    return f"{part / whole:.2f}" if whole else "-"


def against(what: str, ours: float, theirs: float, target: str = NONE) -> Row:
    """Return a row that compares two durations."""
    return [what, ms(ours), ms(theirs), ratio(ours, theirs), target]


def facts(directory: Path) -> str:
    """Return what the figures depend on: processor, kernel, versions, the disk's sync, how busy the machine is."""
    versions = (
        f"Python {platform.python_version()}, "
        f"pygit2 {version('pygit2')} (libgit2 {pygit2.LIBGIT2_VERSION}), watchdog {version('watchdog')}, "
        + subprocess.run(["git", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    )
    lines = [
        f"{time.strftime('%Y-%m-%d %H:%M')} · {os.cpu_count()} x {_processor()} · Linux {platform.release()}",
        versions,
        f"files on {_file_system(directory)}; one write and fsync of 4 kB takes {ms(_sync(directory))} (median)",
        f"load average {os.getloadavg()[0]:.1f} before the start: with other work on the machine the figures are noisy;"
        " medians are shown, p90 where it says so, and ratios compare with git in the same run",
    ]
    return "\n".join(lines) + "\n"


def progress(text: str) -> None:
    """Say on stderr what is being measured."""
    print(f"... {text}", file=sys.stderr, flush=True)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        return platform.machine()
    return platform.machine()


def _file_system(directory: Path) -> str:
    best, kind = "", "an unknown file system"
    try:
        for line in Path("/proc/mounts").read_text().splitlines():
            _, mount, name, *_ = line.split()
            if str(directory).startswith(mount) and len(mount) >= len(best):
                best, kind = mount, name
    except OSError:
        return kind
    return kind


def _sync(directory: Path) -> float:
    taken = []
    for _ in range(15):
        with tempfile.NamedTemporaryFile(dir=directory) as stream:
            begun = time.perf_counter()
            stream.write(bytes(4096))
            stream.flush()
            os.fsync(stream.fileno())
            taken.append(time.perf_counter() - begun)
    return median(taken)
