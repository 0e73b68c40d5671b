"""What one thread hears from outside of the work trees. The kernel's timer is played by a counter."""

from __future__ import annotations

import os
import sys

import pytest

from gitsync.watch.outside import Outside

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has these descriptors")


def test_a_jump_of_the_clock_is_heard_once() -> None:
    timer = os.eventfd(0, os.EFD_NONBLOCK)
    outside = Outside(timer)
    try:
        assert not outside.wait(0.0).has_clock_jumped
        os.eventfd_write(timer, 1)
        assert outside.wait(5.0).has_clock_jumped
        assert not outside.wait(0.0).has_clock_jumped
    finally:
        outside.close()
