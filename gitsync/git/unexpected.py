"""Turns unexpected errors of a repository into errors that are shown, and not crashes. Any thread; owns nothing.

The modules here turn expected failures into GitsyncErrors. The remaining failures are those that a healthy repository
does not have: a syntax error in the configuration, a disk that returns EIO, a process out of file descriptors. They
concern that repository only, are shown and tried again, and must not end the daemon for all others.
"""

from __future__ import annotations

import logging
import re

import pygit2

from gitsync.errors import GitsyncError, OperationError, TransientError
from gitsync.git.files import storage_error
from gitsync.model import Problem
from gitsync.text import clean

logger = logging.getLogger(__name__)

# Words of libgit2 about the file of an object that is empty or cut.
_DAMAGED = re.compile(r"failed to (?:parse|inflate|read) loose object|invalid header|object file is empty|inflate")
# libgit2's binding also raises KeyError for a missing object or ref, and ValueError for an invalid one.
UNEXPECTED_ERRORS = (GitsyncError, OSError, pygit2.GitError, KeyError, ValueError)


def as_error(name: str, error: Exception) -> GitsyncError:
    """Return the GitsyncError for `error` (one of UNEXPECTED_ERRORS) in the repository called `name`."""
    if isinstance(error, GitsyncError):
        return error
    logger.debug("%s: unexpected error", name, exc_info=error)
    if isinstance(error, OSError):
        return storage_error(f"{name}: cannot work with {clean(str(error.filename or 'its files'))}", error)
    words = clean(str(error))
    if _DAMAGED.search(words):
        # Fetched again, where a remote has it.
        return OperationError(
            f"{name}: an object of the repository is damaged: {words}", "to see which: git fsck", code="local-damage"
        )
    if not isinstance(error, pygit2.GitError):
        words = f"{'it lacks' if isinstance(error, KeyError) else 'it holds something invalid:'} {words}"
    return OperationError(f"{name}: libgit2 cannot read the repository: {words}", "to check it: git fsck")


def as_problem(name: str, error: Exception) -> Problem:
    """Return the `Problem` for `error` (one of UNEXPECTED_ERRORS) in the repository called `name`."""
    found = as_error(name, error)
    wait_s = found.wait_s if isinstance(found, TransientError) else 0.0
    return Problem(found.code, found.message, found.hint, wait_s)
