"""Files that a pull wrote and that would be stored as something else than they came from. Runs on the committer thread.

CRLF in the repository of a file that is text by now, a filter that gives other bytes at each run: git takes such a file
for unchanged as long as nobody touches it, by its stat data. Here the content itself is remembered, so that neither a
restart nor a fresh index makes an edit of it. The record is in the repository's state directory.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from gitsync import digests
from gitsync.git.files import write_durably

logger = logging.getLogger(__name__)

_NAME = "arrivals.json"
_PIECE = 1 << 20


class Arrival(NamedTuple):
    """What came to a path: the blob, and the SHA-256 digest of what was written."""

    blob: str
    digest: str


class Arrivals:
    """What came, by path."""

    def __init__(self, state_dir: Path) -> None:
        self._file = state_dir / _NAME
        self._known: dict[bytes, Arrival] | None = None

    def remember(self, came: Mapping[bytes, Arrival], is_current: Callable[[bytes, str], bool]) -> None:
        """Remember what is about to be written; raise OperationError when it cannot be stored.

        Of what came before, that is kept for which `is_current` says that the path still has the blob.
        """
        known = self._load()
        if any(known.get(path) != arrival for path, arrival in came.items()):
            kept = {path: arrival for path, arrival in known.items() if is_current(path, arrival.blob)}
            self._save({**kept, **came})

    def of(self, path: bytes, blob: str | None) -> str | None:
        """Return the digest of what was written at `path` for the blob that is still there, None for none."""
        arrival = self._load().get(path)
        return arrival.digest if arrival is not None and arrival.blob == blob else None

    def _load(self) -> dict[bytes, Arrival]:
        if self._known is None:
            self._known = {}
            try:
                noted = json.loads(self._file.read_bytes())
                self._known = {os.fsencode(path): Arrival(*map(str, said)) for path, said in noted.items()}
            except FileNotFoundError:
                pass  # nothing came yet
            except (OSError, ValueError, TypeError, AttributeError) as error:
                logger.warning("cannot read %s, and go on without it: %s", self._file, error)
        return self._known

    def _save(self, known: dict[bytes, Arrival]) -> None:
        write_durably(self._file, json.dumps({os.fsdecode(path): said for path, said in known.items()}).encode())
        self._known = known


def digest_of(data: bytes) -> str:
    """Return the digest of a file's content."""
    return digests.sha256(data).hexdigest()


def digest_of_open(handle: int) -> str:
    """Return the digest of an open file's content, which may be large."""
    digest, at = digests.sha256(size=os.fstat(handle).st_size), 0
    while piece := os.pread(handle, _PIECE, at):
        digest.update(piece)
        at += len(piece)
    return digest.hexdigest()
