"""The history of a job's runs: one JSON line a run, the newest last, bounded.

The job's own thread writes it; any thread may read it. Losing it loses no work: what cannot be written is logged to the
log and done without.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from gitsync.errors import OperationError
from gitsync.git.files import write_durably

logger = logging.getLogger(__name__)

RUNS_FILE = "runs.jsonl"
KEPT = 200
# Rewritten only now and then: a run costs one appended line.
TRIM_BEYOND_BYTES = 1024 * 1024


def note(state_dir: Path, run: dict[str, Any]) -> None:
    """Append one run; the oldest go when there are too many."""
    path = state_dir / RUNS_FILE
    try:
        with path.open("ab+") as file:
            # A line that a crash tore must not take this one with it.
            is_torn = file.tell() and file.seek(-1, os.SEEK_END) and file.read(1) != b"\n"
            file.write((b"\n" if is_torn else b"") + json.dumps(run).encode() + b"\n")
            is_long = file.tell() > TRIM_BEYOND_BYTES
        if is_long:
            write_durably(path, b"".join(path.read_bytes().splitlines(keepends=True)[-KEPT:]))
    except (OSError, OperationError) as error:
        logger.warning("the history of runs cannot be written: %s: %s", path, error)


def read(state_dir: Path, count: int) -> list[dict[str, Any]]:
    """Return the last `count` runs, the newest first; a line that a crash tore is passed over."""
    try:
        lines = (state_dir / RUNS_FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OperationError(
            f"cannot read the history of runs {state_dir / RUNS_FILE}: {error.strerror}", "check its permissions"
        ) from error
    found: list[dict[str, Any]] = []
    for line in reversed(lines):
        try:
            run = json.loads(line)
        except ValueError:
            continue
        if isinstance(run, dict):
            found.append(run)
        if len(found) == count:
            break
    return found
