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
