"""Retry-After is found in git's trace, and the trace in nothing that is shown."""

from __future__ import annotations

import pytest

from gitsync.git.remote.http_wait import LONGEST_S, USUAL_S, split

REFUSED = b"fatal: unable to access 'http://h/x.git/': The requested URL returned error: 429\n"
NOW = 1_790_000_000.0


def trace(*headers: str) -> bytes:
    lines = ("=> Send header: GET /git/x.git/info/refs HTTP/1.1", *(f"<= Recv header: {each}" for each in headers))
    return b"".join(f"19:31:02.123456 http.c:837              {line}\n".encode() for line in lines)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        (("HTTP/1.1 429 Too Many Requests", "Retry-After: 120"), 120.0),
        (("HTTP/2 503", "retry-after: 7"), 7.0),
        (("HTTP/1.1 503 Service Unavailable",), USUAL_S),
        (("HTTP/1.1 429 Too Many Requests", "Retry-After: soon"), USUAL_S),
        (("HTTP/1.1 429 Too Many Requests", "Retry-After: 999999999"), LONGEST_S),
        (("HTTP/1.1 429 Too Many Requests", "Retry-After: Mon, 21 Sep 2026 14:15:20 GMT"), 120.0),
        (("HTTP/1.1 429 Too Many Requests", "Retry-After: Mon, 21 Sep 2020 14:15:20 GMT"), 1.0),
        (("HTTP/1.1 200 OK", "Retry-After: 120"), 0.0),
        (("HTTP/1.1 401 Unauthorized", "HTTP/1.1 200 OK"), 0.0),
        (("HTTP/1.1 429 Too Many Requests", "Retry-After: 5", "HTTP/1.1 200 OK"), 0.0),
    ],
)
def test_the_last_answer_counts(headers: tuple[str, ...], wait_s: float) -> None:
    assert split(trace(*headers) + REFUSED, NOW) == (REFUSED, wait_s)


def test_what_is_no_trace_stays() -> None:
    said = b"Receiving objects:  50% (1/2)\rremote: 12:00:00 is the time\n"
    assert split(said[:30] + trace("HTTP/1.1 200 OK") + said[30:], NOW) == (said, 0.0)
