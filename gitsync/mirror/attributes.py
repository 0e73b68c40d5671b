"""Extended attributes and access control lists of home files: a new version takes over those of the one it replaces.

Runs on the committer thread; owns nothing. git keeps none of them, so what comes from another machine has none of its
own. On systems whose Python cannot look at them (macOS) nothing is taken over.
"""

from __future__ import annotations

import errno
import os

from gitsync.git.applying import atomic_replace
from gitsync.git.applying.directories import Root, parent_of

_ACL = "system.posix_acl_access"
_NO_FILE = frozenset({errno.ELOOP, errno.EACCES, errno.ENXIO})


def take_over(root: Root, source: bytes, target: bytes, mode: int | None) -> str:
    """Give `target` the attributes of `source`, both below `root`, and then `mode`; return why that failed, or "".

    An access control list holds the group's permissions, which is why the mode is set again after it.
    """
    if not hasattr(os, "listxattr"):
        return ""
    try:
        wanted = _attributes(root, source)
        if not wanted:
            return ""
        with parent_of(root, target) as (at, name):
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
        try:
            return _set(handle, wanted, mode)
        finally:
            os.close(handle)
    except OSError as error:
        return "" if atomic_replace.is_missing(error) or error.errno in _NO_FILE else error.strerror or str(error)


def _attributes(root: Root, path: bytes) -> dict[str, bytes]:
    with parent_of(root, path) as (at, name):
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    try:
        names = [each for each in os.listxattr(handle) if each.startswith("user.") or each == _ACL]
        return {each: os.getxattr(handle, each) for each in names}
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EOPNOTSUPP):
            return {}
        raise
    finally:
        os.close(handle)


def _set(handle: int, wanted: dict[str, bytes], mode: int | None) -> str:
    why = ""
    present = set(os.listxattr(handle))
    for name, value in wanted.items():
        try:
            if name not in present or os.getxattr(handle, name) != value:
                os.setxattr(handle, name, value)
        except OSError as error:
            why = error.strerror or str(error)
    if mode is not None:
        os.fchmod(handle, mode)
    return why
