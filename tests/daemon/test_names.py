"""Repositories called by their names, wherever the command is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine


@pytest.fixture
def roots(box: Machine) -> tuple[Path, Path]:
    """Two watched repositories; the first one had a file and a directory that are called like others."""
    notes, lab = box.repo("notes"), box.repo("lab")
    box.configure(notes, lab, box.repo("work"))
    (notes / "ideas").mkdir()
    (notes / "work").write_text("a file\n")
    run_git(notes, "add", "-A")
    run_git(notes, "commit", "-qm", "a file called like a repository")
    run_git(lab, "commit", "-q", "--allow-empty", "-m", "of the lab")
    return notes, lab


@pytest.mark.parametrize("directory", [".", "ideas"])
def test_a_name_is_one_in_another_watched_directory_too(box: Machine, roots: tuple[Path, Path], directory: str) -> None:
    notes, lab = roots
    (lab / "first.txt").write_text("not committed\n")
    there = notes / directory
    assert "a file called" in box.ctl("log", "notes", cwd=there).stdout
    assert "of the lab" in box.ctl("log", "lab", cwd=there).stdout
    assert "not committed" in box.ctl("diff", "lab", cwd=there).stdout
    assert box.ctl("log", "lob", cwd=there).returncode == 4


def test_what_is_misspelt_is_answered_with_the_nearest(box: Machine) -> None:
    for argv, meant in (
        (("service", "instal"), "did you mean: gitsyncctl service install"),
        (("config", "gett", "daemon"), "did you mean: gitsyncctl config get"),
        (("restore", "--dryrun", "a"), "did you mean --dry-run?"),
        (("status", "--shrt"), "did you mean --short?"),
    ):
        done = box.ctl(*argv)
        assert done.returncode == 2
        assert meant in done.stderr


def test_nobody_is_advised_to_watch_a_directory_of_the_system(box: Machine) -> None:
    box.configure(box.repo())
    assert "gitsyncctl watch" not in box.ctl("explain", "/etc/passwd").stdout
    (box.home / "Letters").mkdir()
    assert "gitsyncctl watch" in box.ctl("explain", str(box.home / "Letters/a.txt")).stdout


def test_a_path_of_that_name_goes_first_also_when_it_is_gone(box: Machine, roots: tuple[Path, Path]) -> None:
    notes, _ = roots
    assert "a file called" in box.ctl("log", "work", cwd=notes).stdout
    run_git(notes, "rm", "-q", "work")
    run_git(notes, "commit", "-qm", "without it")
    shown = box.ctl("log", "work", cwd=notes).stdout
    assert "without it" in shown
    assert "a file called" in shown
