"""The versions of a file over its renamings are those that reading every commit of the history finds."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from gitsync.git.history.log import History
from gitsync.git.history.versions import records
from tests.conftest import run_git
from tests.property.test_line_index import NAMES, a_history

SEEDS = [int(os.environ["FOLLOW_SEED"])] if "FOLLOW_SEED" in os.environ else [1, 2]
Seen = list[tuple[str, bytes, str, bytes | None]]


def read_whole(history: History, name: bytes) -> Seen:
    """Follow a name through every commit."""
    found: Seen = []
    for record in records(history, b""):
        here = None
        for touched in record.touched:
            if touched.path == name:
                here = (record.commit, name, touched.what, touched.was if len(record.parents) == 1 else None)
            elif touched.was == name and here is None:
                here = (record.commit, name, "removed", None)
        if here is not None:
            was = here[3]
            found.append(here if was is not None or here[2] != "renamed" else (*here[:2], "added", None))
            name = name if was is None else was
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("has_graph", [False, True])
def test_a_file_is_followed_as_by_reading_every_commit(tmp_path: Path, seed: int, has_graph: bool) -> None:
    root = tmp_path / "notes"
    commits = a_history(root, Random(seed), 60)
    run_git(root, "update-ref", "refs/heads/main", commits[-1])
    if has_graph:
        run_git(root, "commit-graph", "write", "--reachable", "--changed-paths")
    history = History(root)
    renamed = 0
    for name in NAMES:
        followed = records(history, name, follow=True)
        found = [
            (record.commit, touched.path, touched.what, touched.was)
            for record in followed
            for touched in record.touched
        ]
        assert found == read_whole(history, name), (seed, name)
        renamed += sum(item[3] is not None for item in found)
        assert records(history, name, follow=True, limit=3) == followed[:3]
    assert renamed
