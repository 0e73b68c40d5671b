"""Every reason why a path is committed or is not, and which one is told when there are several."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitsync.core.explain import COMING, COMMITTED, NOT, Facts, explanation_of

NEW = Facts("notes", "/n/a", "file", size=10, size_limit=100, waited_s=1.3, due_s=0.7, max_wait_s=30)
TRACKED = replace(NEW, is_tracked=True, last="in 1a2b3c4 of 2026-03-01 14:30 UTC")


@pytest.mark.parametrize(
    ("facts", "changes", "what", "code", "words"),
    [
        (NEW, {}, COMING, "pending", "pending for 1.3 s; it is committed in 0.7 s"),
        (NEW, {"waited_s": None}, COMING, "pending", "was not examined yet"),
        (NEW, {"is_written": True}, COMING, "being-written", "open for writing"),
        (NEW, {"ignored_by": ".gitignore:1: *.log"}, NOT, "ignored", ".gitignore:1: *.log"),
        (NEW, {"excluded_by": "*.bak"}, NOT, "excluded", "'*.bak'"),
        (NEW, {"size": 200}, NOT, "too-large", "200 B, and the limit is 100 B"),
        (NEW, {"size": 200, "size_limit": None}, COMING, "pending", "pending"),
        (NEW, {"secret": "private key"}, NOT, "secret", "private key"),
        (TRACKED, {"unfiltered": "needs the filter 'lfs'"}, NOT, "filter", "it needs the filter 'lfs'"),
        (NEW, {"is_staged": True, "staged_left_s": 480.0}, COMING, "staged", "in 8 min it is committed"),
        (NEW, {"nested": "/n/inner"}, NOT, "nested", "/n/inner"),
        (NEW, {"is_listed": False}, NOT, "not-tracked", "home directory"),
        (NEW, {"kind": "special"}, NOT, "not-regular", "neither a file"),
        (NEW, {"kind": "unreadable", "why_unreadable": "Permission denied"}, NOT, "unreadable", "Permission denied"),
        (NEW, {"kind": "absent"}, NOT, "unknown", "never committed"),
        (NEW, {"kind": "absent", "last": "in 1a2b3c4"}, NOT, "removed", "in 1a2b3c4"),
        (NEW, {"kind": "directory"}, NOT, "empty", "not store empty directories"),
        (NEW, {"kind": "directory", "tracked_below": 2}, COMMITTED, "committed", "its 2 files"),
        (NEW, {"kind": "directory", "tracked_below": 2, "differing_below": 1}, COMING, "pending", "pending"),
        (NEW, {"kind": "directory", "ignored_by": ".gitignore:1: out/"}, NOT, "ignored", "out/"),
        (NEW, {"is_watched": False}, NOT, "no-daemon", "gitsync is not running"),
        (TRACKED, {"is_same": True, "pushed": "; origin has it"}, COMMITTED, "committed", "UTC; origin has it"),
        (TRACKED, {"ignored_by": ".gitignore:1: *"}, COMING, "pending", "pending"),
        (TRACKED, {"size": 200, "secret": ""}, COMING, "pending", "pending"),
        (TRACKED, {"kind": "absent"}, COMING, "pending", "its removal is committed in 0.7 s"),
        (TRACKED, {"left_out": "assume-unchanged"}, NOT, "left-out", "assume-unchanged"),
        (TRACKED, {"is_conflict": True, "is_same": True}, NOT, "conflict", "resolve the conflict"),
        (TRACKED, {"copy_of": "a", "is_same": True}, COMMITTED, "conflict-copy", "version of a"),
        (TRACKED, {"state": "busy", "held_by": "a rebase is in progress"}, NOT, "busy", "a rebase is in progress"),
        (TRACKED, {"state": "paused", "held_by": "paused by you"}, NOT, "paused", "paused by you"),
        (TRACKED, {"state": "halted", "held_by": "gone"}, NOT, "halted", "gone"),
        # What is committed already, or never will be, does not wait for the repository.
        (TRACKED, {"state": "busy", "is_same": True}, COMMITTED, "committed", "unchanged since the last commit"),
        (NEW, {"state": "paused", "ignored_by": "x:1: y"}, NOT, "ignored", "x:1: y"),
    ],
)
def test_verdict(facts: Facts, changes: dict[str, Any], what: str, code: str, words: str) -> None:
    found = explanation_of(replace(facts, **changes))
    assert (found.verdict, found.code) == (what, code)
    assert words in found.reason
