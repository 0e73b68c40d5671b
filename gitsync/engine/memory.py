"""What a repository's threads remember over a restart: a pause, the last pull and push, a brake's evidence.

A small JSON file in the notes directory for each thread that remembers, which owns it. Losing one loses no work: it is
written by rename, and what cannot be read or written is told to the log and done without.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from gitsync.errors import OperationError
from gitsync.git.locks import write_durably

logger = logging.getLogger(__name__)

PAUSE_FILE, EXCHANGE_FILE = "pause.json", "exchange.json"


class Memory:
    """A dictionary that outlives the process; values are JSON's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values = _read(path)

    def get(self, key: str) -> Any:
        """Return what is remembered as `key`, None for nothing."""
        return self._values.get(key)

    def text(self, key: str) -> str | None:
        """Return a remembered text, None for nothing and for what is no text."""
        value = self._values.get(key)
        return value if isinstance(value, str) else None

    def remember(self, **values: Any) -> None:
        """Remember `values` beside what there is; None forgets."""
        kept = {key: value for key, value in {**self._values, **values}.items() if value is not None}
        if kept == self._values:
            return
        self._values = kept
        try:
            write_durably(self._path, json.dumps(kept).encode())
        except OperationError as error:
            logger.warning("this will be forgotten at the next start: %s", error.message)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        logger.warning("cannot read %s: %s", path, error)
        return {}
    return found if isinstance(found, dict) else {}


class ExchangeMemory(Memory):
    """What one exchange remembers: when it last pulled and pushed, and what the remote had before an open question."""

    def known_before(self, tracking: str, was: str | None, upstream: str | None) -> str | None:
        """Return what the remote had when its commits were last taken in; `was` is what the tracking ref says.

        The ref forgets that with the fetch. Until it is taken in it is remembered here, or a restart, a resume or a
        merge of the user's in between would take off the brake that a rewritten remote runs into.
        """
        known = self._known()
        if tracking in known:
            return str(known[tracking])
        if was is not None and was != upstream:
            self.remember(known={**known, tracking: was})
        return was

    def take_in(self, tracking: str, when: str) -> None:
        """What the remote has was taken in at `when`: what it had before no longer counts."""
        left = {ref: was for ref, was in self._known().items() if ref != tracking}
        self.remember(known=left or None, last_pull=when)

    def _known(self) -> dict[str, Any]:
        known = self.get("known")
        return known if isinstance(known, dict) else {}
