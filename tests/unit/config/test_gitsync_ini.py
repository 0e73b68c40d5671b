from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.config.legacy.gitsync_ini import looks_like_ini, parse_ini, work_dirs
from gitsync.config.options import RepoConfig
from gitsync.errors import ConfigError

SOURCE = Path("/c/gitsync.cfg")


@pytest.mark.parametrize(
    ("value", "dirs"),
    [
        ("/a", ["/a"]),
        ("/a, /b", ["/a", "/b"]),
        ("/a,/b,", ["/a", "/b"]),
        ("/a /b", ["/a", "/b"]),
        ("/a\n/b,\n/c", ["/a", "/b", "/c"]),
        (" , ,/a,, ", ["/a"]),
        ("\"/a b\", '/c, d' /e", ["/a b", "/c, d", "/e"]),
        ("/home/o'brien/x, /b", ["/home/o'brien/x", "/b"]),
        ('/a "/b c"', ["/a", "/b c"]),
        ("/a\t/b", ["/a", "/b"]),
        ("/50%/x", ["/50%/x"]),
        ("", []),
        ('""', []),
    ],
)
def test_work_dir_is_a_list_by_commas_blanks_or_lines(value: str, dirs: list[str]) -> None:
    assert work_dirs(value) == dirs


def test_blanks_belong_to_a_directory_that_exists(tmp_path: Path) -> None:
    (tmp_path / "My Notes").mkdir()
    assert work_dirs(f"{tmp_path}/My Notes, /b /c") == [f"{tmp_path}/My Notes", "/b", "/c"]
    assert work_dirs(f"{tmp_path}/My Diary") == [f"{tmp_path}/My", "Diary"]


def test_the_first_gitsyncs_file_is_read_as_it_is(home: Path) -> None:
    text = "# mine\n[gitsync]\nwork_dir = ~/Notes, /srv/50%/x,\n\n[other]\nkey = 1\n"
    config = parse_ini(text, SOURCE)
    assert config.repos == (
        RepoConfig(name="Notes", path=home / "Notes", granularity="file"),
        RepoConfig(name="x", path=Path("/srv/50%/x"), granularity="file"),
    )
    assert config.source == SOURCE
    assert "gitsyncctl import --gitsync /c/gitsync.cfg" in config.notices[0]


def test_equal_names_are_told_apart_and_the_same_directory_is_taken_once() -> None:
    config = parse_ini("[gitsync]\r\nWORK_DIR: /a/n, /b/n, /a/n, /a/x/../n, /\r\n", SOURCE)
    assert [(repo.name, str(repo.path)) for repo in config.repos] == [("n", "/a/n"), ("n-2", "/b/n"), ("root", "/")]
    assert sum("twice" in notice for notice in config.notices) == 2


def test_no_directory_at_all_is_told() -> None:
    config = parse_ini("[gitsync]\nwork_dir = ; none yet\n", SOURCE)
    assert config.repos == ()
    assert "names no directory" in config.notices[1]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "/c/gitsync.cfg: there is no [gitsync] section with work_dir = DIR, DIR"),
        ("[gitsync]\n", "/c/gitsync.cfg: there is no [gitsync] section with work_dir"),
        ("work_dir = /a\n", "/c/gitsync.cfg:1: neither a section nor KEY = VALUE"),
        ("[gitsync]\nwork_dir = /a\n???\n", "/c/gitsync.cfg:3: neither a section nor KEY = VALUE"),
        ("[gitsync]\nwork_dir = /a\nwork_dir = /b\n", '/c/gitsync.cfg:3: key "work_dir" occurs twice'),
        ("[gitsync]\nwork_dir = /a\n[gitsync]\n", '/c/gitsync.cfg:3: section "gitsync" occurs twice'),
        ('[gitsync]\nwork_dir = "/a\n', '/c/gitsync.cfg:2: key work_dir: has an unterminated quote "'),
        ("[gitsync]\nwork_dir = a, b\n", '/c/gitsync.cfg:2: key work_dir: "a" is not a path; allowed: one that begins'),
        ("[gitsync]\nwork_dir = ~nobody-of-that-name/x\n", '"~nobody-of-that-name/x" is not a path'),
        ("[gitsync]\nwork_dir = /a\0b\n", '"/a\\x00b" is not a path'),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_ini(text, SOURCE)
    assert fault in caught.value.message
    assert all(line.isprintable() for line in caught.value.faults)


@pytest.mark.parametrize(
    ("text", "is_ini"),
    [
        ("[gitsync]\nwork_dir = /a", True),
        ("[x]\n[gitsync]\n\nWork_Dir: /a", True),
        ("work_dir = /a\n[gitsync]\n", False),
        ("[gitsync]\n", False),
        ("", False),
    ],
)
def test_it_is_known_by_its_section_and_key(text: str, is_ini: bool) -> None:
    assert looks_like_ini(text) is is_ini
