"""Words are found in every version of every file, deleted and renamed ones too; and what takes the room is counted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitsync.errors import UsageError
from gitsync.git.history.log import History
from gitsync.git.history.search import Hit, Query, search
from gitsync.git.history.size import file_sizes, total_bytes
from gitsync.git.history.walk import LOG, VersionWalk
from tests.conftest import Git


class Past:
    """A repository whose commits are a minute apart."""

    def __init__(self, root: Path, git: Git) -> None:
        self.root, self.git, self.minute = root, git, 0
        root.mkdir()
        git(root, "init", "-q")

    def save(self, **files: str | None) -> str:
        for name, text in files.items():
            path = self.root / name.replace("__", "/").replace("_md", ".md")
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        return self.commit()

    def commit(self) -> str:
        self.minute += 1
        when = f"2026-03-01T10:{self.minute:02}:00Z"
        self.git(self.root, "add", "-A")
        subprocess.run(
            ["git", "-C", self.root, "-c", "user.name=A", "-c", "user.email=a@x.org", "commit", "-qm", "x"],
            env={"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "PATH": "/usr/bin:/bin", "HOME": str(self.root)},
            check=True,
            timeout=60,
        )
        return self.git(self.root, "rev-parse", "HEAD")

    def find(self, word: str, path: bytes = b"", **more: object) -> list[Hit]:
        return list(search(History(self.root), Query(word, **more), path))  # type: ignore[arg-type]  # any of its fields


@pytest.fixture
def past(tmp_path: Path, git: Git) -> Past:
    return Past(tmp_path / "notes", git)


def test_a_line_is_found_in_the_newest_version_that_has_it(past: Past) -> None:
    past.save(trip_md="to Zanzibar\n")
    newest = past.save(trip_md="one\nto Zanzibar\n")
    past.save(trip_md="one\n")
    (hit,) = past.find("Zanzibar")
    assert (hit.path, hit.commit, hit.line_number, hit.line) == (b"trip.md", newest, 2, "to Zanzibar")
    assert not hit.is_deleted
    assert past.git(past.root, "show", f"{hit.commit}:trip.md").splitlines()[hit.line_number - 1] == hit.line


def test_newest_first_and_each_line_once(past: Past) -> None:
    past.save(a_md="word one\n", b_md="no\n")
    past.save(b_md="word two\n")
    past.save(a_md="word one\nword three\n")
    assert [hit.line for hit in past.find("word")] == ["word one", "word three", "word two"]


def test_deleted_files_and_files_made_again_under_the_name(past: Past) -> None:
    past.save(a_md="old word\n")
    past.save(a_md=None)
    past.save(a_md="nothing of it\n", gone_md="a word too\n")
    past.save(gone_md=None)
    found = {(hit.path, hit.line, hit.is_deleted) for hit in past.find("word")}
    # The file that had the name before is another one, but its name is taken: it is not called deleted.
    assert found == {(b"a.md", "old word", False), (b"gone.md", "a word too", True)}
    assert [hit.path for hit in past.find("word", is_deleted=True)] == [b"gone.md"]


def test_a_renamed_file_is_found_under_the_name_of_then_with_the_name_of_now(past: Past) -> None:
    past.save(projects__trip_md="Zanzibar\n" + "line\n" * 30)
    past.save(projects__trip_md="line\n" * 30)
    (past.root / "projects").rename(past.root / "work")
    past.commit()
    (hit,) = past.find("Zanzibar")
    assert (hit.path, hit.name, hit.is_deleted) == (b"projects/trip.md", b"work/trip.md", False)
    assert past.find("Zanzibar", b"work") == past.find("Zanzibar", b"projects") == [hit]
    assert past.find("Zanzibar", b"wor") == []


def test_names_alone(past: Past) -> None:
    past.save(film_md="x\n", a__film_md="y\n", b_md="film\n")
    found = past.find("", glob="film.*")
    assert {(hit.path, hit.line_number, hit.line) for hit in found} == {(b"film.md", 0, ""), (b"a/film.md", 0, "")}
    assert [hit.path for hit in past.find("y", glob="a/*")] == [b"a/film.md"]


def test_case_patterns_and_instants(past: Past) -> None:
    past.save(a_md="Straße 12\nSTRASSE\n")
    past.save(b_md="strasse 5\n")
    assert len(past.find("strasse")) == 1
    assert len(past.find("strasse", ignores_case=True)) == 2
    assert len(past.find("STRAßE", ignores_case=True)) == 1
    assert [hit.line for hit in past.find(r"\d{2}", is_regex=True)] == ["Straße 12"]
    minute = 1772359260.0  # 2026-03-01 10:01
    assert [hit.path for hit in past.find("tra", ignores_case=True, since=minute + 1)] == [b"b.md"]
    assert {hit.path for hit in past.find("tra", ignores_case=True, until=minute)} == {b"a.md"}
    with pytest.raises(UsageError, match="not a regular expression"):
        past.find("(", is_regex=True)


def test_what_is_no_text_is_passed_over_and_names_may_be_anything(past: Past) -> None:
    (past.root / "a\nb c").write_text("the word\n")
    (past.root / "bin").write_bytes(b"\0word\n")
    past.commit()
    assert [hit.path for hit in past.find("word")] == [b"a\nb c"]
    assert History(past.root).head() is not None


def test_a_repository_without_a_commit_has_nothing(past: Past) -> None:
    assert past.find("word") == []
    assert file_sizes(History(past.root)) == []


def test_the_output_of_git_may_be_cut_anywhere(past: Past) -> None:
    past.save(a_md="1\n", b_md="2\n")
    (past.root / "a.md").rename(past.root / "c d.md")
    past.commit()
    past.save(b_md=None)
    raw = History(past.root).ask(*LOG, "HEAD", "--")
    whole = VersionWalk()
    whole.feed(raw)
    assert [version.path for version in whole.found] == [b"c d.md", b"a.md", b"b.md"]
    for size in (1, 2, 3, 7, 50):
        walk = VersionWalk()
        for at in range(0, len(raw), size):
            walk.feed(raw[at : at + size])
        assert walk.found == whole.found


def test_the_search_can_be_stopped(past: Past) -> None:
    past.save(**{f"n{number}_md": f"word {number}\n" for number in range(50)})
    running = search(History(past.root), Query("word"))
    assert next(running).line.startswith("word")
    running.close()  # type: ignore[attr-defined]  # it is a generator


def test_what_takes_the_room(past: Past) -> None:
    film = "".join(chr(33 + (7 * number * number) % 90) for number in range(40_000))
    past.save(film_md=film, note_md="1\n")
    past.save(note_md="2\n")
    past.save(film_md=None)
    sizes = file_sizes(History(past.root))
    assert [(item.path, item.versions, item.is_present) for item in sizes] == [
        (b"film.md", 1, False),
        (b"note.md", 2, True),
    ]
    assert sizes[0].bytes > sizes[1].bytes > 0
    assert total_bytes(History(past.root)) >= sum(item.bytes for item in sizes) // 2
    assert [item.path for item in file_sizes(History(past.root), b"note.md")] == [b"note.md"]
