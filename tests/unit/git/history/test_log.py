"""Looking at a history and at what differs from it."""

from __future__ import annotations

import os
from pathlib import Path

from gitsync.git.history.log import History


def test_looking_for_differences_leaves_the_index_of_the_user_alone(repo: Path) -> None:
    index = repo / ".git/index"
    os.utime(repo / "a.txt", (1, 1))  # `git diff` would note in the index that the content is the same
    before = index.read_bytes(), index.stat().st_mtime_ns, index.stat().st_ino
    history = History(str(repo))
    assert history.dirty(b"") == frozenset()
    (repo / "a.txt").write_text("two\n")
    assert history.dirty(b"") == {b"a.txt"}
    assert (index.read_bytes(), index.stat().st_mtime_ns, index.stat().st_ino) == before
