"""(i): a word in a history of 20,000 commits, against `git log -S` and against reading every distinct content."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.harness import BIN, Place, median

COMMITS, FILES, LINES = 20_000, 2_000, 60
WORD, ABSENT = "Zanzibar", "Xanadunowhere"
# Which commits have the word, counted from the first: an old one, and one in the middle.
WITH_WORD = frozenset({57, 9_000})
_WORDS = 4_000


@dataclass(frozen=True, slots=True)
class Found:
    """Median seconds on the clock; the first hit is counted from the start of the command."""

    first_s: float
    all_s: float
    none_s: float
    log_s: float
    log_none_s: float


def make(place: Place, root: Path) -> Path:
    """Make the history with `git fast-import`: most commits change a line of a file, one in ten makes a new one."""
    root.mkdir(parents=True)
    place.git(root, "init", "-q")
    place.git(root, "fast-import", "--quiet", input=b"".join(_stream()))
    place.git(root, "repack", "-adq")
    place.git(root, "reset", "-q", "--hard")
    return root


def _stream() -> Iterator[bytes]:
    chance = Random(18)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9))) for _ in range(_WORDS)]
    texts: list[list[str]] = []
    for number in range(COMMITS):
        if number % (COMMITS // FILES) == 0:
            texts.append([" ".join(chance.choices(words, k=8)) for _ in range(LINES)])
            at = len(texts) - 1
        else:
            at = chance.randrange(len(texts))
            texts[at][chance.randrange(LINES)] = " ".join(chance.choices(words, k=8))
        kept = texts[at][0]
        texts[at][0] = f"to {WORD} {number}" if number in WITH_WORD else kept
        data = ("\n".join(texts[at]) + "\n").encode("ascii")
        texts[at][0] = kept
        yield b"commit refs/heads/main\ncommitter B <b@example.org> %d +0000\ndata 1\nx\n" % (
            1_500_000_000 + number * 60
        )
        yield b"M 100644 inline notes/%d/%d.md\ndata %d\n%b\n" % (at % 40, at, len(data), data)


def measure(place: Place, root: Path, rounds: int) -> Found:
    """Search `rounds` times each, with a daemon that rests."""
    place.configure([root])
    first: list[float] = []
    every: list[float] = []
    none: list[float] = []
    logged: list[float] = []
    logged_none: list[float] = []
    with place.daemon():
        for _ in range(rounds):
            begun = time.perf_counter()
            child = subprocess.Popen(
                [BIN / "gitsyncctl", "find", WORD], env=place.env, cwd=place.home, stdout=subprocess.PIPE
            )
            assert child.stdout is not None
            child.stdout.readline()
            first.append(time.perf_counter() - begun)
            child.stdout.read()
            child.wait()
            every.append(time.perf_counter() - begun)
            none.append(place.timed(BIN / "gitsyncctl", "find", ABSENT).wall_s)
            logged.append(place.timed("git", "log", "--oneline", f"-S{WORD}", cwd=root).wall_s)
            logged_none.append(place.timed("git", "log", "--oneline", f"-S{ABSENT}", cwd=root).wall_s)
    return Found(*(median(taken) for taken in (first, every, none, logged, logged_none)))
