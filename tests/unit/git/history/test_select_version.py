"""Which version a person means, out of a history with renamings, removals, branches and instants."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitsync.errors import OperationError, UsageError
from gitsync.git.history.directory_names import directory_records, directory_versions
from gitsync.git.history.log import History
from gitsync.git.history.select_version import SelectedVersion, choose, name_then, none_at
from gitsync.git.history.versions import records, versions
from gitsync.git.objects.store import COMMIT, object_id_of
from tests.conftest import run_git

pytestmark = pytest.mark.slow

EPOCH = 1_700_000_000
DAY = 86400


@pytest.fixture
def told(repo: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """A history of five days: a.txt renamed to b.txt, edited; a directory that grew, shrank and went."""
    first = EPOCH - DAY
    commit_at(repo, monkeypatch, first, amend=True)
    write(repo, "a.txt", "one\ntwo\nthree\n")
    write(repo, "d/x", "x1\n")
    commit_at(repo, monkeypatch, EPOCH)
    run_git(repo, "mv", "a.txt", "b.txt")
    commit_at(repo, monkeypatch, EPOCH + DAY)
    write(repo, "b.txt", "one\ntwo\nthree\nfour\n")
    write(repo, "d/y", "y1\n")
    commit_at(repo, monkeypatch, EPOCH + 2 * DAY)
    run_git(repo, "rm", "-q", "d/x")
    commit_at(repo, monkeypatch, EPOCH + 3 * DAY)
    run_git(repo, "rm", "-q", "d/y")
    commit_at(repo, monkeypatch, EPOCH + 3 * DAY + 30)
    return History(repo)


def write(repo: Path, name: str, text: str) -> None:
    (repo / name).parent.mkdir(exist_ok=True)
    (repo / name).write_text(text)


def commit_at(repo: Path, monkeypatch: pytest.MonkeyPatch, at: int, *, amend: bool = False) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"@{at} +0000")
    run_git(repo, "add", "-A")
    run_git(repo, "commit", "-q", "-m", f"at {at}", *(["--amend"] if amend else []))


def content(history: History, choice: SelectedVersion) -> bytes:
    return history.content(choice.path, choice.entries[choice.path])


def test_a_file_that_is_as_committed_goes_back_one_version(told: History) -> None:
    choice = choose(told, b"b.txt")
    assert content(told, choice) == b"one\ntwo\nthree\n"
    assert choice.what == {b"b.txt": "changed"}


@pytest.mark.parametrize("edit", ["missing", "edited", "executable"])
def test_a_file_that_is_not_as_committed_comes_back_as_it_was_last(told: History, edit: str) -> None:
    path = Path(told.root, "b.txt")
    if edit == "missing":
        path.unlink()
    elif edit == "edited":
        path.write_text("bad\n")
    else:
        path.chmod(0o755)
    choice = choose(told, b"b.txt")
    assert content(told, choice).endswith(b"four\n")
    assert choice.what == {b"b.txt": "added" if edit == "missing" else "changed"}


def test_a_version_is_found_over_a_renaming(told: History) -> None:
    choice = choose(told, b"b.txt", commit=run_git(told.root, "rev-parse", "HEAD~4"))
    assert (choice.path, choice.source) == (b"b.txt", b"a.txt")
    assert content(told, choice) == b"one\ntwo\nthree\n"
    assert choice.gone == frozenset()


def test_a_name_that_is_gone_by_a_renaming_can_be_had_again(told: History) -> None:
    choice = choose(told, b"a.txt")
    assert content(told, choice) == b"one\ntwo\nthree\n"
    assert choice.what == {b"a.txt": "added"}


def test_versions_of_a_file_newest_first(told: History) -> None:
    found = versions(told, b"b.txt")
    assert [version.what for version in found] == ["changed", "renamed", "changed", "added"]
    assert [version.path for version in found] == [b"b.txt", b"b.txt", b"a.txt", b"a.txt"]
    assert [int(version.at) for version in found] == [EPOCH + 2 * DAY, EPOCH + DAY, EPOCH, EPOCH - DAY]


def test_a_directory_that_went_comes_back_as_it_was_before_it_went_in_pieces(told: History) -> None:
    choice = choose(told, b"d")
    assert set(choice.entries) == {b"d/x", b"d/y"}
    assert choice.what == {b"d/x": "added", b"d/y": "added"}


def test_a_directory_comes_back_whose_name_a_file_has(told: History, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(told.root)
    write(root, "d/long", "a line\n" * 30)
    write(root, "d/y", "y2\n")
    commit_at(root, monkeypatch, EPOCH + 4 * DAY)
    run_git(root, "mv", "d/long", "aside")
    run_git(root, "rm", "-rq", "d")
    run_git(root, "mv", "aside", "d")  # to git, it is the file of the directory under another name
    commit_at(root, monkeypatch, EPOCH + 5 * DAY)
    choice = choose(told, b"d")
    assert choice.is_directory
    assert choice.what == {b"d/long": "added", b"d/y": "added", b"d": "removed"}
    assert content(told, choose(told, b"d", when=f"@{EPOCH + 5 * DAY}")) == b"a line\n" * 30


def test_a_directory_at_a_time_says_which_files_were_not_there(told: History) -> None:
    write(Path(told.root), "d/z", "z\n")
    run_git(told.root, "add", "-A")
    run_git(told.root, "commit", "-qm", "z")
    choice = choose(told, b"d", when=f"@{EPOCH + DAY}")
    assert choice.what == {b"d/x": "added", b"d/z": "removed"}
    assert choice.gone == {b"d/z"}


@pytest.mark.parametrize("is_clone", [False, True])
def test_an_instant_is_what_was_checked_out_then(told: History, is_clone: bool) -> None:
    if is_clone:  # which has no reflog of that time
        run_git(Path(told.root).parent, "clone", "-q", told.root, "clone")
        told = History(Path(told.root).parent / "clone")
    assert choose(told, b"b.txt", when=f"@{EPOCH + 2 * DAY - 1}").source == b"b.txt"
    assert choose(told, b"b.txt", when=f"@{EPOCH + DAY - 1}").source == b"a.txt"
    whole = choose(told, b"", when=f"@{EPOCH + DAY}")
    assert set(whole.entries) == {b"b.txt", b"d/x"}
    with pytest.raises(OperationError, match=r"did not exist at .*its first version is from 2023-11-13") as none:
        choose(told, b"b.txt", when=f"@{EPOCH - 2 * DAY}")
    assert none.value.code == "no-version"


def test_a_path_that_never_was_is_told_with_names_that_were(told: History) -> None:
    with pytest.raises(OperationError) as unknown:
        choose(told, b"bb.txt")
    assert unknown.value.code == "unknown-path"
    assert "b.txt" in unknown.value.hint
    with pytest.raises(OperationError) as unknown:
        choose(told, b"x")
    assert "d/x" in unknown.value.hint


def test_one_version_only(told: History) -> None:
    write(Path(told.root), "new.txt", "new\n")
    run_git(told.root, "add", "-A")
    run_git(told.root, "commit", "-qm", "new")
    with pytest.raises(OperationError) as only:
        choose(told, b"new.txt")
    assert only.value.code == "only-version"
    Path(told.root, "new.txt").unlink()
    assert choose(told, b"new.txt").what == {b"new.txt": "added"}


def test_what_was_there_already_is_said_so(told: History) -> None:
    assert choose(told, b"b.txt", commit=told.head()).is_there


def test_a_commit_that_is_made_meanwhile_changes_no_choice(told: History) -> None:
    # The committer commits the bad edit between two looks: it was "unchanged" then, and nothing was brought back.
    before = told.head()
    Path(told.root, "b.txt").write_text("a bad edit\n")
    run_git(told.root, "commit", "-qam", "the bad edit")

    class Earlier(History):
        def head(self) -> str | None:
            return before

    choice = choose(Earlier(Path(told.root)), b"b.txt")
    assert content(told, choice).endswith(b"four\n")
    assert choice.what == {b"b.txt": "changed"}


def test_links_and_names_of_no_encoding(told: History) -> None:
    root = Path(told.root)
    name = b'caf\xe9 "q"\n.txt'
    Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_text("1\n")
    (root / "link").symlink_to("b.txt")
    run_git(root, "add", "-A")
    run_git(root, "commit", "-qm", "odd")
    (root / "link").unlink()
    (root / "link").write_text("a file now\n")
    os.unlink(os.path.join(os.fsencode(root), name))
    choice = choose(told, b"link")
    assert choice.entries[b"link"].mode == 0o120000
    assert choice.what == {b"link": "changed"}
    assert choose(told, name).what == {name: "added"}
    assert versions(told, name)[0].path == name


def test_a_wildcard_in_a_name_is_a_name(told: History) -> None:
    write(Path(told.root), "[b].txt", "brackets\n")
    run_git(told.root, "add", "-A")
    run_git(told.root, "commit", "-qm", "brackets")
    assert len(records(told, b"[b].txt")) == 1


def test_a_merge_tells_a_version_once(told: History, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(told.root)
    run_git(root, "switch", "-qc", "side", "HEAD~1")
    write(root, "b.txt", "side\n")
    commit_at(root, monkeypatch, EPOCH + 4 * DAY)
    run_git(root, "switch", "-q", "main")
    write(root, "other", "other\n")
    commit_at(root, monkeypatch, EPOCH + 4 * DAY + 5)
    run_git(root, "merge", "-q", "-m", "merge", "side")
    found = versions(told, b"b.txt")
    assert [version.subject for version in found][:2] == [f"at {EPOCH + 4 * DAY}", f"at {EPOCH + 2 * DAY}"]


@pytest.mark.parametrize("rev", ["", "-n1", "HEAD..HEAD~1", "HEAD:b.txt"])
def test_what_is_no_revision(told: History, rev: str) -> None:
    with pytest.raises(UsageError):
        told.commit(rev)


def test_revisions_that_are_not_there_or_are_several(told: History) -> None:
    assert told.commit("HEAD~1") == run_git(told.root, "rev-parse", "HEAD~1")
    assert told.commit("main@{0}") == told.head()
    with pytest.raises(OperationError) as unknown:
        told.commit("mian")
    assert unknown.value.code == "unknown-revision"
    assert '"main"' in unknown.value.hint
    tree = run_git(told.root, "rev-parse", "HEAD^{tree}")
    seen: dict[str, bytes] = {}
    for number in range(20_000):  # two of a few hundred begin with the same four digits
        text = f"tree {tree}\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\n{number}\n".encode()
        begin = object_id_of(COMMIT, text)[:4]
        if begin in seen:
            break
        seen[begin] = text
    for one in (seen[begin], text):
        run_git(told.root, "hash-object", "-w", "-t", "commit", "--stdin", input=one)
    with pytest.raises(OperationError, match="abbreviation of 2 commits") as ambiguous:
        told.commit(begin)
    assert ambiguous.value.code == "ambiguous-revision"


def test_an_instant_in_the_future_and_one_that_git_takes_for_now(told: History) -> None:
    for when in ("2099-01-01", "hours ago"):
        with pytest.raises(UsageError) as refused:
            told.instant(when)
        assert refused.value.code == "when"


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q")
    history = History(tmp_path)
    assert records(history, b"") == []
    with pytest.raises(OperationError, match="no commit yet"):
        choose(history, b"a")


def test_a_directory_follows_its_renamings(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trip = "".join(f"line {number}\n" for number in range(30))
    write(repo, "projects/trip", trip)
    (repo / "projects/sub").mkdir()
    write(repo, "projects/sub/budget", "money\n" * 20)
    commit_at(repo, monkeypatch, EPOCH)
    (repo / "projects").rename(repo / "work")
    commit_at(repo, monkeypatch, EPOCH + DAY)
    write(repo, "work/new", "new\n")
    write(repo, "work/trip", trip + "later\n")
    (repo / "work/sub").rename(repo / "work/deep")
    commit_at(repo, monkeypatch, EPOCH + 2 * DAY)
    history = History(repo)
    then = history.commit("HEAD~2")
    choice = choose(history, b"work", commit=then)
    assert (choice.source, sorted(choice.entries)) == (b"projects", [b"work/sub/budget", b"work/trip"])
    assert choice.what == {
        b"work/trip": "changed", b"work/sub/budget": "added", b"work/new": "removed", b"work/deep/budget": "removed"
    }  # fmt: skip
    assert choose(history, b"work/deep", commit=then).source == b"projects/sub"
    assert choose(history, b"work", when=f"@{EPOCH + 60}").source == b"projects"
    (repo / "unlike").mkdir()
    write(repo, "unlike/x", "x\n")
    commit_at(repo, monkeypatch, EPOCH + 3 * DAY)
    with pytest.raises(OperationError, match="did not exist"):
        choose(history, b"unlike", commit=then)


def test_a_copy_has_versions_of_its_own(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["".join(f"{word} {line}\n" for line in range(20)) for word in ("one", "two", "three")]
    write(repo, "monday", "an older note of that name\n")
    commit_at(repo, monkeypatch, EPOCH - DAY)
    run_git(repo, "rm", "-q", "monday")
    for number, text in enumerate(texts[:2]):
        write(repo, "template", text)
        commit_at(repo, monkeypatch, EPOCH + number * DAY)
    write(repo, "monday", texts[1])
    commit_at(repo, monkeypatch, EPOCH + 2 * DAY)
    write(repo, "both", texts[1])
    write(repo, "template", texts[2])
    commit_at(repo, monkeypatch, EPOCH + 3 * DAY)
    history = History(repo)
    assert [(item.what, item.path) for item in versions(history, b"both")] == [("added", b"both")]
    assert [item.what for item in versions(history, b"monday")] == ["added", "removed", "added"]
    with pytest.raises(OperationError) as caught:
        choose(history, b"both")
    assert caught.value.code == "only-version"
    assert content(history, choose(history, b"monday")) == b"an older note of that name\n"
    assert len(versions(history, b"template")) == 3


def test_a_time_at_which_the_file_was_deleted_names_the_version_before(told: History) -> None:
    write(Path(told.root), "gone", "1\n")
    with pytest.raises(OperationError) as caught:
        choose(told, b"d/y", when=f"@{EPOCH + 4 * DAY}")
    assert "deleted" in caught.value.message
    assert f"--rev {told.commit('HEAD~2')[:10]}" in caught.value.hint
    assert choose(told, b"d/y", commit=told.commit("HEAD~2")).what == {b"d/y": "added"}


def test_what_is_a_repository_of_its_own_by_now_is_told_apart(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repo, "tool/x", "x\n")
    write(repo, "top", "t\n")
    commit_at(repo, monkeypatch, EPOCH)
    run_git(repo, "rm", "-rq", "tool")
    write(repo, "top", "t2\n")
    commit_at(repo, monkeypatch, EPOCH + DAY)
    run_git(repo, "init", "-q", "tool")
    choice = choose(History(repo), b"", commit=History(repo).commit("HEAD~1"))
    assert choice.nested == {b"tool"}
    assert choice.is_nested(b"tool/x")
    assert not choice.is_nested(b"top")
    assert not choice.is_there


@pytest.fixture
def moved(repo: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """A directory that was projects, then plans, and is work now; one of its files was rewritten on the way."""
    for at, name in enumerate(("projects", "plans", "work")):
        if at:
            (repo / ("projects", "plans")[at - 1]).rename(repo / name)
        write(repo, f"{name}/trip.md", "".join(f"line {number}\n" for number in range(20 + at)))
        write(repo, f"{name}/new.md", f"{at} nothing like it {'xyz'[at] * 40}\n")
        for number in range(3):
            write(repo, f"{name}/{number}.md", f"the same {number}\n" * 9)
        commit_at(repo, monkeypatch, EPOCH + at * DAY)
    return History(repo)


def test_a_directory_is_followed_over_its_renamings(moved: History) -> None:
    first = moved.commit("HEAD~2")
    assert [item.path for item in directory_versions(moved, b"work")] == [b"work", b"plans", b"projects"]
    assert len(directory_records(moved, b"work", limit=2)) == 2
    assert [record.at for record, _ in directory_records(moved, b"work/new.md")] == [EPOCH + 2 * DAY]
    assert name_then(moved, first, b"work") == b"projects"
    assert name_then(moved, first, b"work/trip.md") == b"projects/trip.md"
    assert name_then(moved, first, b"work/new.md") == b"projects/new.md"
    assert name_then(moved, first, b"nothing") == b"nothing"


def test_what_was_not_there_yet_is_said_with_its_first_version_under_any_name(moved: History) -> None:
    error = none_at(moved, b"work", "2001-01-01")
    assert "first version is from 2023-11-14" in error.message
    assert "restore" in error.hint
