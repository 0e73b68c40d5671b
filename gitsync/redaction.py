"""Takes the secrets out of texts: what stands for a user and password in a URL, tokens in queries and headers.

Pure, so on no thread and owner of nothing. It stands below everything, because every error passes through it. The
expressions are loaded when a text could hold a secret: the control command starts for every prompt of a shell.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

# A text without any of these holds nothing that is looked for.
_SIGNS = (":", "=")
_compiled: list[tuple[re.Pattern[str], str]] = []


def redact(text: str) -> str:
    """Return `text` without the user names and secrets of URLs, tokens in queries and authorization headers.

    A plain `git@` is a convention and no secret, and stays. What was redacted already stays as it is.
    """
    if not any(sign in text for sign in _SIGNS):
        return text
    for pattern, replacement in _compiled or _compile():
        text = pattern.sub(replacement, text)
    return text


def _compile() -> list[tuple[re.Pattern[str], str]]:
    import re

    # All up to the last @ before the path, unless that is git's own.
    secret = r"(?!git@[^\s/@'\"]*(?![^\s/'\"]))[^\s/@'\"]*(?:@[^\s/@'\"]*)*"
    names = r"(?:access_|private_|auth_|oauth_|refresh_)?(?:token|password|passwd|secret|key|sig|signature)"
    _compiled[:] = [
        (re.compile(rf"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://){secret}@"), r"\g<scheme>***@"),
        (re.compile(rf"(?i)\b(?P<key>{names})=[^&\s'\"]+"), r"\g<key>=***"),
        (re.compile(r"(?i)\b(?P<key>(?:proxy-)?authorization:\s*(?:\w+\s+)?)\S+"), r"\g<key>***"),
    ]
    return _compiled
