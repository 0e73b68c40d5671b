"""The index of a history answers as git does, piece by piece as it was fed, over renamings of files and directories."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.git.history.log import History
from gitsync.git.history.outline import LOG, Missing, Outline
from tests.conftest import Git, run_git

TEXT = "".join(f"a line of some length, number {number}\n" for number in range(20))


@pytest.fixture
def root(tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six commits, an hour apart: a directory with three files is renamed in the fourth."""
    root = tmp_path / "work"
    (root / "old").mkdir(parents=True)
    git(root, "init", "-q")

    def commit(hour: int) -> None:
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"2026-03-01T{hour:02}:00:00Z")
        git(root, "add", "-A")
        git(root, "commit", "-qm", f"at {hour}")

    for name in ("a", "b", "c"):
        (root / "old" / name).write_text(name + TEXT)
    commit(0)
    (root / "top\n\x01").write_text("odd\n")
    commit(1)
    (root / "old" / "a").write_text("a" + TEXT + "more\n")
    commit(2)
    (root / "old").rename(root / "new")
    commit(3)
    (root / "new" / "b").unlink()
    commit(4)
    (root / "new" / "a").write_text("a" + TEXT + "most\n")
    commit(5)
    return root


def outline(root: Path, size: int = 7) -> Outline:
    history = History(root)
    found = Outline()
    data = history.ask(*LOG, "HEAD", "--")
    for at in range(0, len(data), size):
        found.feed(data[at : at + size])
    found.finish(str(history.head()))
    return found


def test_a_file_and_a_directory_are_followed_over_the_renaming(root: Path) -> None:
    found = outline(root)
    assert len(found) == 6
    assert list(found.history(b"")) == [5, 4, 3, 2, 1, 0]
    assert list(found.history(b"new/a")) == [5, 3, 2, 0]
    assert list(found.history(b"new")) == [5, 4, 3, 2, 0]
    assert list(found.history(b"new", 3)) == [2, 0]
    assert [found.name_at(b"new/a", number) for number in (5, 3, 2, 0)] == [b"new/a", b"new/a", b"old/a", b"old/a"]
    assert (found.name_at(b"new", 2), found.name_at(b"new", 3)) == (b"old", b"new")


def test_what_is_missing_is_said_with_where_it_went(root: Path) -> None:
    found = outline(root)
    assert found.missing(b"new", [b"a", b"c"], 6) == [Missing(b"b", 4, False)]
    assert found.missing(b"", [b"new", b"top\n\x01"], 6) == [Missing(b"old", 3, True, b"new")]
    assert found.missing(b"old", [], 6)[0] == Missing(b"a", 3, False, b"new/a")
    assert found.missing(b"old", [b"a", b"b", b"c"], 3) == []
    assert found.deleted(b"", 0, 6) == [(b"new/b", 4)]
    assert found.deleted(b"", 0, 4) == found.deleted(b"", 5, 6) == []


def test_moments_and_names_of_commits_are_found(root: Path) -> None:
    found = outline(root)
    ids = run_git(root, "rev-list", "--reverse", "HEAD").split()
    assert [found.id(number) for number in range(6)] == ids
    assert [found.number(commit) for commit in ids] == list(range(6))
    assert found.number("0" * 40) is None
    noon = found.at(0)
    assert [found.until(noon + hour * 3600) for hour in (-1, 0, 2.5, 9)] == [0, 1, 3, 6]
    assert found.density(b"", [noon, noon + 3 * 3600.0, noon + 9 * 3600.0]) == [3, 3]
    assert found.density(b"new/a", [noon, noon + 3 * 3600.0, noon + 9 * 3600.0]) == [2, 2]
    assert (found.last(b"new", 5), found.last(b"new", 2), found.last(b"old/a", 3)) == (4, None, 2)


@pytest.mark.parametrize("size", [1, 40, 4096])
def test_the_size_of_the_pieces_makes_no_difference(root: Path, size: int) -> None:
    one, other = outline(root, size), outline(root, 1 << 20)
    assert [list(one.history(path)) for path in (b"new", b"top\n\x01")] == [
        list(other.history(path)) for path in (b"new", b"top\n\x01")
    ]


def test_what_came_since_is_added(root: Path, git: Git) -> None:
    found = outline(root)
    before = found.head
    (root / "late").write_text("late\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "late")
    history = History(root)
    found.feed(history.ask(*LOG, "HEAD", f"^{before}", "--"))
    found.finish(str(history.head()))
    assert (len(found), list(found.history(b"late"))) == (7, [6])
    assert found.missing(b"", [b"new", b"top\n\x01"], 7)[0].name == b"late"


def test_a_clock_that_was_behind_does_not_hide_what_came_before(root: Path, git: Git) -> None:
    (root / "late").write_text("late\n")
    git(root, "add", "-A")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GIT_COMMITTER_DATE", "2026-02-01T00:00:00Z")
        git(root, "commit", "-qm", "behind")
    found = outline(root)
    assert found.at(6) < found.at(0)
    assert found.latest(6) == found.at(5)
    assert found.until(found.at(5)) == 7
