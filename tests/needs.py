"""Skips a test whose programs are not installed, with the packages that have them, or that a container cannot run."""

from __future__ import annotations

import os

import pytest

from tests.tools import PACKAGES, is_there

# The inode number of Linux' first process namespace, PROC_PID_INIT_INO.
FIRST_NAMESPACE = "pid:[4026531836]"


def needs(*names: str) -> None:
    """Skip the test when one of the programs of `tests.tools` is missing; under CI that is a failure."""
    packages = dict.fromkeys(PACKAGES[name] for name in names if not is_there(name))
    if not packages:
        return
    if os.environ.get("CI"):
        pytest.fail(f"install {', '.join(packages)}", pytrace=False)
    pytest.skip(f"needs the Debian package {', '.join(packages)}")


def needs_every_process() -> None:
    """Skip the test in a container: there, a process that holds a file may be out of sight."""
    if not os.path.exists("/proc/self/ns/pid") or os.readlink("/proc/self/ns/pid") != FIRST_NAMESPACE:
        pytest.skip("the processes of other containers are out of sight")
