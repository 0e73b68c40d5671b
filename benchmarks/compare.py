"""Two revisions of gitsync, measured in turns by the benchmarks of this one; prints the ratios of their figures."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.harness import TREE, median
from benchmarks.table import Table, progress, ratio

REPOSITORY = Path(__file__).parent.parent
_FIGURE = re.compile(r"(?:p90 )?([\d.,]+) ?(ms|s|MB|%|)")
_UNITS = {"ms": 0.001, "s": 1.0, "MB": 1.0, "%": 0.01, "": 1.0}
Figures = dict[tuple[str, str, str], list[tuple[float, str]]]


def table(directory: Path, revision: str, argv: Iterable[str], rounds: int) -> Table:
    """Run the benchmarks `rounds` times with each revision and compare the medians; `argv` says which."""
    directory.mkdir()
    archived = subprocess.run(
        ["git", "-C", str(REPOSITORY), "archive", revision, "gitsync"], check=True, stdout=subprocess.PIPE
    )
    subprocess.run(["tar", "-x", "-C", str(directory)], check=True, input=archived.stdout)
    sides: tuple[Figures, Figures] = {}, {}
    for turn in range(rounds):
        # Each is the first of a pair as often as the other.
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            progress(f"round {turn + 1} of {rounds}: {(revision, 'this tree')[side]}")
            for key, figure in _figures(_run((directory, REPOSITORY)[side], argv)):
                sides[side].setdefault(key, []).append(figure)
    shown = Table(f"{rounds} rounds of each, in turns", ["", revision, "this tree", "ratio", "of"])
    for key, before in sides[0].items():
        now = sides[1].get(key)
        if now is None:
            continue
        values = [median([value for value, _ in figures]) for figures in (before, now)]
        texts = [_nearest(figures, value) for figures, value in zip((before, now), values, strict=True)]
        title, name, column = key
        shown.rows.append([name, *texts, ratio(values[1], values[0]), f"{column}; {title}".strip("; ")])
    return shown


def _run(tree: Path, argv: Iterable[str]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--json", *argv],
        check=True,
        cwd=REPOSITORY,
        env={**os.environ, TREE: str(tree)},
        stdout=subprocess.PIPE,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _figures(tables: list[dict[str, Any]]) -> Iterable[tuple[tuple[str, str, str], tuple[float, str]]]:
    """Yield gitsync's own figures, by table, row and column: those of git say nothing of a revision."""
    for found in tables:
        group = ""
        for name, *cells in found["rows"]:
            group = name if not name.startswith(" ") else group
            if any(word in name for word in ("git add", "git status", "ratio", "git's")):
                continue
            named = name if name == group else f"{group}:{name.strip()}"
            is_pair = found["columns"][1:2] == ["gitsync"]
            for column, cell in zip(found["columns"][1:], cells[:1] if is_pair else cells, strict=False):
                matched = _FIGURE.fullmatch(cell)
                if matched is not None and column != "target":
                    number = float(matched[1].replace(",", "")) * _UNITS[matched[2]]
                    yield (found["title"], named, column), (number, cell)


def _nearest(figures: list[tuple[float, str]], value: float) -> str:
    return min(figures, key=lambda figure: abs(figure[0] - value))[1]
