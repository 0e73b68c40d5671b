"""Skips a test whose programs are not installed, with the packages that have them."""

from __future__ import annotations

import os

import pytest

from tests.tools import PACKAGES, is_there


def needs(*names: str) -> None:
    """Skip the test when one of the programs of `tests.tools` is missing; under CI that is a failure."""
    packages = dict.fromkeys(PACKAGES[name] for name in names if not is_there(name))
    if not packages:
        return
    if os.environ.get("CI"):
        pytest.fail(f"install {', '.join(packages)}", pytrace=False)
    pytest.skip(f"needs the Debian package {', '.join(packages)}")
