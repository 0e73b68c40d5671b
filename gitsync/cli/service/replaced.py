"""The unit, or the mask, that `service install` found: moved aside or hidden by its own, and put back by `uninstall`.

Runs on the control command's only thread; owns `service.json` in the state directory.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from gitsync import places
from gitsync.cli.service.kind import State

FILE = "service.json"


def note(aside: Path | None, was: State) -> None:
    """Note where a unit that was not gitsync's is now, None for a package's in its own place, and how it was used."""
    told = {"aside": str(aside or ""), "enabled": was.is_enabled, "active": was.is_active}
    (places.state_dir() / FILE).write_text(json.dumps(told), encoding="utf-8")


def put_back(path: Path) -> State | None:
    """Put back what was at `path` before, if its place is free; return how it was used, None when there was nothing."""
    memory = places.state_dir() / FILE
    try:
        found = json.loads(memory.read_text(encoding="utf-8"))
        aside = found["aside"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if aside and (not os.path.lexists(aside) or os.path.lexists(path)):
        return None
    if aside:
        Path(aside).rename(path)
    with contextlib.suppress(OSError):
        memory.unlink()
    return State(is_enabled=bool(found.get("enabled")), is_active=bool(found.get("active")))
