"""What is below a repository in a work tree, and what is remembered of it."""

from __future__ import annotations

import os
from pathlib import Path

from gitsync.git.staging.held_paths import FILE, HeldPaths, inside
from tests.conftest import run_git


def test_a_link_to_a_repository_is_none(repo: Path) -> None:
    run_git(repo, "init", "-q", "lib/deep")
    (repo / "link").symlink_to("lib/deep")
    paths = [b"lib/a", b"lib/deep/a", b"lib/deep/b/c", b"link/a", b"deep/a"]
    assert inside(str(repo), paths) == {b"lib/deep/a": b"lib/deep", b"lib/deep/b/c": b"lib/deep"}


def test_held_paths_outlast_a_restart_and_a_damaged_record(repo: Path, tmp_path: Path) -> None:
    held, odd = HeldPaths(str(repo), tmp_path), os.fsencode("\udcff")
    held.note([b"a.txt", odd])
    again = HeldPaths(str(repo), tmp_path)
    assert again.paths == {b"a.txt": again.look(b"a.txt"), odd: ()}
    again.drop([b"a.txt"])
    assert HeldPaths(str(repo), tmp_path).paths == {odd: ()}
    again.drop([odd])
    assert not (tmp_path / FILE).exists()
    (tmp_path / FILE).write_text("[1]")
    assert HeldPaths(str(repo), tmp_path).paths == {}
