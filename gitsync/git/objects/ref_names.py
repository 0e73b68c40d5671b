"""One string for each name of a reference that is looked up. Any thread.

pygit2 1.21 keeps a hold on the string for ever in each lookup. A name that is put together every time would cost a
daemon 64 bytes and more at each of them.
"""

from __future__ import annotations

import sys


def kept(name: str) -> str:
    """Return the one string for `name` in every lookup of this process."""
    return sys.intern(name)
