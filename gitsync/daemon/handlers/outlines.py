"""Reads histories into indexes for the page: a short one at once, a long one in a process of its own, which keeps it.

Runs on worker threads of the page, or in that process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from gitsync.daemon.handlers.context import Json
from gitsync.errors import OperationError
from gitsync.git.history import outline_file
from gitsync.git.history.log import History
from gitsync.git.history.outline import LOG, Outline

READ_S = 3600.0
# So many commits are read in a second or two; for more there is a child.
LONG = 20_000
# There is no room for the file, or no right to write it: what was read is lost, and is read into memory.
NOT_KEPT = "not-kept"
# A child says how far it is after so many bytes of git's output.
_SAID = 1 << 21

# Reads what `kept` does in a child: the root of a repository, the commit to read to, the place of the file.
Apart = Callable[[str, str, Path], None]


def filled(
    root: str, head: str, old: Outline | None, place: Path, apart: Apart, is_over: Callable[[], bool], long: int = LONG
) -> Outline:
    """Return the index of a history up to `head`: the old one, or the one that was kept at `place`, with what came
    since, else a new one. `apart` is called where that is much to read.

    Raise OperationError "abandoned" when `is_over` says so.
    """
    history = History(root)
    outline = _begun(history, head, old, place)
    if _is_more(history, head, outline, long):
        try:
            apart(root, head, place)
        except OperationError as error:
            if error.code != NOT_KEPT:
                raise
        outline = _begun(history, head, None, place)
    for _ in _fed(history, head, outline, is_over):
        pass
    return outline


def kept(root: str, head: str, place: Path) -> Iterator[Json]:
    """Read a history up to `head` and keep its index at `place`; yield the time of the commit that was read last."""
    history = History(root)
    outline = _begun(history, head, None, place)
    said = 0
    for count in _fed(history, head, outline, lambda: False):
        said += count
        if said > _SAID and len(outline):
            said = 0
            yield {"at": outline.at(len(outline) - 1), "first": outline.at(0)}
    try:
        outline_file.keep(outline, history, place)
    except OSError as error:
        raise OperationError(f"the index cannot be kept: {error}", code=NOT_KEPT) from error


def _begun(history: History, head: str, old: Outline | None, place: Path) -> Outline:
    """Return an index that goes as far as it goes: the old one or the one that was kept where `head` came after it."""
    if old is not None and _is_further(history, old, head):
        return old
    found = outline_file.kept(history, place)
    if found is not None and not _is_further(history, found, head):
        outline_file.discard(place)
        found = None
    return found or Outline()


def _is_further(history: History, outline: Outline, head: str) -> bool:
    return history.try_ask("merge-base", "--is-ancestor", outline.head, head) is not None


def _range(head: str, outline: Outline) -> list[str]:
    return [head, *([f"^{outline.head}"] if outline.head else []), "--"]


def _is_more(history: History, head: str, outline: Outline, count: int) -> bool:
    return int(history.ask("rev-list", "--count", f"--max-count={count + 1}", *_range(head, outline))) > count


def _fed(history: History, head: str, outline: Outline, is_over: Callable[[], bool]) -> Iterator[int]:
    """Read what is missing up to `head`; yield the size of each piece of git's output."""
    if outline.head == head:
        return
    for data in history.program.stream(*LOG, *_range(head, outline), deadline_s=READ_S):
        if is_over():
            raise OperationError(f"{history.root} is not read any further", code="abandoned")
        outline.feed(data)
        yield len(data)
    outline.finish(head)
