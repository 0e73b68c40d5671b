"""What the tests of death and edits share: prepared cases, and whether a version is kept. Real git, real files."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitsync.git.applying.apply import OutcomeKind, apply
from gitsync.git.merging.plan import PlanKind, plan
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.fakes.pair import Pair, check_no_leftovers


class Death(BaseException):
    """The process ends here: nothing of ours gets to clean up."""


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_kept(root: Path, data: bytes) -> bool:
    """Whether a version is on disk under a name of the user's, or reachable from a ref."""
    for place, directories, files in os.walk(root):
        if ".git" in directories:
            directories.remove(".git")
        for name in files:
            path = Path(place, name)
            if not name.startswith(".gitsync-tmp-") and not path.is_symlink() and path.read_bytes() == data:
                return True
    return blob_id(data) in run_git(root, "rev-list", "--objects", "--all")


def prepare(pair: Pair) -> None:
    """Let the other side make one change of every kind that has steps of its own."""
    theirs = pair.theirs
    pair.put(pair.ours, {"mine": b"ours\n"})
    pair.commit(pair.ours)
    pair.put(theirs, {"a.txt": b"theirs, and longer\n", "new/dir/x.txt": b"x\n"})
    (theirs / "dir/deep/c.txt").unlink()
    (theirs / "run.sh").unlink()
    pair.put(theirs, {"run.sh/inside": b"a directory now\n"})
    (theirs / "link").unlink()
    (theirs / "link").symlink_to("elsewhere")


def settle(pair: Pair, upstream: str) -> None:
    """Do what the engine does next: commit what is on disk, and integrate until there is nothing left to do."""
    for _ in range(4):
        if run_git(pair.ours, "status", "--porcelain"):
            run_git(pair.ours, "add", "-A")
            run_git(pair.ours, "commit", "-q", "-m", "edits")
        made = plan(pair.worktree, upstream, None)
        if made.kind not in (PlanKind.FAST_FORWARD, PlanKind.MERGE):
            break
        assert apply(pair.worktree, made, message="Merge").kind in (OutcomeKind.DONE, OutcomeKind.EDITED)
    assert made.kind in (PlanKind.EQUAL, PlanKind.AHEAD, PlanKind.CONFLICT), made
    check_no_leftovers(pair.ours)
    run_git(pair.ours, "fsck", "--strict")


class Case(Pair):
    """A copy of a pair that was prepared once: making one costs a dozen children."""

    def __init__(self, template: Path, place: Path) -> None:
        shutil.copytree(template, place, symlinks=True)
        self.place = place
        self.ours, self.theirs = place / "ours", place / "theirs"
        # The copies have other inodes than the index remembers.
        run_git(self.ours, "update-index", "-q", "--refresh")
        self.worktree = Worktree(self.ours, place / "notes")
        self.made = plan(self.worktree, run_git(self.ours, "rev-parse", "refs/remotes/origin/main"), None)

    def reopen(self) -> None:
        """Begin again as a new process does."""
        self.worktree.close()
        self.worktree = Worktree(self.ours, self.place / "notes")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("template")
    pair = Pair(place)
    prepare(pair)
    pair.fetch()
    pair.worktree.close()
    shutil.rmtree(place / "notes")
    return place


@pytest.fixture(scope="module")
def points(template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, bytes]]:
    """Every probe of an undisturbed integration; at each of them what is replaced has a complete version."""
    pair = Case(template, tmp_path_factory.mktemp("trace") / "case")
    seen: list[tuple[str, bytes]] = []

    def probe(point: str, path: bytes) -> None:
        seen.append((point, path))
        assert (pair.ours / "a.txt").read_bytes() in (b"one\n", b"theirs, and longer\n")
        assert os.readlink(pair.ours / "link") in ("a.txt", "elsewhere")

    assert apply(pair.worktree, pair.made, message="Merge", probe=probe).kind is OutcomeKind.DONE
    pair.check_clean()
    pair.worktree.close()
    return seen


@pytest.fixture
def fresh(template: Path, tmp_path: Path) -> Iterator[Callable[[], Case]]:
    made: list[Case] = []

    def make() -> Case:
        made.append(Case(template, tmp_path / str(len(made))))
        return made[-1]

    yield make
    for case in made:
        case.worktree.close()


def at(number: int, act: Callable[[], None]) -> Callable[[str, bytes], None]:
    """Return a probe that does `act` at the call of that number."""
    count = iter(range(1_000_000))

    def probe(point: str, path: bytes) -> None:
        if next(count) == number:
            act()

    return probe


def die() -> None:
    raise Death
