"""Generates the commit message: a sentence about the changes, always the same for the same changes.

Pure; any thread. Names come from the disk, so they are escaped and never begin a line of the body: a file name can
forge neither a second line nor a trailer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import Formatter

from gitsync.model import Change, ChangeKind
from gitsync.text import escape, shown

MACHINE_TRAILER = "Gitsync-Machine"
_TRAILERS = re.compile(r"\n\n(?:[A-Za-z][A-Za-z0-9-]*: [^\n]*\n?)+\Z")
_MACHINE = re.compile(rf"^{MACHINE_TRAILER}: (?P<name>[^\n]+)$", re.MULTILINE)

SUBJECT_COLUMNS = 72
BODY_LINES = 100
ELLIPSIS = "…"

# The placeholders of a template; printed in the configuration's documentation.
PLACEHOLDERS: dict[str, str] = {
    "summary": "the message that gitsync generates, as one line",
    "files": "the paths, separated by commas; shortened when there are many",
    "count": "the number of files",
    "added": "the number of added files",
    "changed": "the number of changed files",
    "removed": "the number of removed files",
    "host": "the name of this machine",
    "date": "the time of the commit, ISO 8601",
}
# These contain names from the disk.
_FROM_DISK = frozenset({"summary", "files"})
_VERBS = {ChangeKind.ADDED: "Add", ChangeKind.CHANGED: "Change", ChangeKind.REMOVED: "Remove"}


def commit_message(
    changes: Sequence[Change], template: str = "", *, host: str = "", date: str = "", limit: int = BODY_LINES
) -> str:
    """Return the message for a commit of `changes`, without a trailing newline.

    Without a template: a subject of at most 72 characters and, if it does not name every file, a body with at most
    `limit` of them. `host` and `date` fill the placeholders of those names. Raise ValueError for an unknown
    placeholder, and when there are no changes.
    """
    if not changes:
        raise ValueError("a commit needs at least one change")
    ordered = sorted(changes, key=lambda change: change.path)
    subject, is_whole = _subject(ordered)
    if template:
        return _filled(template, ordered, subject, host, date) or subject
    if is_whole:
        return subject
    return subject + "\n\n" + "\n".join(_listing(ordered, limit))


def file_message(change: Change) -> str:
    """Return the message for a commit of one file, in the first GitSync's form: `Change file X`."""
    return f"{_VERBS[change.kind]} file {shown(change.path)}"


def with_machine(message: str, machine: str) -> str:
    """Return a message with a trailer that names the machine on which the commit is made; as it is without a name."""
    if not machine:
        return message
    body = message.rstrip("\n")
    return f"{body}\n{'' if _TRAILERS.search(body) else chr(10)}{MACHINE_TRAILER}: {machine}\n"


def machine_in(message: str) -> str:
    """Return the machine that a commit's message names in its trailers, "" for none."""
    trailers = _TRAILERS.search(message.rstrip("\n"))
    named = _MACHINE.search(trailers[0]) if trailers else None
    return "" if named is None else named["name"].strip()


def check_template(text: str) -> None:
    """Raise ValueError, listing what is allowed, when a template has an unknown placeholder."""
    _pieces(text)


def _subject(changes: Sequence[Change]) -> tuple[str, bool]:
    """Return the subject, and whether it names every path in full."""
    if len(changes) == 1:
        lead = _VERBS[changes[0].kind] + " "
        name = shown(changes[0].path)
        fitting = _fit_path(name, SUBJECT_COLUMNS - len(lead))
        return lead + fitting, fitting == name
    directory = _common_directory(changes)
    lead = _counts(changes)
    if directory:
        place = f" in {shown(directory)}"
        if len(lead) + len(place) > SUBJECT_COLUMNS:
            room = SUBJECT_COLUMNS - len(lead) - len(" in ")
            return f"{lead} in {_fit_path(shown(directory), room)}", False
        lead += place
    names, is_whole = _names(changes, len(directory), SUBJECT_COLUMNS - len(lead) - len(": "))
    return (f"{lead}: {names}" if names else lead), is_whole


