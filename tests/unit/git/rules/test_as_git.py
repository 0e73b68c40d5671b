"""What git ignores and how it stores files, where other readers of its rule files have been seen to differ."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitsync.git.rules.ignores import IgnoreRules
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.fakes.recorded_calls import RecordedCalls
from tests.unit.git.conftest import commit, stage

RULES: list[tuple[dict[str, str], bytes, bool]] = [
    ({"": "private/\n!*.md\n"}, b"private/diary.md", True),
    ({"": "uploads/*\n!.gitkeep\n"}, b"uploads/.gitkeep", False),
    ({"": "*.key\n", "public": "!/server.key\n"}, b"public/server.key", False),
    ({"": "*.log\n", "docs/samples": "!sample.log\n"}, b"docs/samples/sample.log", False),
    ({"": "dist/\n", "pkg": "!dist/\n"}, b"pkg/dist/index.js", False),
    ({"": "\\!x\n"}, b"!x", True),
    ({"": "a b \n"}, b"a b", True),
    ({"": "a b\\ \n"}, b"a b ", True),
    ({"": "**/x/**\n"}, b"d/x/y", True),
    ({"": ":x\n"}, b":x", True),
    ({"": "*\n!*/\n!*.txt\n"}, b"d/e/x.txt", False),
]


@pytest.mark.parametrize(("files", "path", "is_ignored"), RULES)
def test_ignore_files_mean_what_they_mean_to_git(
    repo: Path, files: dict[str, str], path: bytes, is_ignored: bool
) -> None:
    for directory, text in files.items():
        (repo / directory).mkdir(parents=True, exist_ok=True)
        (repo / directory / ".gitignore").write_text(text)
    place = os.path.join(os.fsencode(repo), path)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    Path(os.fsdecode(place)).write_text("x")
    with IgnoreRules(repo) as rules:
        assert rules.is_ignored(path, False) is is_ignored


def test_a_link_is_no_directory_and_a_linked_rule_file_is_none(repo: Path) -> None:
    (repo / ".gitignore").symlink_to("rules")
    (repo / "rules").write_text("*.draft\n")
    (repo / "sub").mkdir()
    (repo / "sub/.gitignore").write_text("*/\n")
    (repo / "sub/link").symlink_to("..")
    (repo / "sub/real").mkdir()
    with IgnoreRules(repo) as rules:
        assert not rules.is_ignored(b"x.draft", False)
        assert not rules.is_ignored(b"sub/link", False)
        assert rules.is_ignored(b"sub/real", True)
        assert not rules.is_ignored(b"sub/link/x", False), "beyond a link, where git gives no answer"


@pytest.mark.parametrize(
    ("name", "is_left_out"),
    [
        (".#notes.org", True),
        ("~$report.docx", True),
        (".~lock.report.odt#", True),
        (".notes.txt.swp", True),
        (".nfs00000000012345670000002a", True),
        ("notes.org~", False),
        (".notes.txt.swo", False),
        (".nfsrc", False),
        (".swp", False),
        ("x.swp", False),
        ("#notes.org#", False),
    ],
)
def test_the_locks_of_editors_and_no_others_are_left_out(repo: Path, name: str, is_left_out: bool) -> None:
    path = os.fsencode(name)
    with IgnoreRules(repo) as rules:
        assert rules.is_ignored(b"d/" + path, False) is is_left_out
        assert rules.is_excluded(path) is is_left_out
        assert bool(rules.ignored_by(path, False)) is is_left_out
        assert not rules.is_ignored(path, True), "a directory is no lock"
    with IgnoreRules(repo, include=[name]) as rules:
        assert not rules.is_ignored(path, False)


def test_a_tracked_lock_is_committed(repo: Path, worktree: Worktree) -> None:
    (repo / ".a.swp").write_text("1\n")
    run_git(repo, "add", "-f", ".a.swp")
    run_git(repo, "commit", "-qm", "tracked by name")
    (repo / ".a.swp").write_text("2\n")
    (repo / ".b.swp").write_text("2\n")
    assert [change.path for change in stage(worktree).changes] == [b".a.swp"]


def test_a_quoted_pattern_and_a_macro_count(repo: Path, worktree: Worktree) -> None:
    run_git(repo, "config", "filter.up.clean", "tr a-z A-Z")
    (repo / ".gitattributes").write_text('[attr]secret filter=up\n"my \\"own\\" file.txt" secret\n')
    (repo / 'my "own" file.txt').write_text("secret\n")
    commit(worktree)
    assert run_git(repo, "show", 'HEAD:my "own" file.txt') == "SECRET"


@pytest.mark.parametrize(("is_sparse", "size"), [(True, "2"), (False, "3")])
def test_attributes_count_that_are_not_checked_out_but_not_deleted_ones(
    repo: Path, worktree: Worktree, is_sparse: bool, size: str
) -> None:
    (repo / ".gitattributes").write_text("*.txt text\n")
    commit(worktree)
    if is_sparse:
        run_git(repo, "config", "core.sparseCheckout", "true")
        run_git(repo, "update-index", "--skip-worktree", ".gitattributes")
    (repo / ".gitattributes").unlink()
    (repo / "x.txt").write_bytes(b"1\r\n")
    commit(worktree, "x.txt", ".gitattributes")
    assert run_git(repo, "cat-file", "-s", "HEAD:x.txt") == size


@pytest.mark.parametrize("value", ["yes", "1", "on", None, "TRUE", "Input"])
def test_autocrlf_is_what_git_takes_for_true(repo: Path, worktree: Worktree, value: str | None) -> None:
    with (repo / ".git/config").open("a") as stream:
        stream.write("[core]\n\tautocrlf" + ("\n" if value is None else f" = {value}\n"))
    (repo / "x.txt").write_bytes(b"1\r\n2\r\n")
    commit(worktree, "x.txt")
    assert run_git(repo, "cat-file", "-s", "HEAD:x.txt") == "4"


def test_text_that_is_crlf_in_the_index_stays_so_when_it_is_guessed(repo: Path, worktree: Worktree) -> None:
    (repo / "x.bat").write_bytes(b"1\r\n2\r\n")
    commit(worktree, "x.bat")
    run_git(repo, "config", "core.autocrlf", "input")
    (repo / "x.bat").write_bytes(b"1\r\n2\r\n3\r\n")
    commit(worktree, "x.bat")
    assert run_git(repo, "cat-file", "-s", "HEAD:x.bat") == "9"
    (repo / ".gitattributes").write_text("*.bat text=auto working-tree-encoding=UTF-16LE\n")
    (repo / "x.bat").write_bytes("1\r\n2\r\n3\r\n4\r\n".encode("utf-16-le"))
    commit(worktree, "x.bat")
    assert run_git(repo, "cat-file", "-s", "HEAD:x.bat") == "12"


def test_text_after_binary_is_text(repo: Path, worktree: Worktree) -> None:
    (repo / ".gitattributes").write_text("* binary\n*.txt text\n")
    (repo / "x.txt").write_bytes(b"1\r\n")
    (repo / "x.dat").write_bytes(b"1\r\n")
    commit(worktree)
    assert run_git(repo, "cat-file", "-s", "HEAD:x.txt") == "2"
    assert run_git(repo, "cat-file", "-s", "HEAD:x.dat") == "3"


@pytest.mark.parametrize("clean", [None, ""])
def test_a_filter_that_does_nothing_to_what_is_stored_holds_nothing_back(
    repo: Path, worktree: Worktree, clean: str | None
) -> None:
    run_git(repo, "config", "filter.s.smudge", "cat")
    if clean is not None:
        run_git(repo, "config", "filter.s.clean", clean)
    (repo / ".gitattributes").write_text("*.u filter=s\n")
    (repo / "x.u").write_text("as it is\n")
    commit(worktree, "x.u")
    assert run_git(repo, "show", "HEAD:x.u") == "as it is"


def test_a_save_of_a_known_path_asks_git_nothing(repo: Path, worktree: Worktree) -> None:
    (repo / ".gitattributes").write_text("*.txt text=auto\n")
    os.utime(repo / ".gitattributes", (1, 1))
    commit(worktree)
    worktree.rest()
    stage(worktree, "a.txt")
    stage(worktree, "a.txt")  # the rule file's last change is not of this very moment any more
    (repo / "a.txt").write_text("known\n")
    with RecordedCalls() as calls:
        assert [change.path for change in stage(worktree, "a.txt").changes] == [b"a.txt"]
    assert not [call for call in calls.take() if call.module == "proc.py"]
    (repo / ".gitattributes").write_text("*.txt text\n")
    (repo / "a.txt").write_bytes(b"known\r\n")
    commit(worktree, "a.txt")
    assert run_git(repo, "cat-file", "-s", "HEAD:a.txt") == "6", "a changed rule file is read again"


def test_a_second_batch_sees_what_changed_since_the_first(repo: Path, worktree: Worktree) -> None:
    attributes, ignores = repo / ".gitattributes", repo / ".gitignore"
    attributes.write_text("*.txt -text\n")
    ignores.write_text("*.log\n")
    with IgnoreRules(repo) as rules:
        worktree.filters.refresh(None)
        rules.refresh()
        assert worktree.filters.attributes(b"a.txt").text == "unset"
        assert rules.is_ignored(b"a.log", False)
        attributes.write_text("*.txt text=auto\n")
        ignores.write_text("*.bak\n")
        worktree.filters.refresh(None)
        rules.refresh()
        assert worktree.filters.attributes(b"a.txt").text == "auto"
        assert not rules.is_ignored(b"a.log", False)
