"""Properties of reading a configuration: no text does anything but load, or be refused with its faults."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitsync.config.legacy.gitsync_ini import parse_ini, work_dirs
from gitsync.config.literal import toml_key, toml_literal
from gitsync.config.load import load, parse
from gitsync.config.options import SECTIONS, Config
from gitsync.errors import ConfigError

pytestmark = pytest.mark.slow

SOURCE = Path("/c/config.toml")
TEXT = st.text(st.characters(codec="utf-8"), max_size=30)

# No deadlines: these run beside others on slow machines.
MANY = settings(deadline=None, max_examples=200)
SOME = settings(deadline=None, max_examples=50)

FRAGMENTS = st.sampled_from(
    [
        "[[repo]]",
        "[repo]",
        "[defaults]",
        "[home]",
        "[[job]]",
        "[daemon]",
        "[hooks]",
        "[gitsync]",
        "[x.y]",
        "[[repo.x]]",
        'path = "/a"',
        'path = "~x/$Y"',
        'name = "n"',
        'quiet = "1s"',
        "quiet = 1",
        'max_wait = "0s"',
        "work_dir = /a, /b",
        'exclude = ["a",',
        "]",
        '"""',
        "'''",
        "repo = []",
        "repo = [1]",
        "home = 1",
        "# x",
        "a.b = 1",
        "path = nan",
        "\r",
        'conflict_paths = { "a" = "ours" }',
        'url = "x"',
        'backend = "rsync"',
        "1979-05-27",
        '"" = 1',
        "\ufeff",
        "\0",
        "=",
        "[",
    ]
)


@MANY
@given(TEXT | st.lists(FRAGMENTS | TEXT, max_size=12).map("\n".join))
@example("[" * 100_000)
@example("x = " + "{a=" * 20_000)
@example("x = " + "9" * 10_000)
@example("x = 1e" + "9" * 400)
@example("[gitsync]\nwork_dir = " + "\"'" * 50)
def test_any_text_is_a_configuration_or_a_configuration_error(text: str) -> None:
    for read in (parse, parse_ini):
        try:
            assert isinstance(read(text, SOURCE), Config)
        except ConfigError as error:
            assert error.faults  # noqa: PT017 - both ends are right, and each has its property
            for fault in error.faults:
                assert fault.startswith(str(SOURCE))
                assert "\n" not in fault
                assert "\x1b" not in fault


LEAVES = (
    TEXT | st.integers(-(2**63), 2**63) | st.booleans() | st.floats() | st.sampled_from(["1s", "off", "/a", "both"])
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2))
KEYS = st.sampled_from(sorted({key for section in SECTIONS.values() for key in section.rows}))
TABLES = st.dictionaries(KEYS | TEXT, VALUES, max_size=4)
FILES = st.dictionaries(
    st.sampled_from(sorted(SECTIONS)) | TEXT, TABLES | st.lists(TABLES, max_size=3) | VALUES, max_size=4
)


@MANY
@given(FILES)
def test_any_values_in_any_place_are_a_configuration_or_a_configuration_error(made: dict[str, Any]) -> None:
    text = "\n".join(f"{toml_key(name)} = {toml_literal(value)}" for name, value in made.items())
    try:
        assert isinstance(parse(text, SOURCE), Config)
    except ConfigError as error:
        assert error.faults  # noqa: PT017 - both ends are right, and each has its property


@SOME
@given(st.binary(max_size=60))
def test_any_file_is_a_configuration_or_a_configuration_error(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(data)
        file.flush()
        try:
            assert isinstance(load(file.name), Config)
        except ConfigError as error:
            assert error.faults  # noqa: PT017 - both ends are right, and each has its property


@SOME
@given(st.lists(st.from_regex(r"/[A-Za-z0-9 ,'%é-]{1,10}", fullmatch=True), min_size=1, max_size=5))
def test_quoted_directories_of_an_ini_are_read_back(dirs: list[str]) -> None:
    assert work_dirs(", ".join(f'"{each}"' for each in dirs)) == dirs
