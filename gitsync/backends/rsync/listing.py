"""Listings of both sides, and the memory of what they had in common. Runs on the thread of the job that calls it.

Both are made by rsync, so that its filters hold on both sides alike; what is here is looked at once more, because
rsync's listing knows no fractions of a second.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitsync.backends import state_file
from gitsync.backends.rsync.program import PARTIAL, REPLACED_NAME, VANISHED, Rsync, trouble
from gitsync.clock import SystemClock, parse_iso
from gitsync.core.pairs import DIRECTORY, FILE, LINK, AgreedPair, ListedEntry, is_alike

# No name has two slashes in a row. Behind them stands what a link points to, or what a hard link is another name of.
_FORMAT = "--out-format=%i\t%l\t%M\t%n//%L"
_LINE = re.compile(rb"[<>ch.*](?P<kind>[fdLDS])\S* *\t(?P<size>[\d,]+)\t(?P<time>[^\t]+)\t(?P<name>.+?)//(?P<link>.*)")
_ESCAPE = re.compile(rb"\\#(\d{3})")
# What rsync writes while it receives NAME is called .NAME and six more characters.
_ON_ITS_WAY = re.compile(r"(?:.*/)?\..+\.[A-Za-z0-9]{6}", re.DOTALL)
# Longer than rsync is silent before it gives up; a file of a user's that is called so waits for as long.
ON_ITS_WAY_S = 900.0
_KINDS = {b"f": FILE, b"d": DIRECTORY, b"L": LINK}
LISTING_FILE = "listing.json"


@dataclass(frozen=True, slots=True)
class Listing:
    """The entries by path; `is_complete` is False where a directory could not be read, so that nothing is proved.

    `is_missing` says that there is no such directory at all. `replaced` is what sends replaced or deleted on the server
    and nobody has looked at yet, by path; it is no part of the tree.
    """

    entries: dict[str, ListedEntry]
    is_complete: bool
    is_missing: bool = False
    replaced: dict[str, ListedEntry] = field(default_factory=dict)


def list_here(rsync: Rsync) -> Listing:
    """Return what is in the local directory."""
    found = _list(rsync, rsync.here)
    root = rsync.order.job.path
    entries: dict[str, ListedEntry] = {}
    for path, entry in found.entries.items():
        try:
            facts = os.lstat(root / path)
        except FileNotFoundError:
            continue  # it went a moment ago
        except OSError:
            return Listing(found.entries, is_complete=False)
        kind = FILE if stat.S_ISREG(facts.st_mode) else LINK if stat.S_ISLNK(facts.st_mode) else DIRECTORY
        exact = ListedEntry(kind, facts.st_size, facts.st_mtime_ns // 1_000_000_000, facts.st_mtime_ns, entry.target)
        entries[path] = exact
    return Listing(entries, found.is_complete)


def list_there(rsync: Rsync) -> Listing:
    """Return what is on the other side."""
    return _list(rsync, rsync.there)


def _list(rsync: Rsync, source: str) -> Listing:
    arguments = ("--dry-run", "--recursive", "--links", "--times", _FORMAT, source, rsync.nowhere)
    done = rsync.run(*arguments, also_ok=(PARTIAL, VANISHED), is_replaced_shown=source == rsync.there)
    entries: dict[str, ListedEntry] = {}
    replaced: dict[str, ListedEntry] = {}
    has_root = done.returncode == 0
    for line in done.stdout.splitlines():
        found = _LINE.fullmatch(line)
        if found is None or found["kind"] not in _KINDS:
            continue
        path = _unescaped(found["name"]).rstrip("/")
        if path == ".":
            has_root = True
            continue
        day, _, hour = found["time"].decode("ascii").partition("-")
        modified = int(parse_iso(f"{day.replace('/', '-')}T{hour}+00:00"))
        target = _unescaped(found["link"]).removeprefix(" -> ") if found["kind"] == b"L" else ""
        size = int(found["size"].replace(b",", b""))
        group = replaced if path.startswith(REPLACED_NAME) else entries
        group[path] = ListedEntry(_KINDS[found["kind"]], size, modified, modified, target)
    is_missing = not has_root and not entries and not replaced
    if is_missing and "No such file" not in done.errors:
        raise trouble(rsync.order, done)
    return Listing(entries, done.returncode == 0 or is_missing, is_missing, replaced)


def is_on_its_way(path: str, there: Listing, agreed: Mapping[str, AgreedPair]) -> bool:
    """Whether a file on the server that nobody knows yet may be half of one that another machine is sending."""
    if path in agreed or _ON_ITS_WAY.fullmatch(path) is None:
        return False
    return there.entries[path].modified + ON_ITS_WAY_S > SystemClock().wall()


def is_as_listed(facts: os.stat_result, entry: ListedEntry) -> bool:
    """Return whether a file has the size and the modification time with which it was listed."""
    return (facts.st_size, facts.st_mtime_ns) == (entry.size, entry.exact)


def _unescaped(name: bytes) -> str:
    """Return a name as it is; rsync writes what is not printable, and a backslash before such a text, as \\#ooo."""
    return os.fsdecode(_ESCAPE.sub(lambda found: bytes([int(found[1], 8) & 0xFF]), name))


def remembered(state_dir: Path) -> dict[str, AgreedPair]:
    """Return what both sides had at the end of the last run; nothing where that is not known, which proves nothing."""
    try:
        found = state_file.read(state_dir / LISTING_FILE)
        return {path: AgreedPair(ListedEntry(*pair[0]), ListedEntry(*pair[1])) for path, pair in found.items()}
    except (TypeError, IndexError, KeyError):
        return {}


def remember(
    state_dir: Path,
    here: Mapping[str, ListedEntry],
    there: Mapping[str, ListedEntry],
    before: Mapping[str, AgreedPair],
    sent: Mapping[str, ListedEntry],
) -> None:
    """Note what both sides have in common now; what is not alike keeps what was known of it before.

    `sent` is what was here when the run began and was not taken from there: a file that was saved since may have been
    read before that or after, so the next run finds it changed and compares the contents.
    """
    agreed: dict[str, AgreedPair] = {}
    for path in here.keys() & there.keys():
        if is_alike(here[path], there[path]):
            agreed[path] = AgreedPair(sent.get(path, here[path]), there[path])
        elif path in before:
            agreed[path] = before[path]
    for path in here.keys() ^ there.keys():
        if path in before:
            agreed[path] = before[path]
    state_file.write(state_dir / LISTING_FILE, dict(agreed))
