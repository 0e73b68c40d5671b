"""Keeps the memory of the C library small: glibc gives every few threads an arena of their own, and keeps freed memory.

Any thread. Other C libraries have neither function.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_M_ARENA_MAX = -8


def have_few_arenas() -> None:
    """Let all threads use one arena; to be called before there are any. They seldom allocate at the same time."""
    _call("mallopt", _M_ARENA_MAX, 1)


def give_back() -> None:
    """Give free memory back to the system."""
    _call("malloc_trim", 0)


@contextmanager
def growing() -> Iterator[None]:
    """Do not look for garbage in cycles while the context lasts, in which many objects are made that are in none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _call(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*arguments)
