"""Listings of both sides, and the memory of what they had in common. Runs on the thread of the job that calls it.

Both are made by rsync, so that its filters hold on both sides alike; what is here is looked at once more, because
rsync's listing knows no fractions of a second.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitsync.backends import state_file
from gitsync.backends.rsync.program import PARTIAL, REPLACED_NAME, VANISHED, Rsync, trouble
from gitsync.clock import SystemClock, parse_iso
from gitsync.core.pairs import DIRECTORY, FILE, LINK, AgreedPair, ListedEntry, is_alike, is_half_way

# No name has two slashes in a row. After them comes the target of a link, or the other name of a hard link.
FORMAT = "--out-format=%i\t%l\t%M\t%n//%L"
# rsync's message about a directory that it cannot read.
_UNREAD = re.compile(r'(?:opendir|change_dir|readdir)[^"\n]* "(?P<path>[^"\n]*)".*failed: (?P<why>[^(\n]*?) \(\d+\)')
_ESCAPE = re.compile(rb"\\#(\d{3})")
# rsync receives NAME under the name .NAME and six more characters.
_ON_ITS_WAY = re.compile(r"(?:.*/)?\..+\.[A-Za-z0-9]{6}", re.DOTALL)
# Longer than rsync is silent before it gives up; a file of a user's that is called so waits for as long.
ON_ITS_WAY_S = 900.0
_KINDS = {b"f": FILE, b"d": DIRECTORY, b"L": LINK}
# How rsync's summary of an item begins; a message about another thing does not.
_ACTIONS = frozenset(b"<>ch.*"[at : at + 1] for at in range(6))
LISTING_FILE = "listing.json"
MOVING_FILE = "moving.json"


@dataclass(frozen=True, slots=True)
class Listing:
    """The entries by path; `is_complete` is False where a directory could not be read, so that nothing is proved.

    `is_missing` says that there is no such directory at all. `replaced` is what sends replaced or deleted on the server
    and nobody has looked at yet, by path; it is not part of the tree. `unread` are directories that could not be read,
    by the names that they have on that side, and why not.
    """

    entries: dict[str, ListedEntry]
    is_complete: bool
    is_missing: bool = False
    replaced: dict[str, ListedEntry] = field(default_factory=dict)
    unread: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Moved:
    """The files that rsync reports as transferred, by path, with the time that it set."""

    here: dict[str, ListedEntry] = field(default_factory=dict)
    there: dict[str, ListedEntry] = field(default_factory=dict)


def list_here(rsync: Rsync) -> Listing:
    """Return what is in the local directory."""
    found = _list(rsync, rsync.here)
    root = f"{rsync.order.job.path}/"
    entries: dict[str, ListedEntry] = {}
    for path, entry in found.entries.items():
        try:
            facts = os.lstat(root + path)
        except FileNotFoundError:
            continue  # it went a moment ago
        except OSError:
            return Listing(found.entries, is_complete=False, unread=found.unread)
        kind = FILE if stat.S_ISREG(facts.st_mode) else LINK if stat.S_ISLNK(facts.st_mode) else DIRECTORY
        exact = ListedEntry(kind, facts.st_size, facts.st_mtime_ns // 1_000_000_000, facts.st_mtime_ns, entry.target)
        entries[path] = exact
    return Listing(entries, found.is_complete, unread=found.unread)


def list_there(rsync: Rsync) -> Listing:
    """Return what is on the other side."""
    return _list(rsync, rsync.there)


def _list(rsync: Rsync, source: str) -> Listing:
    arguments = ("--dry-run", "--recursive", "--links", "--times", FORMAT, source, rsync.nowhere)
    done = rsync.run(*arguments, also_ok=(PARTIAL, VANISHED), is_replaced_shown=source == rsync.there)
    entries: dict[str, ListedEntry] = {}
    replaced: dict[str, ListedEntry] = {}
    has_root = done.returncode == 0
    for path, entry in itemized(done.stdout):
        if path == ".":
            has_root = True
        else:
            (replaced if path.startswith(REPLACED_NAME) else entries)[path] = entry
    is_missing = not has_root and not entries and not replaced
    if is_missing and "No such file" not in done.errors:
        raise trouble(rsync.order, done)
    unread = tuple(dict.fromkeys((found["path"], found["why"]) for found in _UNREAD.finditer(done.errors)))
    return Listing(entries, done.returncode == 0 or is_missing, is_missing, replaced, () if is_missing else unread)


def itemized(stdout: bytes) -> Iterator[tuple[str, ListedEntry]]:
    """Yield what an rsync that was given FORMAT says of each path: what it lists, or what it has transferred."""
    days: dict[bytes, int] = {}
    for line in stdout.splitlines():
        fields = line.split(b"\t", 3)
        kind = _KINDS.get(line[1:2])
        if len(fields) != 4 or kind is None or line[:1] not in _ACTIONS:
            continue  # another message
        name, slashes, link = fields[3].partition(b"//")
        day, _, hour = fields[2].partition(b"-")
        if not (slashes and name and hour and fields[1].replace(b",", b"").isdigit()):
            continue
        if day not in days:
            days[day] = int(parse_iso(f"{day.decode('ascii').replace('/', '-')}T00:00:00+00:00"))
        modified = days[day] + int(hour[:2]) * 3600 + int(hour[3:5]) * 60 + int(hour[6:8])
        target = _unescaped(link).removeprefix(" -> ") if kind == LINK else ""
        entry = ListedEntry(kind, int(fields[1].replace(b",", b"")), modified, modified, target)
        yield _unescaped(name).rstrip("/"), entry


def is_on_its_way(path: str, there: Listing, agreed: Mapping[str, AgreedPair]) -> bool:
    """Whether a new file on the server may be half of one that another machine is sending."""
    if path in agreed or _ON_ITS_WAY.fullmatch(path) is None:
        return False
    return there.entries[path].modified + ON_ITS_WAY_S > SystemClock().wall()


def is_as_listed(facts: os.stat_result, entry: ListedEntry) -> bool:
    """Return whether a file has the size and the modification time with which it was listed."""
    return (facts.st_size, facts.st_mtime_ns) == (entry.size, entry.exact)


def _unescaped(name: bytes) -> str:
    """Return a name as it is; rsync writes what is not printable, and a backslash before such a text, as \\#ooo."""
    if b"\\" not in name:
        return os.fsdecode(name)
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
    before: tuple[Mapping[str, ListedEntry], Mapping[str, ListedEntry]],
    after: tuple[Mapping[str, ListedEntry], Mapping[str, ListedEntry]],
    agreed: Mapping[str, AgreedPair],
    moved: Moved,
    equal: Collection[str],
    stored: Mapping[str, AgreedPair],
) -> None:
    """Note what both sides have in common now; what is not alike keeps what was known of it before, `agreed`.

    Nothing is written where that is what is `stored` already.

    `before` and `after` are the listings of both sides around the run; the contents of `equal` are the same. A file
    that existed here and was not replaced from there keeps its listed state: a file that was saved since may have been
    read before that or after, so the next run finds it changed and compares the contents. A file that grew while it was
    transferred is not alike afterwards: what arrived is known by the time that rsync gave to it, so that the next run
    finds a change only on the side where it grew.
    """
    found: dict[str, AgreedPair] = {}
    sent = {path: entry for path, entry in before[0].items() if path not in moved.here}
    for path in sorted(after[0].keys() & after[1].keys()):
        here, there = after[0][path], after[1][path]
        was_here, was_there = before[0].get(path), before[1].get(path)
        if is_alike(here, there) or path in equal:
            found[path] = AgreedPair(sent.get(path, here), there)
        elif was_here is not None and path in moved.there and is_half_way(there, moved.there[path], was_here, here):
            found[path] = AgreedPair(was_here, there)
        elif was_there is not None and path in moved.here and is_half_way(here, moved.here[path], was_there, there):
            found[path] = AgreedPair(here, was_there)
        elif path in agreed:
            found[path] = agreed[path]
    for path in sorted(after[0].keys() ^ after[1].keys()):
        if path in agreed:
            found[path] = agreed[path]
    if found != stored:
        state_file.write(state_dir / LISTING_FILE, dict(found))


