"""The journal survives what is in names, and a bad one is not guessed at."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.core.temporary import TEMP_PREFIX, is_temporary
from gitsync.errors import OperationError
from gitsync.git.applying import journal
from gitsync.git.applying.journal import Journal, JournalStep, Phase

NOTED = Journal(
    Phase.STAGING,
    "refs/heads/main",
    None,
    "1" * 40,
    None,
    "2" * 40,
    True,
    (
        JournalStep(b"od\xffd\nname", journal.temp_name(b"dir"), "", "file:00", True),
        JournalStep(b"b", b"t", "link:1", ""),
    ),
    (b"dir/\xfe",),
    (b"gone",),
)


def test_round_trip(tmp_path: Path) -> None:
    assert journal.read(tmp_path) is None
    journal.write(tmp_path, NOTED)
    assert journal.read(tmp_path) == NOTED
    journal.write(tmp_path, NOTED.swapping())
    assert journal.read(tmp_path) == NOTED.swapping()
    journal.drop(tmp_path)
    assert journal.read(tmp_path) is None
    journal.drop(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"format": 1}'])
def test_a_bad_one_stops(tmp_path: Path, text: str) -> None:
    (tmp_path / "integration.json").write_text(text)
    with pytest.raises(OperationError) as caught:
        journal.read(tmp_path)
    assert caught.value.code == "journal"
    assert ".gitsync-tmp-" in caught.value.hint


def test_names_of_temporaries() -> None:
    name = journal.temp_name(b"a/b")
    assert name.startswith(b"a/b/" + TEMP_PREFIX)
    assert is_temporary(name)
    assert is_temporary(journal.temp_name(b""))
    assert not is_temporary(b"a/gitsync-tmp-")
    assert len(name) < 40, "short enough for any directory"
