"""The content of a version as the person knows it: through the filters of the repository, or why that is not possible.

The page asks this module, on its worker threads. Only what is in a history is given out, never a file on disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gitsync.daemon.handlers.moments import View
from gitsync.errors import GitsyncError, OperationError
from gitsync.git.history.log import History
from gitsync.git.objects.modes import MODE_GITLINK, MODE_LINK, MODE_TREE
from gitsync.git.objects.trees import TreeEntry
from gitsync.mirror.metadata import is_mirror_metadata
from gitsync.text import clean

# A larger text is for the disk, not for a page.
TEXT_MAX = 1 << 20
STREAM_S = 6 * 3600.0
# As git does: a NUL among the first bytes means that it is not text.
HEAD_BYTES = 8000
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)
_LFS = b"version https://git-lfs.github.com/spec/v1\n"
_LFS_SIZE = re.compile(rb"^size (\d{1,15})$", re.MULTILINE)
# A pointer of Git LFS is shorter (bytes).
POINTER_MAX = 1024
_CRYPT = b"\0GITCRYPT\0"


@dataclass(frozen=True, slots=True)
class Content:
    """A version's content: `kind` is text, image, link, binary, large or hidden; `data` is there for the first three.

    `why` says why it is hidden, `size` is in bytes, as it is stored for what was not read.
    """

    kind: str
    size: int
    media: str = "application/octet-stream"
    data: bytes = b""
    why: str = ""


def entry_of(view: View, commit: str, path: bytes) -> TreeEntry:
    """Return the entry of a file in a commit; raise OperationError "no-version" where there is none."""
    found = view.history.entry(commit, path) if path and not _is_hidden(view, path) else None
    if found is None or found.mode in (MODE_TREE, MODE_GITLINK):
        raise OperationError(f"{clean(os.fsdecode(path))} is not a file in {commit[:10]}", code="no-version")
    return found


def content(view: View, path: bytes, entry: TreeEntry) -> Content:
    """Return a version's content, if it is small enough to be shown."""
    size = view.history.sizes([entry.id]).get(entry.id)
    if size is None:
        return Content("hidden", 0, why="its content is not stored here: this is a partial clone")
    stored = view.history.stored(entry.id) if size < POINTER_MAX else b""
    size = max(size, _lfs_size(stored))
    try:
        if size > TEXT_MAX:
            return _large(view.history, path, entry, size)
        data = view.history.content(path, entry)
    except GitsyncError:
        seen = _seen(stored or view.history.stored(entry.id))
        if seen.kind != "hidden":
            raise
        return seen  # a filter that does not work here
    if entry.mode == MODE_LINK:
        return Content("link", len(data), "text/plain", data)
    return _seen(data)


def _lfs_size(stored: bytes) -> int:
    """Return the size of what Git LFS has in the place of a pointer, 0 for anything else."""
    found = _LFS_SIZE.search(stored) if stored.startswith(_LFS) else None
    return int(found[1]) if found else 0


def _seen(data: bytes) -> Content:
    size = len(data)
    if data.startswith(_LFS) and size < POINTER_MAX:
        return Content(
            "hidden", _lfs_size(data), why="Git LFS keeps its content, which is not on this machine: git lfs pull"
        )
    if data.startswith(_CRYPT):
        return Content("hidden", size, why="git-crypt encrypts it, and is locked on this machine: git-crypt unlock")
    if size > TEXT_MAX:
        return Content("large", size, image_type(data) or "application/octet-stream")
    media = image_type(data)
    if media:
        return Content("image", size, media, data)
    if b"\0" in data[:HEAD_BYTES]:
        return Content("binary", size)
    return Content("text", size, "text/plain", data)


def _large(history: History, path: bytes, entry: TreeEntry, size: int) -> Content:
    """Return what a large version is; an image is shown by the browser, which gets it piece by piece."""
    chunks = stream(history, path, entry)
    head = next(chunks, b"")
    getattr(chunks, "close", lambda: None)()
    media = image_type(head)
    return Content("image", size, media) if media else Content("large", size)


def image_type(data: bytes) -> str:
    """Return the media type of a picture that browsers show, "" for anything else, by its first bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    return next((media for magic, media in _IMAGES if data.startswith(magic)), "")


def stream(history: History, path: bytes, entry: TreeEntry) -> Iterator[bytes]:
    """Yield a version's content piece by piece, however large it is."""
    if entry.mode == MODE_LINK:
        return iter((history.ask("cat-file", "blob", entry.id),))
    return history.program.stream("cat-file", "--filters", b"--path=" + path, entry.id, deadline_s=STREAM_S)


def _is_hidden(view: View, path: bytes) -> bool:
    return view.place.is_at_home and is_mirror_metadata(path)
