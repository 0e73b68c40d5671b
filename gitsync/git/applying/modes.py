"""The executable bit of files that arrive, where core.fileMode is false. Committer thread.

With that setting git ignores the bit of a file on disk, but sets it on a file that it writes. A change of the
bit alone changes no content, and so is not a step of the applier.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping

from gitsync.git.applying import atomic_replace
from gitsync.git.applying.directories import parent_of
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_FILE
from gitsync.git.objects.trees import TreeEntry

_FILES = (MODE_FILE, MODE_EXECUTABLE)
# The file is another user's, or the file system has no such bit, or something else is there by now.
_NOT_NOW = frozenset({errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOTSUP, errno.ELOOP, errno.ENXIO})


def follow(root: str, changes: Mapping[bytes, tuple[TreeEntry | None, TreeEntry | None]]) -> None:
    """Set the bit of each file that is new or whose mode changes; a file where that cannot be done is left as it is."""
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path, (old, new) in changes.items():
            if new is None or new.mode not in _FILES:
                continue
            # A new one may have been there as it is already, but for the bit.
            if old is None or (old.mode in _FILES and old.mode != new.mode):
                _set(top, path, is_executable=new.mode == MODE_EXECUTABLE)
    finally:
        os.close(top)


def _set(top: int, path: bytes, *, is_executable: bool) -> None:
    try:
        with parent_of(top, path) as (at, name):
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
            try:
                mode = stat.S_IMODE(os.fstat(handle).st_mode)
                # Whoever may read it may execute it, as with the umask that the file was made with.
                wanted = mode | (mode & 0o444) >> 2 if is_executable else mode & ~0o111
                if wanted != mode:
                    os.fchmod(handle, wanted)
            finally:
                os.close(handle)
    except OSError as error:
        if error.errno not in _NOT_NOW and not atomic_replace.is_missing(error):
            raise
