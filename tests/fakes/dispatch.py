"""A daemon's answers by script, for a real ControlServer: what it lies about is written in the test that uses it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

Answer = dict[str, Any] | BaseException | Callable[[dict[str, Any]], dict[str, Any]]


class ScriptedDispatch:
    """Answers each method as told, and remembers what it was asked."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((method, params))
        answer = self.answers[method]
        if isinstance(answer, BaseException):
            raise answer
        return answer(params) if callable(answer) else answer


class FakeBoard:
    """Hands out subscriptions; `publish` reaches every open one."""

    def __init__(self) -> None:
        self.open: list[FakeSubscription] = []
        self.changed = threading.Condition()

    def subscribe(self) -> FakeSubscription:
        subscription = FakeSubscription(self)
        with self.changed:
            self.open.append(subscription)
            self.changed.notify_all()
        return subscription

    def publish(self, event: dict[str, Any]) -> None:
        with self.changed:
            for subscription in self.open:
                subscription.queue.put(event)

    def wait_for(self, count: int, timeout_s: float = 30.0) -> None:
        """Wait until exactly `count` subscriptions are open."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.open) == count, timeout_s), self.open


class FakeSubscription:
    """One listener."""

    def __init__(self, board: FakeBoard) -> None:
        self.board = board
        self.queue: SimpleQueue[dict[str, Any]] = SimpleQueue()

    def get(self, timeout: float) -> dict[str, Any] | None:
        try:
            return self.queue.get(timeout=timeout)
        except Empty:
            return None

    def close(self) -> None:
        with self.board.changed:
            self.board.open.remove(self)
            self.board.changed.notify_all()


def repo_status(name: str = "notes", **changes: Any) -> dict[str, Any]:
    """One repository as `status --json` shows it."""
    return {
        "name": name,
        "path": f"/home/u/{name}",
        "branch": "main",
        "state": "ok",
        "reason": "",
        "pending": 0,
        "ahead": 0,
        "behind": 0,
        "watch": "native",
        "conflicts": [],
        "quarantined": [],
        "last_commit": None,
        "last_pull": None,
        "last_push": None,
        "error": None,
        "notes": [],
        **changes,
    }


def status(*repos: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The whole status document."""
    daemon = {"pid": 123, "uptime_s": 9.1}
    return {"version": "0.1.0", "daemon": daemon, "repos": list(repos), "home": None, "jobs": [], **changes}
