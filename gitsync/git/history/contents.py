"""Reads many contents of a history in one go, by `git cat-file --batch`. Runs on the calling thread; owns nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitsync.git.history.log import History

BATCH = ("cat-file", "--batch", "--buffer")
# As git does: a NUL among the first bytes means that it is not text.
BINARY_BYTES = 8000


def is_text(content: bytes) -> bool:
    """Whether git takes a content for text."""
    return b"\0" not in content[:BINARY_BYTES]


def contents(history: History, blobs: Sequence[str], *, deadline_s: float) -> Iterator[tuple[str, bytes]]:
    """Yield each of these objects with its content, in this order; what is not stored here is empty."""
    if not blobs:
        return
    with tempfile.TemporaryFile() as asked:
        asked.write("".join(f"{blob}\n" for blob in blobs).encode("ascii"))
        asked.seek(0)
        yield from parsed(history.program.stream(*BATCH, deadline_s=deadline_s, stdin_fd=asked.fileno()))


def parsed(chunks: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield each id with its content, as `cat-file --batch` writes them; what is not stored here is empty."""
    data, at = b"", 0
    pieces: list[bytes] = []
    missing = 0
    for chunk in chunks:
        # A large content is joined once, not with every piece of it.
        pieces.append(chunk)
        missing -= len(chunk)
        if missing > 0:
            continue
        data = b"".join((data[at:], *pieces))
        pieces.clear()
        at = 0
        while (end := data.find(b"\n", at)) >= 0:
            blob, kind, *size = data[at:end].split(b" ")
            if not size:  # "ID missing"
                yield blob.decode("ascii"), b""
                at = end + 1
                continue
            until = end + 1 + int(size[0])
            if len(data) <= until:
                missing = until + 1 - len(data)
                break
            yield blob.decode("ascii"), data[end + 1 : until] if kind == b"blob" else b""
            at = until + 1
