"""The ways into the page: one-time addresses, each with the file that leads a browser to it.

Runs on the event loop's thread; owns the files.
"""

from __future__ import annotations

import tempfile
from html import escape
from pathlib import Path
from urllib.parse import quote

from gitsync import places
from gitsync.web.guard import ENTRANCE
from gitsync.web.sessions import Sessions


class Entrance:
    """Makes addresses that let in once; `origin` is scheme, host and port."""

    def __init__(self, origin: str, sessions: Sessions) -> None:
        self.origin = origin
        self._sessions = sessions
        self._files: dict[str, Path] = {}

    def new(self, start: str = "") -> tuple[str, Path]:
        """Return an address and its file: other users can read the command line of a browser, but not this file."""
        token = self._sessions.new_token()
        address = f"{self.origin}{ENTRANCE}?token={token}" + (f"&start={quote(start)}" if start else "")
        handle, name = tempfile.mkstemp(prefix="web-", suffix=".html", dir=places.runtime_dir())
        self._files[token] = Path(name)
        with open(handle, "w", encoding="utf-8") as writing:
            writing.write(
                f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={escape(address)}">'
                f'<title>gitsync</title><a href="{escape(address)}">gitsync</a>\n'
            )
        return address, self._files[token]

    def spent(self, token: str) -> None:
        """Remove the file of an address that was used."""
        file = self._files.pop(token, None)
        if file is not None:
            file.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the files that nobody used."""
        for file in self._files.values():
            file.unlink(missing_ok=True)
