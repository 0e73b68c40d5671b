"""What libgit2 reads of the machine's configuration."""

from __future__ import annotations

import subprocess
import sys

import pytest

SEARCHED = """
import pygit2
from gitsync.git.repository import follow_environment
follow_environment()
print(pygit2.settings.search_path[pygit2.enums.ConfigLevel.SYSTEM])
"""


@pytest.mark.parametrize(("value", "is_read"), [("1", False), ("true", False), ("0", True), ("", True)])
def test_no_system_configuration_is_read_where_the_environment_says_so(
    monkeypatch: pytest.MonkeyPatch, value: str, is_read: bool
) -> None:
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", value)
    done = subprocess.run([sys.executable, "-c", SEARCHED], check=True, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip() != "") is is_read
