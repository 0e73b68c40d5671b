"""A remote that is a repository on this machine's own file system: where it is, and where its branch is.

Any thread; owns nothing. What is read here only decides whether a look is worth while; the look is `transport`'s.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

# Where git looks for a repository that is named by a path, in its order.
_ENDINGS = ("/.git", "", ".git/.git", ".git")
MAX_REF = 4096
# Where disks that come and go are mounted: one directory for each, or one for each user with those in it.
REMOVABLE = ("/media", "/run/media", "/mnt", "/Volumes")


def git_directory(root: Path, url: str) -> Path | None:
    """Return the git directory that `url`, as configured for the work tree `root`, leads to on this file system.

    None for a remote elsewhere, one that is not there now, and one whose refs are not files (reftable).
    """
    path = path_of(url)
    if path is None:
        return None
    base = os.path.join(root, path)
    for ending in _ENDINGS:
        found = Path(base + ending)
        if (found / "HEAD").is_file() and (found / "refs/heads").is_dir() and not (found / "reftable").exists():
            return found
    return None


def missing_disk(root: Path, url: str, *, was_there: bool) -> Path | None:
    """Return the directory of a remote on a disk that is not there now, None for another remote, or one that is there.

    That is a path below a directory for removable disks on which none is mounted. Elsewhere it is a path whose parent
    directory does not exist, of a remote that `was_there` before. Nothing is read from the disk.
    """
    path = path_of(url)
    if path is None:
        return None
    base = os.path.realpath(os.path.join(root, path))
    if any(os.path.lexists(base + ending) for ending in ("", ".git")):
        return None
    parents = Path(base).parents
    for prefix in map(Path, REMOVABLE):
        if prefix in parents:
            below = [parent for parent in parents if prefix in parent.parents]
            return None if any(map(os.path.ismount, below)) else Path(base)
    return Path(base) if was_there and not parents[0].is_dir() else None


def path_of(url: str) -> str | None:
    """Return the path that a URL is, None for one that leads to a server."""
    if url.lower().startswith("file://"):
        return unquote(url[7:]) or None
    # As git tells "host:path" from a path: by a colon before the first slash.
    if not url or "://" in url or re.match(r"[^/]*:", url):
        return None
    return url


def head(directory: Path, branch: str) -> str | None:
    """Return the commit of a branch that is a file of its own; None where it is packed, or not there."""
    try:
        with (directory / "refs/heads" / branch).open("rb") as ref:
            said = ref.read(MAX_REF).strip()
    except (OSError, ValueError):
        return None
    return said.decode("ascii") if re.fullmatch(rb"[0-9a-f]{40}|[0-9a-f]{64}", said) else None
