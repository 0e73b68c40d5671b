"""A home, state and configuration directory of its own for each test of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import GITCONFIG

# Everything that is easily lost: comments at all places, tables that stand apart, indentation, quotes of each kind.
MINE = """\
# All of my folders.

[[repo]]   # the first
path = "/r/notes"   # where I write
quiet = '5s'  # I pause a lot

# The work one; never push.
[[repo]]
  path = "/r/desk"
  name = "office"
  push = "off"

[daemon]
log_level = "info"
# nothing else here

[[repo]]
path = "/r/third"
[repo.conflict_paths]
"*.log" = "theirs" # logs

# the end
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory; `~/.config` and `~/.local/state` are below it."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(GITCONFIG)
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "GITSYNC_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def config_file(home: Path) -> Path:
    """Where the user's config.toml would be; it is not there yet."""
    return home / ".config" / "gitsync" / "config.toml"


@pytest.fixture
def file(config_file: Path) -> Path:
    """The user's config.toml, with MINE in it."""
    config_file.parent.mkdir(parents=True)
    config_file.write_text(MINE)
    return config_file
