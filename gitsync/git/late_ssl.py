"""Imports pygit2 without Python's ssl and the certificates of all authorities.

pygit2 loads both when it is imported, which takes 3 MB, and only an https connection through libgit2 needs them: the
git program makes the connections, unless a repository has `transport = "libgit2"`.
"""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType


class _NoPaths:
    """Says to pygit2 what a libgit2 without https does."""

    @property
    def cafile(self) -> str:
        from pygit2 import GitError

        raise GitError("TLS backend doesn't support certificate locations")


def import_pygit2() -> None:
    """Import pygit2; to be called before anything else does."""
    if "pygit2" in sys.modules or "ssl" in sys.modules:
        return
    stand_in = ModuleType("ssl")
    vars(stand_in).update(DefaultVerifyPaths=_NoPaths, get_default_verify_paths=_NoPaths)
    sys.modules["ssl"] = stand_in
    try:
        import pygit2  # noqa: F401
    finally:
        del sys.modules["ssl"]


@cache
def trust_authorities() -> None:
    """Load the certificates that an https connection through libgit2 is checked with."""
    import ssl

    import pygit2

    paths = ssl.get_default_verify_paths()
    if paths.cafile or paths.capath:
        pygit2.settings.set_ssl_cert_locations(paths.cafile, paths.capath)
