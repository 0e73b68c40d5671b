"""The problems that `gitsync --once --quiet` has reported: a job of cron mails each once, not every ten minutes.

Runs on the main thread of a single pass; owns `reported.json` in the state directory.
"""

from __future__ import annotations

import json

from gitsync import digests, places
from gitsync.errors import OperationError
from gitsync.git.files import write_durably

FILE = "reported.json"


def fresh(reports: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the reports that differ from those of the last pass, and remember these; an empty one is forgotten."""
    path = places.state_dir() / FILE
    sums = {name: digests.sha256("\n".join(lines).encode()).hexdigest() for name, lines in reports.items() if lines}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    if not isinstance(known, dict):
        known = {}
    if sums != known:
        try:
            write_durably(path, json.dumps(sums).encode())
        except OperationError:
            return reports  # a full disk: better said twice than not at all
    return {name: lines for name, lines in reports.items() if lines and known.get(name) != sums[name]}
