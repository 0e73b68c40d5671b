"""An answer is for one question, and for no other."""

from __future__ import annotations

import pytest

from gitsync.core.questions import chosen
from gitsync.errors import UsageError
from gitsync.model import Question

ONE = Question("q-00000001", "deletions", "one")
TWO = Question("q-00000002", "other-root", "two")


def test_an_answer_with_an_id_is_for_that_question_alone() -> None:
    assert chosen("notes", [ONE, TWO], "accept", [TWO.id]) == [TWO]


def test_an_answer_without_one_is_refused_where_there_are_several() -> None:
    with pytest.raises(UsageError, match="2 open questions"):
        chosen("notes", [ONE, TWO], "accept")


def test_a_bare_yes_is_not_for_a_question_with_several_answers() -> None:
    several = Question("q-00000003", "rewritten", "three", answers=("accept", "take"))
    with pytest.raises(UsageError, match="three: it has several answers") as refused:
        chosen("notes", [several], "accept", is_bare=True)
    assert refused.value.hint == "gitsyncctl resume notes --answer accept; gitsyncctl resume notes --answer take"
    assert chosen("notes", [several], "accept") == chosen("notes", [several], "accept", [several.id]) == [several]
    assert chosen("notes", [several, ONE], "accept", is_bare=True) == [ONE]