def note_moving(
    state_dir: Path,
    taking: Iterable[str],
    sending: Iterable[str],
    here: Mapping[str, ListedEntry],
    there: Mapping[str, ListedEntry],
) -> None:
    """Store what is about to be copied, as it is at its source: a run that ends early may have copied it.

    Listings do not tell whether a file was copied whose source and target are alike already; the next run compares it.
    """
    alike = {path for path in here.keys() & there.keys() if is_alike(here[path], there[path])}
    taken = {path: there[path] for path in taking if path in there and path not in alike}
    sent = {path: here[path] for path in sending if path in here and path not in alike}
    if taken or sent:
        state_file.write(state_dir / MOVING_FILE, {"taking": taken, "sending": sent})


def moved_before(
    state_dir: Path, here: Mapping[str, ListedEntry], there: Mapping[str, ListedEntry]
) -> dict[str, AgreedPair]:
    """Return what a run that ended early had copied, and is still as it was copied: it is not another version."""
    noted = state_file.read(state_dir / MOVING_FILE)
    found: dict[str, AgreedPair] = {}
    try:
        for path, entry in (noted.get("taking") or {}).items():
            if path in here and is_alike(here[path], taken := ListedEntry(*entry)):
                found[path] = AgreedPair(here[path], taken)
        for path, entry in (noted.get("sending") or {}).items():
            if path in there and is_alike(sent := ListedEntry(*entry), there[path]):
                found[path] = AgreedPair(sent, there[path])
    except (AttributeError, TypeError):
        return {}
    return found


def forget_moving(state_dir: Path) -> None:
    """Forget what was to be copied: the run got to its end, and remembers what both sides have."""
    (state_dir / MOVING_FILE).unlink(missing_ok=True)
