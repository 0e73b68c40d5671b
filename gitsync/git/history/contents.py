"""Reads many contents of a history in one go, by `git cat-file --batch`. Runs on the calling thread; owns nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gitsync.git.objects.batch_read import BATCH, parsed

if TYPE_CHECKING:
    from gitsync.git.history.log import History

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
