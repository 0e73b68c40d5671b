"""What rsync lists, line by line: read as the expression reads it that says what such a line looks like."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gitsync.backends.rsync.listing import LISTING_FILE, Moved, itemized, remember, remembered
from gitsync.core.pairs import AgreedPair, ListedEntry

LINE = re.compile(rb"[<>ch.*](?P<kind>[fdLDS])\S* *\t(?P<size>[\d,]+)\t(?P<time>[^\t]+)\t(?P<name>.+?)//(?P<link>.*)")
ESCAPE = re.compile(rb"\\#(\d{3})")
PIECES = st.sampled_from(
    [b" ", b"\\#011", b"\\#134#012", b"\xc3\xa4", b"\xff", b"a/b", b"\t", b"//", b" -> ", b"1,234", b"", b"x//", b"."]
)
NAMES = st.lists(PIECES, max_size=4).map(lambda pieces: b"n" + b"".join(pieces))
TIMES = st.integers(0, 7_000_000_000).map(
    lambda at: datetime.fromtimestamp(at, UTC).strftime("%Y/%m/%d-%H:%M:%S").encode()
)
ITEMS = st.sampled_from(
    [b".f          ", b"cL+++++++++", b".d..t......", b">fcst......", b"*deleting  ", b"cS+++++++++", b"xf"]
)
SIZES = st.sampled_from([b"0", b"17", b"1,234,567", b"x"])
ENDS = st.just(b"") | NAMES.map(lambda name: b" -> " + name)
LINES = NAMES | st.tuples(ITEMS, SIZES, TIMES, st.tuples(NAMES, ENDS).map(b"//".join)).map(b"\t".join)


def slowly(stdout: bytes) -> Iterator[tuple[str, ListedEntry]]:
    for line in stdout.splitlines():
        found = LINE.fullmatch(line)
        if found is None or found["kind"] not in (b"f", b"d", b"L"):
            continue
        at = datetime.strptime(found["time"].decode() + "+0000", "%Y/%m/%d-%H:%M:%S%z")
        name, link = (
            os.fsdecode(ESCAPE.sub(lambda each: bytes([int(each[1], 8) & 0xFF]), each)) for each in found.group(4, 5)
        )
        kind, second = found["kind"].decode().lower(), int(at.timestamp())
        target = link.removeprefix(" -> ") if kind == "l" else ""
        yield name.rstrip("/"), ListedEntry(kind, int(found["size"].replace(b",", b"")), second, second, target)


@given(st.lists(LINES, max_size=6))
def test_every_line_is_read_as_the_expression_reads_it(lines: list[bytes]) -> None:
    stdout = b"\n".join(lines)
    assert list(itemized(stdout)) == list(slowly(stdout))


def test_a_memory_that_has_not_changed_is_not_written(tmp_path: Path) -> None:
    entries = {"a": ListedEntry("f", 1, 5, 5_000_000_001), "\udcff": ListedEntry("l", 1, 5, 5, "a")}
    sides = entries, entries
    remember(tmp_path, sides, sides, {}, Moved(), (), {})
    stored = remembered(tmp_path)
    assert stored == {path: AgreedPair(entry, entry) for path, entry in entries.items()}
    inode = (tmp_path / LISTING_FILE).stat().st_ino
    remember(tmp_path, sides, sides, stored, Moved(), (), stored)
    assert (tmp_path / LISTING_FILE).stat().st_ino == inode
    other = {"a": ListedEntry("f", 2, 6, 6)}
    remember(tmp_path, (other, other), (other, other), stored, Moved(), (), stored)
    assert remembered(tmp_path).keys() == {"a"}
