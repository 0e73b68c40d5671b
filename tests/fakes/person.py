"""A person at a terminal, who is asked something: a real pseudo-terminal, answers typed when the question is there."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from pathlib import Path

PATIENCE_S = 40.0
CONTROL = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]|\r(?=\n)")


class Person:
    """What is shown to a person, and what they type; use it as a context manager."""

    def __init__(self, argv: list[str], env: Mapping[str, str], cwd: Path, columns: int = 400) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.child = subprocess.Popen(
            argv,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={
                **{name: value for name, value in env.items() if name not in ("COLUMNS", "NO_COLOR")},
                "TERM": "xterm",
            },
            cwd=cwd,
            start_new_session=True,
            # Ctrl-C has to reach it: the terminal is the session's.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self.shown = ""
        self._seen = 0

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *_: object) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        os.close(self._ours)

    def wait_for(self, wanted: str) -> None:
        """Read until `wanted` is shown, behind what was waited for before."""
        ends_at = time.monotonic() + PATIENCE_S
        while (at := self.shown.find(wanted, self._seen)) < 0:
            if not self._read(ends_at - time.monotonic()):
                raise AssertionError(f"no {wanted!r} in:\n{self.shown}")
        self._seen = at + len(wanted)

    def answers(self, *pairs: tuple[str, str]) -> None:
        """Type the second of each pair, and Enter, when the first and then a prompt is shown."""
        for question, typed in pairs:
            self.asked(question)
            self.type(f"{typed}\r")

    def asked(self, question: str) -> None:
        """Wait for a question, and until the terminal waits for the answer."""
        self.wait_for(question)
        ends_at = time.monotonic() + PATIENCE_S
        while not re.search(r"(> |\] )$", self.shown[self._seen :]):
            if not self._read(ends_at - time.monotonic()):
                raise AssertionError(f"no prompt behind {question!r} in:\n{self.shown}")
        # Python's readline shows the prompt, then waits; a Ctrl-C between the two is heard with the next key only.
        while self.child.poll() is None and not self._is_waiting():
            assert time.monotonic() < ends_at, self.shown
            time.sleep(0.01)

    def _is_waiting(self) -> bool:
        with open(f"/proc/{self.child.pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(") ")[2].startswith("S")

    def type(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def end(self) -> int:
        """Read what is left and return the exit status."""
        ends_at = time.monotonic() + PATIENCE_S
        while self._read(ends_at - time.monotonic()):
            pass
        return self.child.wait(PATIENCE_S)

    def _read(self, patience_s: float) -> bool:
        if not select.select([self._ours], [], [], max(patience_s, 0))[0]:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:
            return False  # EIO: the other side is closed
        self.shown = CONTROL.sub("", self.shown + data.decode(errors="replace"))
        return bool(data)
