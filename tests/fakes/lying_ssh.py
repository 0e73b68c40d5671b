"""An ssh that runs the command on this machine and lies as it is told: cut off, slow, or another program at the end.

It takes the place of ssh in PATH, so that git, rsync and unison all go through it; there is no server and no network.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SCRIPT = r"""#!/bin/sh
host=
while [ $# -gt 0 ]; do case $1 in
  -[bcDEeFIiJLlmOopQRSWw]) shift 2 ;; -*) shift ;;
  *) [ -z "$host" ] || break; host=$1; shift ;;  # unison has options behind it
esac; done
read -r mode bytes < "{mode}"
exec 3<&0
pipe={directory}/pipe.$$
case $mode in
  well) exec /bin/sh -c "$*" ;;
  slow) sleep 0.3; exec /bin/sh -c "$*" ;;
  cut-answer) mkfifo "$pipe"; /bin/sh -c "$*" <&3 3<&- >"$pipe" & dd bs=1 count="$bytes" <"$pipe" 2>/dev/null ;;
  cut-question) mkfifo "$pipe"; dd bs=1 count="$bytes" <&3 3<&- >"$pipe" 2>/dev/null & /bin/sh -c "$*" 3<&- <"$pipe" ;;
  refused) echo "ssh: connect to host server port 22: Connection refused" >&2; exit 255 ;;
  other-version) cat "{greeting}"; exit 1 ;;
  noisy) echo "Welcome to the server"; exec /bin/sh -c "$*" ;;
  missing) echo "sh: 1: ${{1%% *}}: not found" >&2; exit 127 ;;
esac
[ -z "$!" ] || kill "$!" 2>/dev/null
rm -f "$pipe"
echo "Connection to server closed by remote host." >&2
exit 255
"""


class LyingSsh:
    """The program; `lie` says what it does from the next connection on."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        directory.mkdir()
        self._mode, self._greeting = directory / "mode", directory / "greeting"
        program = directory / "ssh"
        program.write_text(SCRIPT.format(mode=self._mode, greeting=self._greeting, directory=directory))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
        self.lie("well")

    def lie(self, mode: str, *, count: int = 0, greeting: bytes = b"") -> None:
        """Do as `mode` says: after `count` bytes, or with `greeting` in the place of the program."""
        self._greeting.write_bytes(greeting)
        self._mode.write_text(f"{mode} {count}\n")
