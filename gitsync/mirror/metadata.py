"""The files of a mirror that are not home files. Pure; any thread."""

from __future__ import annotations

import os

from gitsync.config.legacy.trakk import INDEX
from gitsync.core.manifest import NAME

TRAKK_INDEX = os.fsencode(INDEX)
# Files at the top of repositories for git and for readers, which are not home files.
_FURNITURE = frozenset((NAME, TRAKK_INDEX, b".gitignore", b".gitattributes", b".gitmodules", b".mailmap"))
_FURNITURE_STEMS = (b"readme", b"license", b"licence", b"copying", b"changelog", b"contributing")


def is_mirror_metadata(path: bytes) -> bool:
    """Whether a file of the mirror is there for git or for readers, and no home file unless it is tracked by name."""
    if b"/" in path:
        return path.startswith((b".github/", b".gitlab/"))
    stem = path.lower().partition(b".")[0]
    return path in _FURNITURE or stem in _FURNITURE_STEMS
