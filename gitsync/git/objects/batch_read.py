"""Reads many blobs in the order in which they are wanted, by one `git cat-file --batch`. Runs on the calling thread.

One of a pack takes libgit2 three times as long, most of it for finding out that it is not a loose object.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from functools import cache, partial

from gitsync.errors import GitsyncError
from gitsync.git.program import GitProgram

BATCH = ("cat-file", "--batch", "--buffer")
# A child costs as much as reading so many.
CHILD_FROM = 100
# Between two blobs the caller may wait for a filter (seconds).
_DEADLINE_S = 600.0


class BlobRun:
    """The blobs of some paths, each of which is read when it is its turn; call `close` in the end."""

    def __init__(
        self, program: GitProgram, wanted: Sequence[tuple[bytes, str]], *, child_from: int = CHILD_FROM
    ) -> None:
        """Take the paths in their order with the id of each one's blob; fewer than `child_from` need no child."""
        self._program = program
        self._wanted = wanted if len(wanted) >= child_from else ()
        self._places = {path: place for place, (path, _) in enumerate(self._wanted)}
        self._next = 0
        self._output: Generator[tuple[str, bytes], None, None] | None = None

    def take(self, path: bytes) -> bytes | None:
        """Return the content of a path's blob; None where it is not its turn any more, or git cannot read it."""
        place = self._places.get(path, -1)
        if place < self._next:
            return None
        data = None
        with suppress(GitsyncError):  # the caller reads it by itself, and reports why that fails
            output = self._output = self._output or self._read()
            while self._next <= place:
                data = next(output, ("", b""))[1]
                self._next += 1
        # What is missing comes as empty, and git does not compare the content with the id.
        return None if data is None or _id_of()(data) != self._wanted[place][1] else data

    def close(self) -> None:
        """End the child."""
        self._next = len(self._wanted)
        if self._output is not None:
            self._output.close()

    def _read(self) -> Generator[tuple[str, bytes], None, None]:
        with tempfile.TemporaryFile() as asked:
            asked.write("".join(f"{blob}\n" for _, blob in self._wanted).encode("ascii"))
            asked.seek(0)
            yield from parsed(self._program.stream(*BATCH, deadline_s=_DEADLINE_S, stdin_fd=asked.fileno()))


@cache
def _id_of() -> Callable[[bytes], str]:
    # Late: it loads libgit2, which a search through a history does without.
    from gitsync.git.objects.store import BLOB, object_id_of

    return partial(object_id_of, BLOB)


def parsed(chunks: Iterator[bytes], is_wanted: Callable[[bytes], bool] = lambda _: True) -> Iterator[tuple[str, bytes]]:
    """Yield each id with its content, as `cat-file --batch` writes them; what is not stored here is empty.

    So are the contents in a piece of the output that is not wanted as a whole.
    """
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
        is_needed = is_wanted(data)
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
            yield blob.decode("ascii"), data[end + 1 : until] if is_needed and kind == b"blob" else b""
            at = until + 1
