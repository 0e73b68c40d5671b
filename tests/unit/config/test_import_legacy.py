"""The first GitSync's INI becomes config.toml; what is there already stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.config.import_legacy import import_ini, ini_in_the_way, make_way
from gitsync.config.load import load
from gitsync.config.source import active_file
from gitsync.errors import ConfigError, OperationError


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


@pytest.mark.parametrize("call", ["link", "rename", "unlink", "rmtree"])
def test_a_move_that_dies_half_way_is_completed_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    ini, path = tmp_path / "gitsync", tmp_path / "gitsync/config.toml"
    ini.write_text("[gitsync]\nwork_dir = /r/a\n")

    def die(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    place = {"link": "os.link", "rename": "pathlib.Path.rename", "unlink": "pathlib.Path.unlink"}
    with monkeypatch.context() as patch:
        patch.setattr(place.get(call, "shutil.rmtree"), die)
        with pytest.raises(KeyboardInterrupt):
            make_way(path, ini)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    found = active_file(system_ini=tmp_path / "none")
    assert found == (path if call == "rename" else ini)
    if found == ini:
        make_way(path, ini)
    assert [repo.path for repo in load(str(path)).repos] == [Path("/r/a")]
    assert {each.name for each in tmp_path.iterdir()} - {"home"} == {"gitsync", "gitsync.ini"}


def test_a_file_that_has_the_new_name_is_not_replaced(tmp_path: Path) -> None:
    ini = tmp_path / "gitsync"
    ini.write_text("[gitsync]\nwork_dir = /r/a\n")
    (tmp_path / "gitsync.ini").write_text("mine\n")
    with pytest.raises(OperationError, match="exists"):
        make_way(ini / "config.toml", ini)
    assert (tmp_path / "gitsync.ini").read_text() == "mine\n"
    assert ini.is_file()
