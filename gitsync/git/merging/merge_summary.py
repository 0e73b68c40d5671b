"""Formats how a merge resolved its conflicts, for its commit message and for people. Pure; any thread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from gitsync.core.conflict import Policy
from gitsync.git.merging.threeway import ResolvedConflict
from gitsync.text import shown

LISTED = 100
_OUTCOMES = {
    Policy.KEEP_BOTH: "kept the changed version; the other side deleted it",
    Policy.OURS: "took the version of the machine that merged",
    Policy.THEIRS: "took the version from the remote",
    Policy.UNION: "took the lines of both versions",
    Policy.NEWEST: "took the version that was committed last",
}


def merge_message(source: str, resolved: Sequence[ResolvedConflict], *, is_taking: bool = False) -> str:
    """Return the message of a merge with `source`, with the result of each conflict.

    With `is_taking` the history of `source` takes the place of the one here, and the commit has what is only here.
    """
    lines = [f"{shown(item.path)}: {_outcome(item)}" for item in resolved[:LISTED]]
    if resolved[LISTED:]:
        lines.append(f"and {len(resolved) - LISTED} more")
    first = f"Keep what was changed here on top of {source}" if is_taking else f"Merge {source}"
    return "\n".join([first, *(["", "Changed on both sides:", *lines] if lines else [])])


def conflict_event(resolved: Sequence[ResolvedConflict], source: str) -> dict[str, Any]:
    """Return the details of the event "conflict": paths as text, and the policies that were applied."""
    return {
        "remote": source,
        "policy": ",".join(sorted({str(item.policy) for item in resolved})),
        "paths": [os.fsdecode(item.path) for item in resolved],
        "copies": [os.fsdecode(item.copy) for item in resolved if item.copy is not None],
    }


def _outcome(item: ResolvedConflict) -> str:
    return _OUTCOMES[item.policy] if item.copy is None else f"kept both versions, one as {shown(item.copy)}"
