"""Names in composed form: as git on macOS stores them, whatever form a program has written."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import pytest

from gitsync.core.spelling import composed, spelled_in_home
from gitsync.git.staging.read import Reader


@pytest.mark.parametrize("name", ["\u00e4/\u00f6.txt", "\ud55c\uae00", "plain.txt"])
def test_both_forms_are_one_name(name: str) -> None:
    assert composed(unicodedata.normalize("NFD", name).encode()) == name.encode()
    assert composed(name.encode()) == name.encode()


def test_what_is_no_text_stays_as_it_is() -> None:
    assert composed(b"a\xff\xcc\x88") == b"a\xff\xcc\x88"


def test_home_is_spelled_so_on_macos_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert spelled_in_home("a\u0308".encode()) == "a\u0308".encode()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert spelled_in_home("a\u0308".encode()) == "\u00e4".encode()


def test_a_listing_is_composed_where_git_composes(tmp_path: Path) -> None:
    (tmp_path / "a\u0308").touch()
    with Reader(str(tmp_path), is_composing=True) as reader:
        assert reader.names(b"") == [("\u00e4".encode(), False)]
    with Reader(str(tmp_path)) as reader:
        assert reader.names(b"") == [("a\u0308".encode(), False)]
