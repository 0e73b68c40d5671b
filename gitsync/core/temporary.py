"""The names of gitsync's own temporary files in a work tree or in home. Pure; any thread."""

from __future__ import annotations

# Prefix of temporary files that are never the user's: watching, staging and ignore rules skip them.
TEMP_PREFIX = b".gitsync-tmp-"


def is_temporary(path: bytes) -> bool:
    """Return whether `path` is one of gitsync's temporary files, or below one."""
    return path.startswith(TEMP_PREFIX) or b"/" + TEMP_PREFIX in path
