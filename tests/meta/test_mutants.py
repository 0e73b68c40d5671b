"""The faults of `make mutants` are about the program as it is, and the page of invariants names their tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.places import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/design/invariants.rst").read_text(encoding="utf-8")


@pytest.mark.parametrize("each", MUTATIONS, ids=lambda each: each.promise)
def test_a_fault_can_be_planted_and_its_test_exists(each: Mutation) -> None:
    text = (ROOT / each.path).read_text(encoding="utf-8")
    assert each.applied(text) != text
    file, _, name = each.test.partition("[")[0].partition("::")
    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8") or not name
    assert f"``{each.test.partition('[')[0]}``" in PAGE
    assert f"- {each.promise}" in PAGE


def test_forty_places_are_tried() -> None:
    assert len({(each.path, each.old) for each in MUTATIONS}) >= 40
