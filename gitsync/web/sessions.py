"""Who is logged in: tokens that are spent at their first use, and the sessions that they open.

Runs on the event loop's thread alone; owns both.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

BYTES = 32


class Sessions:
    """The tokens of launches, and the open sessions: in this process's memory only, or also in a file `kept`.

    A page that is started at each first call knows its sessions again by that file, which has their digests alone.
    """

    def __init__(self, password: str = "", kept: Path | None = None) -> None:
        self._tokens: set[str] = set()
        self._kept = kept
        self._open = set(kept.read_text("ascii").split()) if kept is not None and kept.exists() else set()
        self._password = _digest(password) if password else b""

    def new_token(self) -> str:
        """Return a token that opens one session."""
        token = secrets.token_urlsafe(BYTES)
        self._tokens.add(_digest(token).hex())
        return token

    @property
    def has_password(self) -> bool:
        """Whether a password opens a session, too."""
        return bool(self._password)

    def spend(self, token: str) -> str | None:
        """Return a new session for a token that was not used before, else None."""
        digest = _digest(token).hex()
        if digest not in self._tokens:
            return None
        self._tokens.remove(digest)
        return self._new()

    def admit(self, password: str) -> str | None:
        """Return a new session for the right password, else None."""
        is_right = self.has_password and hmac.compare_digest(_digest(password), self._password)
        return self._new() if is_right else None

    def knows(self, session: str) -> bool:
        """Return whether a session is open."""
        return _digest(session).hex() in self._open

    def _new(self) -> str:
        session = secrets.token_urlsafe(BYTES)
        digest = _digest(session).hex()
        self._open.add(digest)
        if self._kept is not None:
            with open(os.open(self._kept, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w") as file:
                file.write(digest + "\n")
        return session


def _digest(text: str) -> bytes:
    """Return what is compared and kept in place of a secret, so that the time of a comparison says nothing of it."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
