"""Removes secrets from texts: user and password in URLs, tokens in queries and headers.

Pure; any thread. It is below all other modules, because every error passes through it. The expressions are compiled
only when a text may contain a secret: the control command starts for every shell prompt.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

# A text without any of these contains no secret.
_SIGNS = (":", "=")
_compiled: list[tuple[re.Pattern[str], str]] = []


def redact(text: str) -> str:
    """Return `text` without user names and secrets in URLs, tokens in queries, and authorization headers.

    A plain `git@` is a convention, not a secret, and stays; so does the user of an ssh URL, without whom it is another
    address. Redacting a text again changes nothing.
    """
    if not any(sign in text for sign in _SIGNS):
        return text
    for pattern, replacement in _compiled or _compile():
        text = pattern.sub(replacement, text)
    return text


def _compile() -> list[tuple[re.Pattern[str], str]]:
    import re

    # Everything up to the last @ before the path, unless that is the user git.
    secret = r"(?!git@[^\s/@'\"]*(?![^\s/'\"]))[^\s/@'\"]*(?:@[^\s/@'\"]*)*"
    ssh = r"ssh://[^\s/@:'\"]+@[^\s/@'\"]*(?:[\s/'\"]|$)"
    names = r"(?:access_|private_|auth_|oauth_|refresh_)?(?:token|password|passwd|secret|key|sig|signature)"
    _compiled[:] = [
        (re.compile(rf"(?<![a-zA-Z])(?!{ssh})(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://){secret}@"), r"\g<scheme>***@"),
        (re.compile(rf"(?i)\b(?P<key>{names})=[^&\s'\"]+"), r"\g<key>=***"),
        (re.compile(r"(?i)\b(?P<key>(?:proxy-)?authorization:\s*(?:\w+\s+)?)\S+"), r"\g<key>***"),
    ]
    return _compiled
