"""What the world does to a repository, told apart from bugs of ours. Any thread; owns nothing.

The modules here turn what they expect into GitsyncErrors. What is left is what nobody expects of a repository in good
order: a configuration with a typing error, a disk that answers EIO, a process out of file descriptors. It is that
repository's trouble, shown and tried again, and must not end the daemon for all the others.
"""

from __future__ import annotations

import logging

import pygit2

from gitsync.errors import GitsyncError, OperationError
from gitsync.git.files import storage_error
from gitsync.git.remote.errors import clean

logger = logging.getLogger(__name__)

# libgit2's binding also says KeyError for what is not there (an object, a ref) and ValueError for what is not valid.
UNEXPECTED_ERRORS = (GitsyncError, OSError, pygit2.GitError, KeyError, ValueError)


def as_error(name: str, trouble: Exception) -> GitsyncError:
    """Return what people are told of `trouble` (one of UNEXPECTED_ERRORS) in the repository called `name`."""
    if isinstance(trouble, GitsyncError):
        return trouble
    logger.debug("%s: trouble that nothing expected", name, exc_info=trouble)
    if isinstance(trouble, OSError):
        return storage_error(f"{name}: cannot work with {clean(str(trouble.filename or 'its files'))}", trouble)
    words = clean(str(trouble))
    if isinstance(trouble, KeyError | ValueError) and not isinstance(trouble, pygit2.GitError):
        words = f"{type(trouble).__name__}: {words}"
    return OperationError(f"{name}: git's library refuses the repository: {words}", "see what git says: git fsck")
