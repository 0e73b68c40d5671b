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
