"""Edits while GitSync's INI is in force: it is taken over or refused, never shadowed and so lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gitsync.config.document import add_repo, get, remove_repo, set_value
from gitsync.config.load import load
from gitsync.errors import OperationError


def names(file: Path) -> list[str]:
    return [repo.name for repo in load(str(file)).repos]


def test_an_ini_for_the_whole_system_is_taken_over_by_the_first_edit(config_file: Path, tmp_path: Path) -> None:
    ini = tmp_path / "gitsync.cfg"
    ini.write_text("[gitsync]\nwork_dir = /r/a, /s/a\n")
    before = load(system_ini=ini).repos
    assert get(config_file, "repo.a.granularity", system_ini=ini) == "file"
    assert add_repo(config_file, Path("/r/b"), name=None, remote=None, system_ini=ini) == "b"
    assert load(system_ini=ini).source == config_file
    assert load(system_ini=ini).repos[:2] == before
    assert [repo.name for repo in load(system_ini=ini).repos] == ["a", "a-2", "b"]
    assert ini.read_text() == "[gitsync]\nwork_dir = /r/a, /s/a\n"


def test_one_that_has_no_directories_is_taken_over_too(config_file: Path, tmp_path: Path) -> None:
    ini = tmp_path / "gitsync.cfg"
    ini.write_text("[gitsync]\nwork_dir =\n")
    assert get(config_file, "repo", system_ini=ini) == {}
    set_value(config_file, "daemon.notify", "off", system_ini=ini)
    assert get(config_file, "daemon.notify", system_ini=ini) == "off"


def test_an_ini_elsewhere_is_none_of_a_named_files_business(tmp_path: Path) -> None:
    ini = tmp_path / "gitsync.cfg"
    ini.write_text("[gitsync]\nwork_dir = /r/a\n")
    add_repo(tmp_path / "named.toml", Path("/r/b"), name=None, remote=None, system_ini=ini)
    assert names(tmp_path / "named.toml") == ["b"]


def test_an_ini_in_the_place_of_the_directory_is_not_lost(config_file: Path) -> None:
    ini = config_file.parent
    ini.parent.mkdir(parents=True)
    ini.write_text("[gitsync]\nwork_dir = /r/a\n")
    assert get(config_file, "repo.a.path") == "/r/a"
    with pytest.raises(OperationError, match="is a regular file") as caught:
        add_repo(config_file, Path("/r/b"), name=None, remote=None)
    assert "mv" in caught.value.hint
    assert "--config" in caught.value.hint
    assert ini.read_text() == "[gitsync]\nwork_dir = /r/a\n"


def test_a_named_ini_is_not_edited(tmp_path: Path) -> None:
    ini = tmp_path / "gitsync.cfg"
    ini.write_text("[gitsync]\nwork_dir = /r/a\n")
    assert get(ini, "repo.a.path") == "/r/a"
    for edit in (
        lambda: add_repo(ini, Path("/r/b"), name=None, remote=None),
        lambda: remove_repo(ini, "a"),
        lambda: set_value(ini, "defaults.quiet", "3s"),
    ):
        with pytest.raises(OperationError) as caught:
            edit()
        assert f"gitsyncctl import --gitsync {ini}" in caught.value.hint
    assert ini.read_text() == "[gitsync]\nwork_dir = /r/a\n"


def test_tomlkit_is_not_loaded_by_who_only_reads_or_adds(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from gitsync.config import document, load\n"
        "document.add_repo(Path(sys.argv[1]), Path('/r/a'), name=None, remote=None); load.load(sys.argv[1])\n"
        "document.set_value(Path(sys.argv[1]), 'repo.a.quiet', '3s')\n"
        "print([name for name in ('tomlkit', 'pathspec', 'pygit2', 'watchdog') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "c.toml")], check=True, capture_output=True)
    assert done.stdout == b"[]\n"
