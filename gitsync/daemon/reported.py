"""The problems that `gitsync --once --quiet` has reported: a job of cron mails each once, not every ten minutes.

Runs on the main thread of a single pass; owns `reported.json` and `reported-error.json` in the state directory.
"""

from __future__ import annotations

import json

from gitsync import digests, places
from gitsync.errors import AlreadyRunningError, GitsyncError, OperationError
from gitsync.git.files import write_durably

FILE = "reported.json"
# What kept a whole pass from beginning.
ERROR_FILE = "reported-error.json"


def is_fresh(error: GitsyncError | None) -> bool:
    """Whether this error differs from that of the last pass, and remember it; None forgets it."""
    # The PID in that message is another one each time.
    said = error.code if isinstance(error, AlreadyRunningError) else str(error)
    try:
        return bool(fresh({"": [said] if error else []}, ERROR_FILE))
    except GitsyncError:
        return True  # there is not even a place to remember it


def fresh(reports: dict[str, list[str]], file: str = FILE) -> dict[str, list[str]]:
    """Return the reports that differ from those of the last pass, and remember these; an empty one is forgotten."""
    path = places.state_dir() / file
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
