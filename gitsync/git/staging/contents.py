"""The content of unchanged files, remembered by their stat data. Runs on the committer thread.

Only the mirror of home files remembers any: there the same file is looked at for home, for the mirror and for the
commit, and is read once for all of them.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from gitsync.clock import SystemClock
from gitsync.git.files import TICK_NS

_KEPT = 20_000

_Moment = tuple[int, int, int, int, int]


class ReadContent(NamedTuple):
    """Blob id and fingerprint of a file; `is_alone`: no process had it open for writing when it was read."""

    id: str
    fingerprint: str
    is_alone: bool


class KnownContents:
    """What unchanged files hold, by their stat data."""

    def __init__(self) -> None:
        self._known: dict[_Moment, ReadContent] = {}
        self._blobs: dict[_Moment, str] = {}
        self._clock = SystemClock()

    def of(self, facts: os.stat_result) -> ReadContent | None:
        """Return what a file with these stat data holds, None where it has to be read."""
        return self._known.get(moment_of(facts))

    def blob_of(self, facts: os.stat_result) -> str | None:
        """Return the id of the blob that a file with these stat data was when it was read last, None for unknown.

        A process that had it open for writing then may have changed it through a mapping without a trace as yet.
        """
        moment = moment_of(facts)
        known = self._known.get(moment)
        return self._blobs.get(moment) if known is None else known.id

    def remember(self, facts: os.stat_result, content: ReadContent) -> None:
        """Remember what was read, unless a change within the same tick of the clock would not show."""
        if not self._is_racy(facts):
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[moment_of(facts)] = content

    def remember_blob(self, facts: os.stat_result, blob: str) -> None:
        """Remember the blob that was made of a file's content as it is, under the same condition."""
        if not self._is_racy(facts):
            if len(self._blobs) >= _KEPT:
                self._blobs.clear()
            self._blobs[moment_of(facts)] = blob

    def _is_racy(self, facts: os.stat_result) -> bool:
        return facts.st_ctime_ns >= int(self._clock.wall() * 1e9) - TICK_NS


def moment_of(facts: os.stat_result) -> _Moment:
    """Return what differs between two files, and between one file before and after a change."""
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
