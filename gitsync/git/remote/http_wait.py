"""How long a web server asks to be left alone, from git's trace of its answers. Pure; any thread.

git's error names the status, and not the header that tells for how long. The trace goes to stderr with everything else,
without the bodies and without credentials, and is taken out of it here.
"""

from __future__ import annotations

import re

from gitsync.clock import parse_http

# Added to the environment of a git that talks to a web server.
TRACE = {"GIT_TRACE_CURL": "1", "GIT_TRACE_CURL_NO_DATA": "1", "GIT_TRACE_REDACT": "1"}
# The pause after a refusal that names none, and the longest one that is believed (seconds).
USUAL_S, LONGEST_S = 60.0, 86400.0
_LINE = re.compile(rb"(?:(?<=[\r\n])|^)\d\d:\d\d:\d\d\.\d+ [\w./-]+\.c:\d+ [^\n]*\n?")
_STATUS = re.compile(rb"<= Recv header: HTTP/[\d.]+ (\d{3})")
_AFTER = re.compile(rb"<= Recv header: retry-after: *([^\r\n]*)", re.IGNORECASE)
_BUSY = frozenset((b"429", b"503"))


def split(stderr: bytes, wall: float) -> tuple[bytes, float]:
    """Return what git wrote besides the trace, and how long the last answer asks to wait (seconds; 0: it does not).

    `wall` is the time in seconds since the epoch.
    """
    wait_s = 0.0
    for line in _LINE.findall(stderr):
        if found := _STATUS.search(line):
            wait_s = USUAL_S if found[1] in _BUSY else 0.0
        elif wait_s and (found := _AFTER.search(line)):
            wait_s = _seconds(found[1].decode("ascii", "replace").strip(), wall)
    return _LINE.sub(b"", stderr), wait_s


def _seconds(value: str, wall: float) -> float:
    """Return the seconds of a Retry-After header, which holds a number of them or a date."""
    if re.fullmatch(r"[0-9]{1,9}", value):
        wait_s = float(value)
    elif (at := parse_http(value)) is not None:
        wait_s = at - wall
    else:
        return USUAL_S
    return min(LONGEST_S, max(1.0, wait_s))
