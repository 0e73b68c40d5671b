"""The points at which a crash or another program's write matters, for tests to act at. Owns nothing.

A probe is passed from the committer to everything that changes the user's files. The program itself passes `no_probe`.
"""

from __future__ import annotations

from collections.abc import Callable

# Called with the name of the point, and the path that is about to be changed, or b"" where it is about none.
Probe = Callable[[str, bytes], None]


def no_probe(point: str, path: bytes) -> None:
    """Do nothing."""
