"""The calls from one module of gitsync into another, on every thread, as `sys.setprofile` reports them. No lies.

A call is the module that called ("" for none of gitsync's), the module that was called, and its function.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parents[2] / "gitsync"


class Call(NamedTuple):
    """One call; modules are paths below the package."""

    caller: str
    module: str
    function: str


class RecordedCalls:
    """Records the threads that are started within it, and the one that enters it."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._modules: dict[str, str] = {}

    def __enter__(self) -> RecordedCalls:
        threading.setprofile(self._see)
        sys.setprofile(self._see)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def take(self) -> list[Call]:
        """Return the calls since the last time, in order."""
        taken, self._calls = self._calls, []
        return taken

    def _see(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        module = self._module(frame)
        if not module:
            return
        outer = frame.f_back
        while outer is not None and not (caller := self._module(outer)):
            outer = outer.f_back
        caller = self._module(outer) if outer is not None else ""
        if caller != module:
            self._calls.append(Call(caller, module, frame.f_code.co_name))

    def _module(self, frame: FrameType) -> str:
        file = frame.f_code.co_filename
        found = self._modules.get(file)
        if found is None:
            path = Path(file)
            found = path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else ""
            self._modules[file] = found
        return found
