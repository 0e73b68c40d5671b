"""The reports of machines of themselves through a remote: one ref each, whose name is the report.

Pure; any thread. The ref points to a commit that the remote has anyway, and its name holds the rest. So a listing of
refs is the whole exchange: nothing is fetched, whatever a forged ref points to, and nothing is sent but the ref.

All of it is hostile input: a ref that is not exactly of this form is ignored, texts have an end, numbers a bound, and
no time is later than the moment at which it was read. Texts are unescaped here; who shows them escapes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

REFS = "refs/gitsync/machines/"
FORM = "1"
# As escaped. The end of the ref is a file name on the server, of at most 255 bytes.
NAME_LENGTH, BRANCH_LENGTH, VERSION_LENGTH = 60, 36, 24
REF_LENGTH = 255
MOST_MACHINES = 100
MOST_UNSENT = 1_000_000
# Commits that wait on a machine, or for it, for longer than this are worth a question (seconds).
WAITS_LONG_S = 600.0
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
ID = re.compile(r"[0-9a-f]{16}")
_COMMIT = r"[0-9a-f]{40}|[0-9a-f]{64}"
_TEXT = r"(?:[A-Za-z0-9-]|_[0-9a-f]{2})*"
_REF = re.compile(
    rf"{REFS}(?P<id>{ID.pattern}),{FORM},(?P<seen>\d{{1,12}}),(?P<needs>[01]),(?P<unsent>\d{{1,9}}),"
    rf"(?P<version>{_TEXT}),(?P<name>{_TEXT}),(?P<branch>{_TEXT}),(?P<head>(?:{_COMMIT})?)"
)


@dataclass(frozen=True, slots=True)
class Report:
    """A machine as it described itself: `seen` is when, in seconds since the epoch.

    `commit` is the newest commit that its branch and the remote share; `head` is where its work tree is, "" for the
    same, and `unsent` how many commits lie between them. `name` is "" for a machine that gives none.
    """

    id: str
    name: str
    seen: float
    commit: str
    head: str = ""
    unsent: int = 0
    needs_user: bool = False
    branch: str = ""
    version: str = ""

    @property
    def at(self) -> str:
        """Return the commit of its work tree."""
        return self.head or self.commit

    @property
    def ref(self) -> str:
        """Return the name of the ref that says all this."""
        texts = (
            _escaped(self.version, VERSION_LENGTH),
            _escaped(self.name, NAME_LENGTH),
            _escaped(self.branch, BRANCH_LENGTH),
        )
        facts = (self.id, FORM, int(self.seen), int(self.needs_user), min(self.unsent, MOST_UNSENT), *texts, self.head)
        return REFS + ",".join(map(str, facts))

    def says_as(self, other: Report | None) -> bool:
        """Whether it says the same as another one, but for the time."""
        return other is not None and _timeless(self) == _timeless(other)


def _timeless(report: Report) -> tuple[str, str]:
    return replace(report, seen=0.0).ref, report.commit


def parse(ref: str, commit: str, wall: float) -> Report | None:
    """Return the report that a ref is, None for any other ref; `wall` is when it was first read."""
    matched = _REF.fullmatch(ref) if len(ref) <= REF_LENGTH else None
    if matched is None or re.fullmatch(_COMMIT, commit) is None:
        return None
    report = Report(
        matched["id"],
        _unescaped(matched["name"]),
        float(matched["seen"]),
        commit,
        matched["head"],
        min(int(matched["unsent"]), MOST_UNSENT),
        matched["needs"] == "1",
        _unescaped(matched["branch"]),
        _unescaped(matched["version"]),
    )
    return replace(report, seen=min(report.seen, wall)) if report.ref == ref else None


def reported(branch: str) -> str:
    """Return a branch as a report names it, which has an end."""
    return _unescaped(_escaped(branch, BRANCH_LENGTH))


def newest(found: Iterable[Report]) -> tuple[Report, ...]:
    """Return the newest report of each machine, at most `MOST_MACHINES`, by name."""
    last: dict[str, Report] = {}
    for report in sorted(found, key=lambda report: report.seen):
        last[report.id] = report
    kept = sorted(last.values(), key=lambda report: report.seen)[-MOST_MACHINES:]
    return tuple(sorted(kept, key=lambda report: (report.name.casefold(), report.id)))


def _escaped(text: str, longest: int) -> str:
    """Return `text` in the characters that every server takes in a ref, cut behind a whole character."""
    escaped = ""
    for character in text:
        data = character.encode("utf-8", "replace")
        added = "".join(chr(byte) if byte in _PLAIN else f"_{byte:02x}" for byte in data)
        if len(escaped) + len(added) > longest:
            break
        escaped += added
    return escaped


def _unescaped(text: str) -> str:
    data = re.sub(r"_([0-9a-f]{2})", lambda matched: chr(int(matched[1], 16)), text).encode("latin-1")
    return data.decode("utf-8", "replace")
