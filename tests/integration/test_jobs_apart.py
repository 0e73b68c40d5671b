"""Two directories of one job have to be apart, whichever program copies them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.job_client import Client, ok, tree


@pytest.mark.parametrize("backend", ["rsync", "unison"])
@pytest.mark.parametrize(("here", "there"), [("a", "a/backup"), ("a/b", "a"), ("a", "a"), ("link", "a/backup")])
def test_a_directory_is_not_copied_into_itself(tmp_path: Path, backend: str, here: str, there: str) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "notes").mkdir()
    (tmp_path / "a/b/f").write_text("f")
    report = Client(tmp_path / here, tmp_path / "notes", str(tmp_path / there), backend=backend).run()
    assert report.problem is not None
    assert report.problem.code == "usage"
    assert not report.is_halting
    assert tree(tmp_path / "a") == {"b/f": "f"}


def test_directories_whose_names_begin_alike_are_apart(clients: list[Client]) -> None:
    one = clients[0]
    one.write("f", "f")
    ok(replace(one, url=f"{one.root}-backup").run())
    assert tree(one.root.with_name("one-backup")) == {"f": "f"}
