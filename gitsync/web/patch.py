"""A patch, file by file and line by line, for a page. Pure; any thread."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LINES = 2000
_HUNK = re.compile(r"[-+](\d+)")
_KINDS = {"+": "added", "-": "removed", " ": "same", "@": "hunk"}


@dataclass(slots=True)
class PatchedFile:
    """A file of a patch: its name, and its lines, each with its kind: added, removed, same or hunk."""

    name: str
    lines: list[tuple[str, str]] = field(default_factory=list)


def files(patch: str) -> list[PatchedFile]:
    """Return the files of a patch, up to so many lines in all."""
    found: list[PatchedFile] = []
    is_body = False
    for line in patch.split("\n")[:LINES]:
        if line.startswith("diff --git "):
            found.append(PatchedFile(line.rpartition(" b/")[2]))
            is_body = False
        elif not found:
            continue
        elif line.startswith("@@"):
            is_body = True
            found[-1].lines.append(("hunk", f"from line {_first(line)}"))
        elif is_body and line[:1] in _KINDS:
            found[-1].lines.append((_KINDS[line[0]], line[1:]))
        elif line.startswith("Binary files "):
            found[-1].lines.append(("hunk", "not text"))
    return found


def _first(line: str) -> int:
    """Return the line that a hunk begins at: of the new version, or of the old one where nothing is left of it."""
    numbers = [int(number) for number in _HUNK.findall(line)]
    return (numbers[1] or numbers[0]) if len(numbers) > 1 else 1
