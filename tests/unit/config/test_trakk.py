"""TRAKK's configuration, read as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitsync.config.legacy.trakk import home_of, parse_trakk
from gitsync.config.load import load
from gitsync.config.options import RepoConfig
from gitsync.core.manifest import ManifestEntry
from gitsync.errors import ConfigError


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_files_and_directories(tmp_path: Path) -> None:
    found = parse_trakk(
        write(tmp_path / "t", {"repository": "/m", "refs": [".vimrc", "~/.a/b"], "dirs": [".config/nvim/"]})
    )
    assert found.repository == Path("/m")
    assert found.entries == (ManifestEntry(b".vimrc"), ManifestEntry(b".a/b"), ManifestEntry(b".config/nvim", True))
    assert found.faults == ()


def test_what_is_not_below_home_is_left_out_and_told(tmp_path: Path) -> None:
    found = parse_trakk(write(tmp_path / "t", {"repository": "/m", "refs": ["/etc/passwd", "../x", "a"], "dirs": []}))
    assert found.entries == (ManifestEntry(b"a"),)
    assert len(found.faults) == 2


@pytest.mark.parametrize(
    "content",
    ["{", "[]", {}, {"repository": 1}, {"repository": "rel"}, {"repository": "/m", "refs": "x"}, "[" * 100000],
)
def test_what_is_none_is_told(tmp_path: Path, content: object) -> None:
    path = write(tmp_path / "t", content)
    with pytest.raises(ConfigError):
        parse_trakk(path)
    home, told = home_of(path, ())
    assert home is None
    assert told


def test_it_is_in_force_without_a_home_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / ".trakk.config", {"repository": str(tmp_path / "m"), "refs": [".vimrc"], "dirs": []})
    config = tmp_path / "config.toml"
    config.write_text("")
    found = load(str(config))
    assert found.home is not None
    assert found.home.repo == found.home.settings.path == tmp_path / "m"
    assert any("TRAKK" in notice for notice in found.notices)
    config.write_text(f'[home]\nrepo = "{tmp_path}/other"\n')
    found = load(str(config))
    assert found.home is not None
    assert found.home.repo == tmp_path / "other"


def test_a_watched_repository_is_no_mirror(tmp_path: Path) -> None:
    path = write(tmp_path / "t", {"repository": str(tmp_path), "refs": []})
    home, told = home_of(path, (RepoConfig(name="x", path=tmp_path),))
    assert home is None
    assert told


def test_half_a_surrogate_pair_is_no_path(tmp_path: Path) -> None:
    found = parse_trakk(write(tmp_path / "t", {"repository": "/m", "refs": ["a\ud800b", ".vimrc"], "dirs": []}))
    assert found.entries == (ManifestEntry(b".vimrc"),)
    assert len(found.faults) == 1
    with pytest.raises(ConfigError, match="repository"):
        parse_trakk(write(tmp_path / "t", {"repository": "/\ud800", "refs": [], "dirs": []}))
