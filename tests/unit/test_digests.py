"""Digests are those of hashlib, which is loaded for long data alone."""

from __future__ import annotations

import hashlib
import subprocess
import sys

from gitsync import digests


def test_short_and_long_data_have_the_digests_of_hashlib() -> None:
    code = """
import sys
from gitsync import digests
for size in (0, 1, 1000, digests.SHORT, digests.SHORT + 1):
    data = bytes(range(256)) * (size // 256 + 1)
    made = digests.sha1(data[:size]), digests.sha256(memoryview(data)[:size])
    made[0].update(b"more")
    print("hashlib" in sys.modules, *(each.hexdigest() for each in made))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    for line, size in zip(done.stdout.splitlines(), (0, 1, 1000, digests.SHORT, digests.SHORT + 1), strict=True):
        data = (bytes(range(256)) * (size // 256 + 1))[:size]
        sums = hashlib.sha1(data + b"more").hexdigest(), hashlib.sha256(data).hexdigest()
        assert line.split() == [str(size > digests.SHORT), *sums]


def test_what_will_be_long_is_digested_by_openssl() -> None:
    code = "import sys; from gitsync import digests; digests.sha1(b'x', 1 << 20); print('hashlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "True\n"
