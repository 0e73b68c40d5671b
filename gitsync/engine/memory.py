"""What a repository's threads remember over a restart: a pause, the last pull and push, a brake's evidence.

A small JSON file in the repository's state directory for each thread that remembers, which owns it. Losing one loses
no work: it is written by rename, and what cannot be read or written is logged and done without.
"""

from __future__ import annotations

import json
import logging
import math
import os
from pathlib import Path
from typing import Any

from gitsync import digests
from gitsync.errors import OperationError
from gitsync.git.files import write_durably
from gitsync.git.remote.results import tracking_ref

logger = logging.getLogger(__name__)

# How often the time of the last pull is written to the disk while nothing new arrives (seconds).
NOTE_EVERY_S = 60.0
# So many commits are remembered that a person accepted, and that were verified and wait.
KEPT_TRUSTED, KEPT_VERIFIED = 50, 5000
PAUSE_FILE, EXCHANGE_FILE, EXCHANGE_FILES = "pause.json", "exchange.json", "exchange*.json"


class Memory:
    """A dictionary that outlives the process; values are JSON's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values = _read(path)

    def get(self, key: str) -> Any:
        """Return what is remembered as `key`, None for nothing."""
        return self._values.get(key)

    def text(self, key: str) -> str | None:
        """Return a recorded text, None for none or for invalid data."""
        value = self._values.get(key)
        return value if isinstance(value, str) else None

    def remember_pause(self, until: float | None) -> None:
        """Remember a pause until `until` (seconds since the epoch), None for one without an end."""
        self.remember(is_paused=True, until=until)

    def pause_left(self, wall: float) -> float | None:
        """Return how many seconds a remembered pause goes on after `wall`: infinity, or None when there is none."""
        if self.get("is_paused") is not True:
            return None
        until = self.get("until")
        left = until - wall if isinstance(until, int | float) else math.inf
        return left if left > 0 else None

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
    """What one exchange remembers: when it last pulled and pushed, what it took in of the remote, an open question.

    The tracking ref cannot tell what was taken in: it moves with each fetch, and the user's own git may prune it.
    """

    _noted_at = 0.0

    @classmethod
    def of(cls, repo_state_dir: Path, via: str) -> ExchangeMemory:
        """Return the memory of a repository's exchange; `via` is its remote where there are several.

        The first time, what the only exchange remembered goes on: what was taken in of each remote, and a question
        that is open about this one.
        """
        if not via:
            return cls(repo_state_dir / EXCHANGE_FILE)
        found = cls(repo_state_dir / f"exchange-{digests.sha256(os.fsencode(via)).hexdigest()[:16]}.json")
        before = cls(repo_state_dir / EXCHANGE_FILE)
        if found._values or not before._values:
            return found
        own, halt, taken = tracking_ref(via, ""), before.get("halt"), before._taken()
        is_about_it = isinstance(halt, dict) and str(halt.get("key")).startswith(own)
        times = {key: before.get(key) for key in ("last_pull", "last_push") if any(at.startswith(own) for at in taken)}
        found.remember(taken=taken, halt=halt if is_about_it else None, **times)
        return found

    @property
    def has_exchanged(self) -> bool:
        """Whether anything was ever integrated of this remote, or that it is empty."""
        return bool(self._taken())

    def known(self, key: str, was: str | None = None) -> str | None:
        """Return the commit of the branch `key` (`RemoteBranch.key`) when it was last integrated; None for none.

        `was`, what the tracking ref says, counts for a place that is not remembered yet, and is remembered then.
        """
        taken = self._taken()
        if key in taken:
            return str(taken[key]) or None
        if was is not None and not any(_ref(other) == _ref(key) for other in taken):
            self.remember(taken={**taken, key: was})
            return was
        return None  # the same name leads to another address by now: what was there before says nothing

    def take_in(self, key: str, commit: str | None, **values: Any) -> None:
        """Remember that the remote's `commit` was taken in (None: that it has none), and `values` beside it."""
        others = {other: was for other, was in self._taken().items() if _ref(other) != _ref(key)}
        self.remember(taken={**others, key: commit or ""}, **values)

    def note_pull(self, key: str, commit: str | None, wall: str, now: float) -> None:
        """Remember a pull at `wall`; where it brought nothing new, that is written only now and then."""
        if self.known(key) != commit or now >= self._noted_at + NOTE_EVERY_S:
            self._noted_at = now
            self.take_in(key, commit, last_pull=wall)

    @property
    def trusted(self) -> tuple[str, ...]:
        """Return the commits that a person accepted although git does not accept who signed them."""
        found = self.get("trusted")
        return tuple(map(str, found)) if isinstance(found, list) else ()

    def trust(self, commit: str) -> None:
        """Remember that a person accepted `commit` and its history, and close the question."""
        others = [each for each in self.trusted if each != commit]
        self.remember(halt=None, trusted=[*others, commit][-KEPT_TRUSTED:])

    def verified(self, stamp: str) -> frozenset[str]:
        """Return the commits whose signatures git accepted while its lists of signers were as `stamp` says."""
        found = self.get("verified")
        if not isinstance(found, dict) or found.get("stamp") != stamp or not isinstance(found.get("commits"), list):
            return frozenset()
        return frozenset(map(str, found["commits"]))

    def remember_verified(self, stamp: str, commits: list[str]) -> None:
        """Remember the commits that git accepted and that wait to be taken in, and no others."""
        self.remember(verified={"stamp": stamp, "commits": commits[:KEPT_VERIFIED]} if commits else None)

    def _taken(self) -> dict[str, Any]:
        taken = self.get("taken")
        return taken if isinstance(taken, dict) else {}


def _ref(key: str) -> str:
    return key.partition(" ")[0]
