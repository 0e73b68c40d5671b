"""SHA-1 and SHA-256. Any thread.

OpenSSL's, behind `hashlib`, are three times as fast as Python's own code and take 3.5 MB when they are loaded, so short
data is digested without them until long data has come.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import cache, partial
from typing import Protocol

# Digested in less than a millisecond by Python's own code.
SHORT = 1 << 18

Data = bytes | bytearray | memoryview


class Digest(Protocol):
    """A digest under way."""

    def update(self, data: Data, /) -> None:
        """Take in more data."""
        ...

    def digest(self) -> bytes:
        """Return the digest of what was taken in."""
        ...

    def hexdigest(self) -> str:
        """Return the same as hexadecimal digits."""
        ...


def sha1(data: Data = b"", size: int = 0) -> Digest:
    """Return the SHA-1 of `data`, to which more may be added, up to about `size` bytes."""
    return _made("sha1", ("_sha1",), data, size)


def sha256(data: Data = b"", size: int = 0) -> Digest:
    """Return the SHA-256 of `data`, to which more may be added, up to about `size` bytes."""
    return _made("sha256", ("_sha256", "_sha2"), data, size)


def _made(name: str, modules: tuple[str, ...], data: Data, size: int) -> Digest:
    if max(size, len(data)) <= SHORT and "hashlib" not in sys.modules:
        short = _of_python(name, modules)
        if short is not None:
            return short(data)
    return _of_openssl(name)(data)


@cache
def _of_openssl(name: str) -> Callable[[Data], Digest]:
    import hashlib

    # Ids of git's objects, and names of files of our own.
    return partial(getattr(hashlib, name), usedforsecurity=False)


@cache
def _of_python(name: str, modules: tuple[str, ...]) -> Callable[[Data], Digest] | None:
    """Return Python's own code for a digest, None where it was built without."""
    for module in modules:
        try:
            found: Callable[[Data], Digest] = getattr(importlib.import_module(module), name)
        except ImportError:
            continue  # of another version of Python
        return found
    return None
