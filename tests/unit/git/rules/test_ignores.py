"""What is passed over, and what a watcher need not watch."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync import places
from gitsync.git.rules.ignores import IgnoreRules
from tests.conftest import run_git


@pytest.fixture
def root(repo: Path) -> Path:
    (repo / ".gitignore").write_text("*.log\nbuild/\n!keep.log\n/top\n")
    (repo / ".git/info").mkdir(exist_ok=True)
    (repo / ".git/info/exclude").write_text("private\n")
    (repo / "build").mkdir()
    (repo / "d/vendor").mkdir(parents=True)
    return repo


@pytest.mark.parametrize(
    ("path", "is_dir", "expected"),
    [
        (b"x.log", False, True),
        (b"d/x.log", False, True),
        (b"keep.log", False, False),
        (b"build", True, True),
        (b"build", False, False),
        (b"build/x", False, True),
        (b"top", False, True),
        (b"d/top", False, False),
        (b"d/private", False, True),
        (b"\xff.log", False, True),
        (b"\xff.txt", False, False),
        (b"new\nline.log", False, True),
        (b".git", True, True),
        (b".git/config", False, True),
        (b".gitignore", False, False),
    ],
)
def test_gits_own_rules_hold(root: Path, path: bytes, is_dir: bool, expected: bool) -> None:
    if path == b"build" and not is_dir:
        (root / "build").rmdir()
    with IgnoreRules(root) as rules:
        assert rules.is_ignored(path, is_dir) is expected


def test_the_configurations_patterns_add_and_take_back(root: Path) -> None:
    with IgnoreRules(root, include=["x.log", "build/kept"], exclude=["*.tmp", "cache/"]) as rules:
        assert not rules.is_ignored(b"d/x.log", False)
        assert rules.is_ignored(b"y.log", False)
        assert not rules.is_ignored(b"build/kept", False)
        assert rules.is_ignored(b"d/a.tmp", False)
        assert rules.is_ignored(b"cache/deep/x", False)
        assert rules.is_excluded(b"a.tmp")
        assert not rules.is_excluded(b"y.log")


def test_directories_are_pruned_only_when_nothing_below_can_count(root: Path) -> None:
    def is_prunable(directory: bytes, **patterns: list[str]) -> bool:
        with IgnoreRules(root, **patterns) as rules:
            return rules.is_prunable(directory)

    assert is_prunable(b"build")
    assert is_prunable(b".git")
    assert not is_prunable(b"d")
    assert not is_prunable(b"build", include=["*.md"])
    assert not is_prunable(b"build", include=["build/a/*.md"])
    assert is_prunable(b"build", include=["/d/*.md"])
    assert is_prunable(b"d/vendor", exclude=["d/vendor/"])
    (root / "build/tracked").write_text("t")
    run_git(root, "add", "-f", "build/tracked")
    run_git(root, "commit", "-qm", "x")
    assert not is_prunable(b"build")


def test_nested_repositories_are_pruned_unless_they_are_ours(root: Path) -> None:
    run_git(root, "init", "-q", "d/nested")
    with IgnoreRules(root) as rules:
        assert rules.is_nested(b"d/nested")
        assert rules.is_prunable(b"d/nested")
        assert not rules.is_nested(b"d")
        assert not rules.is_nested(b"")
    (root / "d/nested/x").write_text("x")
    run_git(
        root, "update-index", "--add", "--cacheinfo", "100644," + "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391,d/nested/x"
    )
    run_git(root, "hash-object", "-w", "/dev/null")
    run_git(root, "commit", "-qm", "tracked although it has a .git")
    assert not rules.is_nested(b"d/nested")


def test_changed_rules_are_seen_by_the_next_batch(root: Path) -> None:
    with IgnoreRules(root) as rules:
        assert not rules.is_ignored(b"x.txt", False)
        rules.rest()
        (root / ".gitignore").write_text("*.txt\n")
        assert rules.is_ignored(b"x.txt", False)


def test_what_gitsync_itself_writes_is_passed_over_and_need_not_be_watched(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(repo / "state"))
    monkeypatch.setenv("GITSYNC_CONFIG", str(repo / "conf/config.toml"))
    places.claim(repo / "logs/g.log")
    for name in (
        "state/gitsync/lock",
        "state/other",
        "conf/config.toml",
        "conf/x",
        "logs/g.log",
        "logs/g.log.1",
        "logs/y",
    ):
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text("x\n")
    with IgnoreRules(repo) as rules:
        own = {
            name
            for name in (
                b"state/gitsync/lock",
                b"state/other",
                b"conf/config.toml",
                b"conf/x",
                b"logs/g.log",
                b"logs/g.log.1",
                b"logs/y",
            )
            if rules.is_ignored(name, False)
        }
        assert own == {b"state/gitsync/lock", b"conf/config.toml", b"logs/g.log", b"logs/g.log.1"}
        assert rules.is_prunable(b"state/gitsync")
        assert not rules.is_prunable(b"logs")
        assert "gitsync's own" in rules.ignored_by(b"logs/g.log", False)


def test_answers_to_many_questions_at_once_are_those_to_each(repo: Path) -> None:
    for place, lines in (("", "*.log\n/top\n"), ("a", "!keep.log\nb/x\n"), ("a/b", "*.tmp\n")):
        (repo / place).mkdir(exist_ok=True)
        (repo / place / ".gitignore").write_text(lines)
    (repo / "away").symlink_to("a")
    names = (b"x", b"keep.log", b"other.log", b"y.tmp", b"top", b"new\nline.log")
    places = (b"", b"a/", b"a/b/", b"a/b/c/", b"none/", b"away/", b"a/")
    paths = [place + name for name in names for place in places]
    with IgnoreRules(repo) as rules:
        rules.learn(paths)
        together = [rules.is_ignored(path, False) for path in paths]
    each = []
    for path in paths:
        with IgnoreRules(repo) as rules:
            each.append(rules.is_ignored(path, False))
    assert together == each
    assert True in each
    assert False in each
