"""Memory and descriptors of a daemon that works for hours: `python -m tests.daemon.growth`, a part of `make soak`.

GROWTH_SECONDS (default 7200) says for how long. One daemon has four repositories, two of them with a remote that
another person pushes to, a mirror of home files, a git job and an rsync job; every few seconds something is saved,
deleted, restored, asked for or pushed. A line a minute reports its private memory (the least of that minute, since
pages that were just used are not growth) and its descriptors. The status is 1 when the memory has grown by more than
1 MB after the first half hour (of a shorter run: after the first quarter), or when it had more than 60 descriptors
and 4 for each repository.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine

SETTLED_S = 1800.0
MOST_GROWTH_KB = 1024
REPOSITORIES = 4
MOST_DESCRIPTORS = 60 + 4 * (REPOSITORIES + 1)
FILES = 300


class Life:
    """A machine that is used: its repositories, its home, its jobs, and another person's clones."""

    def __init__(self, it: Machine, place: Path, dice: random.Random) -> None:
        self.it = it
        self.dice = dice
        self.roots = [self._repo(place, number) for number in range(REPOSITORIES)]
        self.others = [place / f"other{number}" for number in range(2)]
        for number, other in enumerate(self.others):
            run_git(place, "clone", "-q", str(place / f"hub{number}.git"), str(other))
        run_git(place, "clone", "-q", "--bare", str(place / "hub0.git"), str(place / "job.git"))
        self._configure(place)
        self.turn = 0

    def _repo(self, place: Path, number: int) -> Path:
        root = self.it.repo(f"repo{number}")
        for each in range(FILES):
            (root / f"dir{each % 10}").mkdir(exist_ok=True)
            (root / f"dir{each % 10}/{each}.txt").write_text(f"{each}\n" * 20)
        run_git(root, "add", "-A")
        run_git(root, "commit", "-qm", "many")
        if number < 2:
            hub = place / f"hub{number}.git"
            run_git(place, "init", "-q", "--bare", str(hub))
            run_git(root, "remote", "add", "origin", str(hub))
            run_git(root, "push", "-q", "-u", "origin", "main")
        return root

    def _configure(self, place: Path) -> None:
        (self.it.home / "docs").mkdir()
        (place / "docs").mkdir()
        jobs = "".join(
            f'\n[[job]]\nname = "{name}"\nbackend = "{backend}"\npath = "{path}"\nurl = "{url}"\nevery = "1m"\n'
            for name, backend, path, url in (
                ("thesis", "git", self.it.home / "thesis", place / "job.git"),
                ("docs", "rsync", self.it.home / "docs", place / "docs"),
            )
        )
        self.it.configure(*self.roots, quiet="500ms")
        with self.it.config.open("a") as stream:
            stream.write(jobs)
        run_git(place, "init", "-q", "--bare", str(place / "home.git"))
        assert self.it.ctl("init", "--remote", str(place / "home.git")).returncode == 0
        (self.it.home / ".vimrc").write_text("set nocp\n")
        (self.it.home / "conf").mkdir()
        (self.it.home / "conf/a").write_text("a\n")
        done = self.it.ctl("add", str(self.it.home / ".vimrc"), str(self.it.home / "conf"))
        assert done.returncode == 0, done.stderr

    # -- what happens ----------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Let one thing happen; the seldom ones cost a child or more."""
        self.turn += 1
        deeds: tuple[tuple[int, Callable[[], object]], ...] = (
            (16, self._save), (4, self._delete), (4, self._rename), (4, self._home), (3, self._push), (2, self._ask),
            (1, self._restore), (1, self._copy),
        )  # fmt: skip
        chosen: Callable[[], object] = self.dice.choices([deed for _, deed in deeds], [often for often, _ in deeds])[0]
        chosen()

    def _file(self, root: Path) -> Path:
        number = self.dice.randrange(FILES)
        return root / f"dir{number % 10}/{number}.txt"

    def _save(self) -> None:
        for _ in range(self.dice.choice((1, 1, 1, 5, 40))):
            path = self._file(self.dice.choice(self.roots))
            path.write_text(f"{self.turn}\n" * self.dice.randrange(1, 400))

    def _delete(self) -> None:
        self._file(self.dice.choice(self.roots)).unlink(missing_ok=True)

    def _rename(self) -> None:
        path = self._file(self.dice.choice(self.roots))
        if path.exists():
            path.rename(self._file(path.parent.parent))

    def _home(self) -> None:
        (self.it.home / self.dice.choice((".vimrc", "conf/a", "conf/b"))).write_text(f"{self.turn}\n")

    def _push(self) -> None:
        other = self.dice.choice(self.others)
        run_git(other, "pull", "-q", "--no-rebase", "-X", "ours", "--no-edit")
        self._file(other).write_text(f"theirs {self.turn}\n")
        run_git(other, "add", "-A")
        run_git(other, "commit", "-qm", "theirs")
        run_git(other, "push", "-q", check=False)

    def _ask(self) -> None:
        root = self.dice.choice(self.roots)
        for argv in (("status",), ("log", str(root), "-n", "5"), ("find", "theirs", root.name), ("events", "-n", "9")):
            self.it.ctl(*argv)

    def _restore(self) -> None:
        self.it.ctl("restore", str(self._file(self.dice.choice(self.roots))))
        self.it.ctl("undo", self.roots[0].name)

    def _copy(self) -> None:
        (self.it.home / "docs" / f"{self.dice.randrange(50)}.txt").write_text(f"{self.turn}\n")


def private_kb(pid: int) -> int:
    """Return the memory that the process shares with no other and that is no file's."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("RssAnon:")[2].split()[0])


def main() -> int:
    """Let the daemon live, and report what it took."""
    seconds = float(os.environ.get("GROWTH_SECONDS", "7200"))
    settled = min(SETTLED_S, seconds / 4)
    seed = int(os.environ.get("GROWTH_SEED") or time.time()) % 1_000_000
    print(f"seed {seed}", flush=True)
    minutes: list[tuple[float, int, int]] = []
    with tempfile.TemporaryDirectory(prefix="gitsync-growth-") as directory:
        place = Path(directory)
        with machine(place) as it:
            life = Life(it, place, random.Random(seed))
            it.start()
            assert it.process is not None
            pid, begun = it.process.pid, time.monotonic()
            least, most = sys.maxsize, 0
            while (age := time.monotonic() - begun) < seconds:
                life.step()
                time.sleep(life.dice.uniform(0.2, 2.5))
                least = min(least, private_kb(pid))
                most = max(most, len(os.listdir(f"/proc/{pid}/fd")))
                if age >= 60 * (len(minutes) + 1):
                    minutes.append((age, least, most))
                    print(f"{age / 60:5.0f} min  {least:7} kB  {most:3} descriptors  {life.turn} turns", flush=True)
                    least, most = sys.maxsize, 0
            (place / "log").write_text(it.log.read_text(errors="replace"))
    return judge(minutes, settled)


def judge(minutes: list[tuple[float, int, int]], settled: float) -> int:
    """Report the growth after the first part, and return the exit status."""
    later = [memory for age, memory, _ in minutes if age >= settled]
    if len(later) < 2:
        print("too short to judge")
        return 0
    window = max(1, len(later) // 6)
    growth = min(later[-window:]) - min(later[:window])
    descriptors = max(most for _, _, most in minutes)
    print(f"growth after {settled / 60:.0f} min: {growth} kB; at most {descriptors} of {MOST_DESCRIPTORS} descriptors")
    return 1 if growth > MOST_GROWTH_KB or descriptors > MOST_DESCRIPTORS else 0


if __name__ == "__main__":
    sys.exit(main())