def _counts(changes: Sequence[Change]) -> str:
    count = _count(changes)
    there = [(kind, count[kind]) for kind in ChangeKind if count[kind]]
    if len(there) == 1:
        return f"{_VERBS[there[0][0]]} {there[0][1]} files"
    parts = [f"{_VERBS[kind] if at == 0 else _VERBS[kind].lower()} {n}" for at, (kind, n) in enumerate(there)]
    return ", ".join(parts[:-1]) + f" and {parts[-1]} files"


def _count(changes: Sequence[Change]) -> dict[ChangeKind, int]:
    count = dict.fromkeys(ChangeKind, 0)
    for change in changes:
        count[change.kind] += 1
    return count


def _common_directory(changes: Sequence[Change]) -> bytes:
    """Return the deepest directory that contains all of the sorted changes, with a trailing slash; b"" for the root."""
    # The paths are sorted, so all share what the first and the last share.
    first, last = changes[0].path.split(b"/")[:-1], changes[-1].path.split(b"/")[:-1]
    shared = []
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        shared.append(one)
    return b"/".join(shared) + b"/" if shared else b""


def _names(changes: Sequence[Change], skip: int, room: int) -> tuple[str, bool]:
    """Return as many names as fit, without their first `skip` bytes, and whether they are complete."""
    chosen: list[str] = []
    used = 0
    for at, change in enumerate(changes):
        name = shown(change.path[skip:])
        is_last = at == len(changes) - 1
        needed = len(name) + (2 if chosen else 0)
        # Leave room for ", …" until the last name is included.
        if used + needed + (0 if is_last else len(ELLIPSIS) + 2) > room:
            break
        chosen.append(name)
        used += needed
    else:
        return ", ".join(chosen), True
    return (", ".join([*chosen, ELLIPSIS]) if chosen else ""), False


def _fit_path(name: str, room: int) -> str:
    """Return a path shortened to `room` characters; the end is kept, because it distinguishes files."""
    if len(name) <= room:
        return name
    return ELLIPSIS + name[len(name) - room + len(ELLIPSIS) :]


def _listing(changes: Sequence[Change], limit: int) -> list[str]:
    # The dash prevents git from parsing "Add : x" as a trailer, or a line with "#" as a comment.
    lines = [f"- {_VERBS[change.kind]} {shown(change.path)}" for change in changes[:limit]]
    if len(changes) > limit:
        lines.append(f"- and {len(changes) - limit} more")
    return lines


def _pieces(template: str) -> list[tuple[str, str | None]]:
    """Parse a template into (text, placeholder) pairs."""
    allowed = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    try:
        parsed = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{error}; write a literal brace twice; allowed: {allowed}") from None
    for _text, name, spec, conversion in parsed:
        if name is not None and (name not in PLACEHOLDERS or spec or conversion):
            asked = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            raise ValueError(f"unknown placeholder {{{asked}}}; allowed: {allowed}")
    return [(text, name) for text, name, _spec, _conversion in parsed]


def _filled(template: str, changes: Sequence[Change], summary: str, host: str, date: str) -> str:
    count = _count(changes)
    values = {
        "summary": summary,
        "files": ", ".join(shown(change.path) for change in changes[:BODY_LINES])
        + (f", and {len(changes) - BODY_LINES} more" if len(changes) > BODY_LINES else ""),
        "count": str(len(changes)),
        "added": str(count[ChangeKind.ADDED]),
        "changed": str(count[ChangeKind.CHANGED]),
        "removed": str(count[ChangeKind.REMOVED]),
        "host": escape(host),
        "date": escape(date),
    }
    message = ""
    for text, name in _pieces(template):
        message += text
        if name is None:
            continue
        if name in _FROM_DISK and message.endswith("\n"):
            message += "- "
        message += values[name]
    return message.strip()
