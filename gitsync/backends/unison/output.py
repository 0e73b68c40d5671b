"""Parses the output of unison's text interface: the plan and its result. Any thread; owns nothing.

The form is that of unison 2.52 (recon.ml, uitext.ml): `STATUS ARROW STATUS   PATH`, eight characters a status, then two
lines of details unless terse. A path ends with two blanks, whatever line breaks are in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLAN = re.compile(r"(?P<left>[a-z ]{8}) (?P<arrow>[-=<>?M]{5}) (?P<right>[a-z ]{8})   (?P<path>.*)")
_FACTS = re.compile(r"\S.{0,60}? *: (?P<facts>.*)")
_SKIPPED = re.compile(r"^  skipped: (?P<path>.*?) \((?P<why>[^()]*)\)$", re.MULTILINE | re.DOTALL)
_FAILED = re.compile(
    r"(?:^|(?<=\r))Failed \[(?P<path>.*?)\]: (?P<why>[^\r\n]*)(?:[\r\n](?P<more>[^\r\n]*))?", re.MULTILINE | re.DOTALL
)
_FAILED_AT_END = re.compile(
    r"^  failed: (?P<path>.*?)(?=\n(?:  (?:failed|skipped|partially transferred): |\[|[A-Z])|\n?\Z)",
    re.MULTILINE | re.DOTALL,
)
# So many line breaks in one name are followed.
_BREAKS = 50
_WHEN = re.compile(r" modified on (?P<day>\S+) at (?P<hour>\S+) size (?P<size>\d+)(?: \S+| unknown permissions)?")
CONFLICT = "<-?->"
DELETED, PROPS = "deleted", "props"
_DIRECTORIES = ("dir", "new dir", "chgd dir", PROPS, "")
# How unison reports what -nodeletion, -noupdate and -nocreation of this program prevented.
_HELD = "would "


@dataclass(frozen=True, slots=True)
class UnisonChange:
    """One line of a plan: what happened to a path here and there; "" for nothing. The root is the path ""."""

    path: str
    here: str
    there: str
    arrow: str
    facts_here: str = ""
    facts_there: str = ""

    @property
    def is_conflict(self) -> bool:
        """Whether unison leaves it to a person."""
        return self.arrow == CONFLICT

    @property
    def is_sent(self) -> bool:
        """Whether it goes to the server."""
        return self.arrow.endswith("->") and not self.arrow.startswith("<")

    @property
    def is_taken(self) -> bool:
        """Whether it comes here."""
        return self.arrow.startswith("<-") and not self.arrow.endswith(">")

    @property
    def goes_here(self) -> bool:
        """Whether doing it removes what has this name here: a deletion, or something else that takes its place."""
        return not self.is_conflict and self.there not in _DIRECTORIES

    @property
    def goes_there(self) -> bool:
        """Whether doing it removes what has this name on the server."""
        return not self.is_conflict and self.here not in _DIRECTORIES


@dataclass(frozen=True, slots=True)
class Said:
    """The output of one unison: its plan, what it skipped and why, and what failed and why."""

    changes: tuple[UnisonChange, ...]
    skipped: dict[str, str]
    failed: dict[str, str]


def parse(out: str, err: str) -> Said:
    """Return what unison's two outputs say."""
    changes: list[UnisonChange] = []
    lines = re.split(r"([\r\n])", out)  # with what is between them: a name may have a line break in it
    at = 0
    while at < len(lines):
        found = _PLAN.fullmatch(lines[at])
        if found:
            path, at = _whole(found["path"], lines, at)
            facts = [_facts(lines[at + 2 : at + 3]), _facts(lines[at + 4 : at + 5])]
            changes.append(UnisonChange(path, found["left"].strip(), found["right"].strip(), found["arrow"], *facts))
        at += 2
    # The reason is often on the next line, after the position in unison's own code.
    failed = {found["path"]: " ".join(filter(None, found.group("why", "more"))) for found in _FAILED.finditer(out)}
    for found in _FAILED_AT_END.finditer(err):
        failed.setdefault(found["path"], "")
    skipped = {found["path"]: found["why"] for found in _SKIPPED.finditer(err)}
    return Said(tuple(changes), {path: why for path, why in skipped.items() if not why.startswith(_HELD)}, failed)


def _whole(path: str, lines: list[str], at: int) -> tuple[str, int]:
    """Return the path that begins in `lines[at]`, and where it ends: two blanks end each."""
    whole, end = path, at
    while not whole.endswith("  "):
        if end + 2 >= len(lines) or end - at >= 2 * _BREAKS or _PLAN.fullmatch(lines[end + 2]):
            return path, at
        whole += lines[end + 1] + lines[end + 2]
        end += 2
    return whole.removesuffix("  "), end


def _facts(lines: list[str]) -> str:
    found = _FACTS.fullmatch(lines[0]) if lines and not _PLAN.fullmatch(lines[0]) else None
    said = re.sub(r" +", " ", found["facts"]).strip() if found else ""
    return _WHEN.sub(r", \g<size> bytes, \g<day> \g<hour>", said)
