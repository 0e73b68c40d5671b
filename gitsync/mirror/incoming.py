"""What other machines track and nobody has agreed to here, and what runs code and comes in for the first time.

Runs on the committer thread, or in the control command while no daemon runs; owns nothing. All of it is one question,
whose id holds for exactly these entries and these versions.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from gitsync.core.coverage import Coverage
from gitsync.core.incoming import why_asked
from gitsync.core.manifest import Manifest, ManifestEntry
from gitsync.core.questions import ACCEPT, id_of
from gitsync.git.objects.trees import lookup
from gitsync.mirror.mirror_sync import MirrorSync
from gitsync.mirror.walk import files_below
from gitsync.model import Question
from gitsync.text import counted, shown

LEAVE = "leave"
# How many files of a directory are counted, and how many paths are named.
COUNTED, NAMED = 1000, 20
# How many of them a sentence has.
LISTED = 3


@dataclass(slots=True)
class Offer:
    """What is asked about: `entries` of the manifest, blobs by path that would come in, and paths that would be sent.

    `doors` are those among the incoming that run code or open a door.
    """

    entries: list[ManifestEntry] = field(default_factory=list)
    incoming: dict[bytes, str] = field(default_factory=dict)
    doors: dict[bytes, str] = field(default_factory=dict)
    sent: list[bytes] = field(default_factory=list)

    def question(self, name: str) -> Question | None:
        """Return the question, None where nothing is to be asked."""
        if not self.entries and not self.incoming:
            return None
        versions = [f"{os.fsdecode(path)}@{blob}" for path, blob in sorted(self.incoming.items())]
        tops = [os.fsdecode(entry.shown) for entry in self.entries]
        named = [*tops, *(os.fsdecode(path) for path in sorted(self.doors) if path not in self._tops)]
        return Question(
            id_of("incoming", name, *tops, *versions),
            "incoming",
            f"{name}: {self._message(named)}",
            count=len(self.incoming) + len(self.sent),
            paths=tuple(named[:NAMED]),
            answers=(ACCEPT, LEAVE),
            incoming=tuple(os.fsdecode(path) for path in sorted(self.incoming)[:NAMED]),
            sent=tuple(os.fsdecode(path) for path in self.sent[:NAMED]),
        )

    @property
    def _tops(self) -> frozenset[bytes]:
        return frozenset(entry.path for entry in self.entries)

    def _message(self, named: list[str]) -> str:
        paths = _listed(map(os.fsencode, named), len(named))
        parts = []
        if self.entries:
            verb = "is" if len(named) == 1 else "are"
            parts.append(f"{paths} {verb} tracked by other machines, and not agreed to on this one")
        else:
            parts.append(
                f"{paths} from other machines can run code or open a door, and would come in for the first time"
            )
        if self.incoming:
            parts.append(f"{counted(len(self.incoming), 'file')} would come in")
        if self.sent:
            many = "more than " if len(self.sent) >= COUNTED else ""
            named_here = _listed(self.sent, len(self.sent))
            parts.append(f"{many}{counted(len(self.sent), 'file')} of this machine would be sent: {named_here}")
        if self.doors and self.entries:
            first, why = min(self.doors.items())
            parts.append(f"~/{shown(first)} {why}")
        return "; ".join(parts)


def _listed(paths: Iterable[bytes], count: int) -> str:
    first = ", ".join(f"~/{shown(path)}" for path in islice(paths, LISTED))
    return f"{first} and {count - LISTED} more" if count > LISTED else first


def offer(keeper: MirrorSync, tree: str | None) -> Offer:
    """Return what is to be asked about; `tree` is that of HEAD."""
    found = Offer()
    with keeper:
        for entry in keeper.manifest.entries.values():
            if _is_open(keeper, entry):
                _add_entry(keeper, found, entry, tree)
        for path in keeper.agreed.unsettled:
            may_ask = keeper.coverage.is_own(path) or why_asked(path)
            if may_ask and keeper.coverage.entry(path) is not None and not keeper.agreement.is_declined(path):
                _add_door(keeper, found, path, tree)
    found.entries.sort(key=lambda entry: entry.path)
    return found


def _is_open(keeper: MirrorSync, entry: ManifestEntry) -> bool:
    if entry.is_gone or not entry.is_for(keeper.host) or keeper.coverage.listed(entry.path) is None:
        return False
    return not keeper.agreement.holds(entry.path) and not keeper.agreement.is_declined(entry.path)


def _add_entry(keeper: MirrorSync, found: Offer, entry: ManifestEntry, tree: str | None) -> None:
    before = len(found.incoming), len(found.sent)
    for path in keeper.in_head(tree, entry.path):
        if keeper.coverage.offered(path) is not None:
            _add_incoming(keeper, found, path, tree)
    found.sent += islice(_only_here(keeper, entry, tree), COUNTED)
    if entry.is_directory or before != (len(found.incoming), len(found.sent)):
        found.entries.append(entry)


def _add_incoming(keeper: MirrorSync, found: Offer, path: bytes, tree: str | None) -> None:
    facts = keeper.facts(path, tree, is_calm=True)
    if facts.home.version.is_alike(facts.head):
        return
    found.incoming[path] = facts.head.id
    if why := why_asked(path):
        found.doors[path] = why


def _add_door(keeper: MirrorSync, found: Offer, path: bytes, tree: str | None) -> None:
    facts = keeper.facts(path, tree, is_calm=True)
    if facts.head.is_there and not facts.home.version.is_alike(facts.head) and keeper.asks_first(facts):
        found.incoming[path] = facts.head.id
        found.doors[path] = why_asked(path) or "is gitsync's own configuration"


def _only_here(keeper: MirrorSync, entry: ManifestEntry, tree: str | None) -> Iterator[bytes]:
    """Yield the files of home that the entry would have sent: those that HEAD does not have."""
    if entry.is_directory:
        whole = Coverage(Manifest({entry.path: entry}), keeper.host, keeper.places.apart, own=keeper.places.own)
        paths = files_below(keeper.places.home, entry.path, whole, keeper.worktree.ignores.is_prunable, lambda at: None)
    else:
        paths = iter((entry.path,))
    for path in paths:
        if lookup(keeper.worktree.store, tree, path) is None and keeper.home.look(path, is_calm=True).version.is_there:
            yield path


def accept(keeper: MirrorSync, found: Offer) -> None:
    """Let what was asked about count as agreed to; raise OperationError."""
    files = [entry.path for entry in found.entries if not entry.is_directory]
    trees = [entry.path for entry in found.entries if entry.is_directory]
    own = {path: blob for path, blob in found.incoming.items() if keeper.coverage.is_own(path)}
    keeper.agree([*files, *found.doors], trees, own)


def decline(keeper: MirrorSync, found: Offer) -> None:
    """Ask no more about what was asked about; raise OperationError."""
    keeper.set_agreement(keeper.agreement.decline([*(entry.path for entry in found.entries), *found.doors]))
