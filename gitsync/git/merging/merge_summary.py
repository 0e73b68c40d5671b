"""How the conflicts that a merge settled are told: in its commit and to people. Pure; any thread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from gitsync.core.conflict import Policy
from gitsync.core.names import shown
from gitsync.git.merging.threeway import ResolvedConflict

LISTED = 100
_OUTCOMES = {
    Policy.KEEP_BOTH: "the version that was changed stays, the other side had deleted it",
    Policy.OURS: "the version from here was taken",
    Policy.THEIRS: "the version from there was taken",
    Policy.UNION: "the lines of both were taken",
    Policy.NEWEST: "the version that was committed last was taken",
}


def merge_message(source: str, settled: Sequence[ResolvedConflict]) -> str:
    """Return the message of a merge with `source` that says of each conflict what became of it."""
    lines = [f"{shown(item.path)}: {_outcome(item)}" for item in settled[:LISTED]]
    if settled[LISTED:]:
        lines.append(f"and {len(settled) - LISTED} more")
    return "\n".join([f"Merge {source}", *(["", "Changed on both sides:", *lines] if lines else [])])


def conflict_event(settled: Sequence[ResolvedConflict], source: str) -> dict[str, Any]:
    """Return the details of the event "conflict": paths as text, and what decided them."""
    return {
        "remote": source,
        "policy": ",".join(sorted({str(item.policy) for item in settled})),
        "paths": [os.fsdecode(item.path) for item in settled],
        "copies": [os.fsdecode(item.copy) for item in settled if item.copy is not None],
    }


def _outcome(item: ResolvedConflict) -> str:
    return _OUTCOMES[item.policy] if item.copy is None else f"both are kept, one as {shown(item.copy)}"
