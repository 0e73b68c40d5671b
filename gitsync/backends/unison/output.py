"""What unison's text interface prints, as values: the plan, and what became of it. Any thread; owns nothing.

The form is that of unison 2.52 (recon.ml, uitext.ml): `STATUS ARROW STATUS   PATH`, eight characters a status, then
two indented lines of facts where it was not told to be terse. A name with a line break in it loses what is behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLAN = re.compile(r"(?P<left>[a-z ]{8}) (?P<arrow>[-=<>?M]{5}) (?P<right>[a-z ]{8})   (?P<path>.*)")
_FACTS = re.compile(r"\S.{0,60}? *: (?P<facts>.*)")
_SKIPPED = re.compile(r"  skipped: (?P<path>.*) \((?P<why>[^()]*)\)")
_FAILED = re.compile(r"Failed \[(?P<path>.*)\]: (?P<why>.*)")
_WHEN = re.compile(r" modified on (?P<day>\S+) at (?P<hour>\S+) size (?P<size>\d+)(?: \S+| unknown permissions)?")
CONFLICT = "<-?->"
DELETED, PROPS = "deleted", "props"
_DIRECTORIES = ("dir", "new dir", "chgd dir", PROPS, "")
# What our own -nodeletion, -noupdate and -nocreation come back as.
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
    """What a unison said: its plan, what it left alone and why, and what it could not do and why."""

    changes: tuple[UnisonChange, ...]
    skipped: dict[str, str]
    failed: dict[str, str]


def parse(out: str, err: str) -> Said:
    """Return what unison's two outputs say."""
    changes: list[UnisonChange] = []
    failed: dict[str, str] = {}
    facts: list[str] = []
    lines = re.split(r"[\r\n]", out)
    for at, line in enumerate(lines):
        if found := _PLAN.fullmatch(line):
            path = found["path"].removesuffix("  ")
            facts = [_facts(lines[at + 1 : at + 2]), _facts(lines[at + 2 : at + 3])]
            changes.append(UnisonChange(path, found["left"].strip(), found["right"].strip(), found["arrow"], *facts))
        elif found := _FAILED.fullmatch(line):
            # The reason often stands on the next line, behind the place in unison's own code.
            failed[found["path"]] = " ".join([found["why"], *lines[at + 1 : at + 2]]).strip()
    skipped = {found["path"]: found["why"] for line in err.splitlines() if (found := _SKIPPED.fullmatch(line))}
    for line in err.splitlines():
        if line.startswith("  failed: "):
            failed.setdefault(line.removeprefix("  failed: "), "")
    return Said(tuple(changes), {path: why for path, why in skipped.items() if not why.startswith(_HELD)}, failed)


def _facts(lines: list[str]) -> str:
    found = _FACTS.fullmatch(lines[0]) if lines and not _PLAN.fullmatch(lines[0]) else None
    said = re.sub(r" +", " ", found["facts"]).strip() if found else ""
    return _WHEN.sub(r", \g<size> bytes, \g<day> \g<hour>", said)
