"""The index of a long history is kept in a file, gives the same answers from there, and is thrown away at any doubt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitsync.daemon.handlers import outlines
from gitsync.errors import OperationError
from gitsync.git.history.outline import Outline
from tests.conftest import Git, run_git

NAMES = ("a", "b", "c")
PATHS = (b"", b"new", b"new/a", b"late")


@pytest.fixture
def root(tmp_path: Path, git: Git) -> Path:
    """Five commits: a directory is renamed, one of its files removed, and a branch merged."""
    root = tmp_path / "work"
    (root / "old").mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    for name in NAMES:
        (root / "old" / name).write_text(f"{name}\n" * 30)
    commit(root, "first")
    (root / "old").rename(root / "new")
    commit(root, "renamed")
    git(root, "switch", "-qc", "side")
    (root / "new/b").unlink()
    commit(root, "removed")
    git(root, "switch", "-q", "main")
    (root / "new/a").write_text("other\n")
    commit(root, "changed")
    git(root, "merge", "-q", "--no-edit", "side")
    return root


def commit(root: Path, message: str) -> None:
    run_git(root, "add", "-A")
    run_git(root, "commit", "-qm", message)


def read(root: Path, place: Path, long: int) -> Outline:
    """Read the history as the page does; one of more than `long` commits by way of the file."""

    def apart(repository: str, head: str, kept: Path) -> None:
        list(outlines.kept(repository, head, kept))

    return outlines.filled(str(root), run_git(root, "rev-parse", "HEAD"), None, place, apart, lambda: False, long)


def facts(found: Outline) -> list[object]:
    ids = [found.id(number) for number in range(len(found))]
    return [
        ids,
        [found.number(name) for name in [*ids, "0" * 40]],
        [(found.at(number), found.latest(number)) for number in range(len(found))],
        [list(found.history(path)) for path in PATHS],
        found.missing(b"new", [b"a", b"c"], len(found)),
        found.deleted(b"", 0, len(found)),
        [found.until(found.at(0) + seconds) for seconds in (-1, 0, 1e9)],
        found.density(b"new", [0.0, float(found.at(0)), 4e9]),
        found.commit_at(found.at(len(found) - 1)),
    ]


def test_a_kept_index_answers_as_the_one_in_memory_and_grows(root: Path, tmp_path: Path) -> None:
    place = tmp_path / "outline"
    in_memory = read(root, place, 100)
    assert not place.exists()
    assert facts(read(root, place, 2)) == facts(in_memory)
    assert place.exists()
    (root / "late").write_text("late\n")
    commit(root, "late")
    # Read from the file, with what came since; and written anew with that.
    grown, whole = read(root, place, 2), read(root, tmp_path / "none", 100)
    assert facts(grown) == facts(whole)
    assert list(outlines.kept(str(root), whole.head, place)) == []
    assert facts(read(root, place, 0)) == facts(whole)


@pytest.mark.parametrize("doubt", ["damage", "short", "empty", "other format", "rewritten", "cut off"])
def test_a_doubtful_file_is_thrown_away(root: Path, tmp_path: Path, doubt: str) -> None:
    place = tmp_path / "outline"
    read(root, place, 2)
    data = place.read_bytes()
    if doubt == "damage":
        place.write_bytes(data[:-9] + b"damaged!!")
    elif doubt == "short":
        place.write_bytes(data[:4200])
    elif doubt == "empty":
        place.write_bytes(b"")
    elif doubt == "other format":
        place.write_bytes(data.replace(b"outline 1", b"outline 0"))
    elif doubt == "rewritten":
        run_git(root, "commit", "-q", "--amend", "-m", "another")
    else:
        (root / ".git/shallow").write_text(run_git(root, "rev-parse", "HEAD~1") + "\n")
    found = read(root, place, 100)
    assert not place.exists()
    assert facts(found) == facts(read(root, tmp_path / "none", 100))


def test_nothing_is_kept_of_a_reading_that_fails(root: Path, tmp_path: Path) -> None:
    place = tmp_path / "outline"
    with pytest.raises(OperationError):
        list(outlines.kept(str(root), "0" * 40, place))
    assert [each.name for each in tmp_path.iterdir()] == ["work"]


def test_where_it_cannot_be_kept_it_is_in_memory_and_no_piece_is_left(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outline").mkdir()
    left = tmp_path / ".outline-killed"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    found = read(root, tmp_path / "outline", 2)
    assert facts(found) == facts(read(root, tmp_path / "none", 100))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["outline", "work"]
