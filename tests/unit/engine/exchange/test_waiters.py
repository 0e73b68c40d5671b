"""Who is answered by which cycle."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from gitsync.engine.exchange.waiters import OUTWAITED, Waiters


def test_a_lock_is_outwaited_and_one_that_stays_is_not() -> None:
    waiters, asked = Waiters(), Future[Any]()
    waiters.add(asked, "both", is_late=False)
    for _ in range(OUTWAITED):
        assert waiters.answer("locked") == []
        assert not asked.done()
    waiters.answer("remote-locked")
    assert asked.done()


def test_another_failure_answers_at_once_and_so_does_success() -> None:
    for code in ("offline", ""):
        waiters, asked, late = Waiters(), Future[Any](), Future[Any]()
        waiters.add(asked, "both", is_late=False)
        waiters.answer("locked")
        waiters.add(late, "pull", is_late=True)
        assert waiters.answer(code) == ["pull"]
        assert asked.done()
        assert not late.done(), "it came when that cycle had looked already"
