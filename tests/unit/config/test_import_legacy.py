"""The first GitSync's INI becomes config.toml; what is there already stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.config.import_legacy import import_ini, ini_in_the_way, make_way
from gitsync.config.load import load
from gitsync.errors import ConfigError


def test_a_new_configuration_is_made_and_the_old_file_stays(tmp_path: Path) -> None:
    ini, path = tmp_path / "gitsync.ini", tmp_path / "new/config.toml"
    ini.write_text("[gitsync]\nwork_dir = /r/a, /r/b\n")
    assert import_ini(path, ini) == [Path("/r/a"), Path("/r/b")]
    config = load(str(path))
    assert [repo.path for repo in config.repos] == [Path("/r/a"), Path("/r/b")]
    assert {repo.granularity for repo in config.repos} == {"file"}
    assert ini.exists()
    before = path.read_text()
    import_ini(path, ini)
    assert path.read_text() == before


def test_what_is_configured_already_keeps_its_settings_and_comments(tmp_path: Path) -> None:
    ini, path = tmp_path / "gitsync.ini", tmp_path / "config.toml"
    ini.write_text("[gitsync]\nwork_dir = /r/a /r/b\n")
    path.write_text('# mine\n[[repo]]\npath = "/r/a"\nquiet = "9s"\n')
    import_ini(path, ini)
    assert path.read_text().startswith('# mine\n[[repo]]\npath = "/r/a"\nquiet = "9s"\n')
    assert [repo.quiet for repo in load(str(path)).repos] == [9.0, 2.0]


def test_a_file_that_is_no_ini_changes_nothing(tmp_path: Path) -> None:
    ini, path = tmp_path / "gitsync.ini", tmp_path / "config.toml"
    ini.write_text("nonsense\n")
    with pytest.raises(ConfigError, match=r"gitsync\.ini"):
        import_ini(path, ini)
    assert not path.exists()


def test_an_ini_with_the_name_of_the_directory_makes_way(tmp_path: Path) -> None:
    ini, path = tmp_path / "gitsync", tmp_path / "gitsync/config.toml"
    assert ini_in_the_way(path) is None
    ini.write_text("[gitsync]\nwork_dir = /r/a\n")
    assert ini_in_the_way(path) == ini
    assert make_way(path, ini) == tmp_path / "gitsync.ini"
    assert [repo.path for repo in load(str(path)).repos] == [Path("/r/a")]
    assert ini_in_the_way(path) is None


def test_a_move_whose_import_fails_is_taken_back(tmp_path: Path) -> None:
    ini = tmp_path / "gitsync"
    ini.write_text("[gitsync]\nwork_dir = relative\n")
    with pytest.raises(ConfigError, match="is not a path"):
        make_way(ini / "config.toml", ini)
    assert ini.read_text() == "[gitsync]\nwork_dir = relative\n"
    assert not (tmp_path / "gitsync.ini").exists()
