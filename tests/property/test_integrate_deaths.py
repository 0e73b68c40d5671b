"""Death and edits at every point of an integration: whatever happens when, no version of the user's is lost.

A probe is called at every moment in which something could come in between. Here each of them, one after the other, is
the moment at which the process dies, or at which the user saves a file, or both.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitsync.errors import TransientError
from gitsync.git.integrate import OutcomeKind, apply, recover
from gitsync.git.merge import PlanKind, plan
from gitsync.git.refs import backups
from gitsync.git.worktree import Worktree
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


def test_there_are_points_of_every_kind(points: list[tuple[str, bytes]]) -> None:
    kinds = {point for point, _ in points}
    assert {"stage", "staged", "before", "renamed", "looked", "advanced", "arrived", "sweep"} <= kinds
    assert len(points) > 25


def test_death_at_every_point(points: list[tuple[str, bytes]], fresh: Callable[[], Case]) -> None:
    for number, point in enumerate(points):
        pair = fresh()
        made = pair.made
        with pytest.raises(Death):
            apply(pair.worktree, made, message="Merge", probe=at(number, die))
        pair.reopen()
        recover(pair.worktree)
        assert run_git(pair.ours, "status", "--porcelain") == "", point
        head_tree = run_git(pair.ours, "rev-parse", "HEAD^{tree}")
        assert head_tree in (made.tree, made.base_tree), point
        settle(pair, made.upstream)
        assert run_git(pair.ours, "rev-parse", "HEAD^{tree}") == made.tree, point
        pair.check_clean()


def test_death_during_recovery(points: list[tuple[str, bytes]], fresh: Callable[[], Case]) -> None:
    middle = points.index(("advanced", b"")) - 4
    for number in range(0, 40, 3):
        pair = fresh()
        made = pair.made
        with pytest.raises(Death):
            apply(pair.worktree, made, message="Merge", probe=at(middle, die))
        pair.reopen()
        try:
            recover(pair.worktree, probe=at(number, die))
        except Death:
            pair.reopen()
            recover(pair.worktree)
        assert run_git(pair.ours, "status", "--porcelain") == ""
        settle(pair, made.upstream)
        assert run_git(pair.ours, "rev-parse", "HEAD^{tree}") == made.tree


def in_place(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def by_rename(path: Path, data: bytes) -> None:
    aside = path.with_name("editor's own temporary")
    aside.write_bytes(data)
    os.replace(aside, path)


@pytest.mark.parametrize("save", [in_place, by_rename])
@pytest.mark.parametrize("name", ["a.txt", "dir/deep/c.txt", "new/dir/x.txt", "run.sh"])
@pytest.mark.parametrize("dies", [False, True])
def test_an_edit_at_every_point_survives(
    points: list[tuple[str, bytes]],
    fresh: Callable[[], Case],
    save: Callable[[Path, bytes], None],
    name: str,
    dies: bool,
) -> None:
    edited = 0
    for number, point in enumerate(points):
        if name.encode() != point[1] and number % 9 != 2:
            continue  # every point of that path, and a sample of the others
        pair = fresh()
        made = pair.made
        data = b"precious %d\n" % number
        saved: list[bytes] = []

        def act(pair: Case = pair, data: bytes = data, saved: list[bytes] = saved) -> None:
            try:
                save(pair.ours / name, data)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return  # nothing that could be saved at this moment
            saved.append(data)
            if dies:
                raise Death

        try:
            apply(pair.worktree, made, message="Merge", probe=at(number, act))
        except Death:
            pair.reopen()
            recover(pair.worktree)
        except TransientError:
            recover(pair.worktree)
        for version in saved:
            edited += 1
            assert (pair.ours / name).read_bytes() == version, (point, "right afterwards")
            # The other paths are all at the old version or all at the new one: no mixture looks like an edit.
            others = run_git(pair.ours, "status", "--porcelain", "--untracked-files=all").splitlines()
            assert {line[3:] for line in others} <= {name, "run.sh", "run.sh/inside"}, point
        settle(pair, made.upstream)
        for version in saved:
            assert is_kept(pair.ours, version), (point, "in the end")
    assert edited > 2


@pytest.mark.parametrize("second", ["put back", "put back, not looked", "roll back", "taken back, not looked"])
@pytest.mark.parametrize("first", ["before", "advanced"])
@pytest.mark.parametrize("save", [in_place, by_rename])
def test_an_edit_while_an_edit_is_put_back(
    fresh: Callable[[], Case], first: str, second: str, save: Callable[[Path, bytes], None]
) -> None:
    """He saves, we meet it and put it back, and in that moment he saves again: both are his, the last is on disk."""
    pair = fresh()
    path, saved = pair.ours / "a.txt", []

    def probe(point: str, at_path: bytes) -> None:
        if point == first and at_path in (b"a.txt", b"") and not saved:
            saved.append(b"the first\n")
            save(path, saved[-1])
            if first == "advanced":
                run_git(pair.ours, "commit", "-q", "--allow-empty", "-m", "his own: everything is to be taken back")
        elif point == second and at_path == b"a.txt" and len(saved) == 1:
            saved.append(b"the second one\n")
            save(path, saved[-1])

    try:
        outcome = apply(pair.worktree, pair.made, message="Merge", probe=probe)
        assert outcome.kind is OutcomeKind.EDITED
    except TransientError:
        assert first == "advanced"
    assert path.read_bytes() == saved[-1]
    check_no_leftovers(pair.ours)
    assert run_git(pair.ours, "status", "--porcelain") == " M a.txt"
    settle(pair, pair.made.upstream)
    assert is_kept(pair.ours, saved[-1])


def test_two_versions_without_a_place_are_both_kept(fresh: Callable[[], Case]) -> None:
    """The first save comes out of the exchange; the second is made on the version that took its place."""
    pair = fresh()
    path = pair.ours / "a.txt"

    def probe(point: str, at_path: bytes) -> None:
        if at_path == b"a.txt" and point == "before":
            in_place(path, b"the first\n")
        elif at_path == b"a.txt" and point == "renamed":
            in_place(path, b"the second one\n")

    assert apply(pair.worktree, pair.made, message="Merge", probe=probe).kind is OutcomeKind.EDITED
    assert path.read_bytes() == b"the second one\n"
    assert is_kept(pair.ours, b"the first\n")
    assert [item.reason for item in backups(pair.worktree.repo)] == ["rescued"]


@pytest.mark.parametrize("dies", [False, True])
def test_a_writer_that_keeps_the_file_open(
    points: list[tuple[str, bytes]], fresh: Callable[[], Case], dies: bool
) -> None:
    """Somebody opens the file, we take our step, and only then he writes."""
    for number, (_, path) in enumerate(points):
        if path != b"a.txt":
            continue
        pair = fresh()
        made = pair.made
        held: list[int] = []

        def act(pair: Case = pair, held: list[int] = held) -> None:
            held.append(os.open(pair.ours / "a.txt", os.O_WRONLY | os.O_APPEND))
            if dies:
                raise Death

        try:
            apply(pair.worktree, made, message="Merge", probe=at(number, act))
        except Death:
            pair.reopen()
            recover(pair.worktree)
        os.write(held[0], b"written late\n")
        os.close(held[0])
        found = (pair.ours / "a.txt").read_bytes()
        assert found.endswith(b"written late\n"), (points[number], found)
        settle(pair, made.upstream)
