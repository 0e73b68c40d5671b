"""The rows and the dataclasses are one declaration; these hold it against the contract and against itself."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from gitsync.config.literal import describe_defaults, toml_literal
from gitsync.config.options import SECTIONS, Config, DaemonConfig, HomeConfig, HooksConfig, JobConfig, RepoConfig
from gitsync.config.rows import Option, ValueKind, rows
from gitsync.config.values import allowed, convert, option, render

SHAPES = (RepoConfig, HomeConfig, JobConfig, DaemonConfig, HooksConfig)
ALL_ROWS = [
    pytest.param(row, id=f"{name}.{key}") for name, section in SECTIONS.items() for key, row in section.rows.items()
]
ALL_FIELDS = [
    pytest.param(shape, row, id=f"{shape.__name__}.{key}") for shape in SHAPES for key, row in rows(shape).items()
]

# What the reference promises: every key with its default, as it would be written.
CONTRACT = """
[[repo]]
path = "~/Notes"
name = "notes"
remotes = []
branch = ""
mode = "both"
quiet = "2s"
max_wait = "30s"
pull = "1m"
push = "5s"
notice = "auto"
presence = "auto"
unseen = "3d"
reconcile = "1h"
conflict = "keep-both"
conflict_paths = {}
stale_saves = "merge"
message = ""
granularity = "batch"
author = ""
include = []
exclude = []
max_file_size = "100MB"
warn_file_size = "10MB"
secrets = "quarantine"
verify = "off"
brake_deletes = 0.5
transport = "auto"
watch = "auto"

[home]
repo = "~/.local/share/gitsync/home"
link = "auto"
incoming = "ask"

[[job]]
name = "thesis"
backend = "git"
path = "~/thesis"
url = ""
remote = "origin"
mode = "both"
every = "1h"
branches = "all"
user = ""
options = []
max_deletes = 100

[daemon]
log_level = "info"
notify = "problems"
network_timeout = "60s"
on_battery = "sync"
metered = "sync"

[hooks]
after_commit = []
after_sync = []
on_conflict = []
on_error = []
"""

TYPES: dict[ValueKind, Any] = {
    ValueKind.TEXT: str,
    ValueKind.ADDRESS: str,
    ValueKind.PATH: Path,
    ValueKind.DURATION: float,
    ValueKind.SIZE: int,
    ValueKind.SHARE: float,
    ValueKind.INTEGER: int,
    ValueKind.BOOL: bool,
    ValueKind.CHOICE: str,
    ValueKind.TEXTS: tuple[str, ...],
    ValueKind.CHOICE_OR_TEXTS: str | tuple[str, ...],
    ValueKind.CHOICE_BY_GLOB: tuple[tuple[str, str], ...],
}


def test_keys_and_defaults_are_those_of_the_reference() -> None:
    promised = tomllib.loads(CONTRACT)
    for name, section in SECTIONS.items():
        if name == "defaults":
            assert section.rows.keys() == SECTIONS["repo"].rows.keys() - {"path", "name"}
            continue
        table = promised[name][0] if section.is_list else promised[name]
        shared = SECTIONS["defaults"].rows.keys() if name == "home" else {"remote"} if name == "repo" else set()
        # This one has no default that could be written: it is the host's name.
        own = {"machine"} if name == "daemon" else set()
        assert section.rows.keys() == table.keys() | shared | own
        for key, value in table.items():
            if not section.rows[key].is_required:
                assert section.rows[key].default == value, f"{name}.{key}"


@pytest.mark.parametrize("shape", SHAPES)
def test_each_field_is_an_option(shape: type) -> None:
    # What is made from options: a mirror's settings, whether `push` was left to gitsync, and the daemon's `machine`.
    made = {HomeConfig: {"settings"}, RepoConfig: {"is_push_prompt", "machine", "via"}}
    own = {field.name for field in dataclasses.fields(shape)} - made.get(shape, set())
    assert rows(shape).keys() == own
    assert all(row.key == key for key, row in rows(shape).items())


@pytest.mark.parametrize(("shape", "row"), ALL_FIELDS)
def test_the_fields_type_is_that_of_its_row(shape: type, row: Option) -> None:
    expected = TYPES[row.kind]
    if row.can_be_off or (row.default is None and not row.is_required):
        expected = expected | None
    assert get_type_hints(shape)[row.key] == expected


@pytest.mark.parametrize(("shape", "row"), ALL_FIELDS)
def test_the_fields_default_is_the_documented_one(shape: type, row: Option) -> None:
    field = next(field for field in dataclasses.fields(shape) if field.name == row.key)
    if row.is_required or row.kind is ValueKind.PATH:
        assert field.default is dataclasses.MISSING
    else:
        assert field.default == (None if row.default is None else convert(row, row.default))


@pytest.mark.parametrize("row", ALL_ROWS)
def test_each_row_is_whole(row: Option) -> None:
    assert row.doc.endswith(".")
    assert row.doc[0].isupper()
    assert allowed(row)
    assert bool(row.choices) == (row.kind in (ValueKind.CHOICE, ValueKind.CHOICE_OR_TEXTS, ValueKind.CHOICE_BY_GLOB))
    convert(row, row.example)
    assert row.default is None or render(row, convert(row, row.default)) in (row.default, "1m")
    assert row.default is not None or row.absent or row.key == "path"


ANYTHING: list[Any] = [None, b"x", 1, 1.5, True, "", "\0", "x" * 5000, [], [1], [""], ["\0"], {}, {"a": 1}, {"": "x"}]


@pytest.mark.parametrize("row", ALL_ROWS)
def test_any_value_is_taken_or_refused_with_what_is_allowed(row: Option) -> None:
    refused = [raw for raw in ANYTHING if not _is_taken(row, raw)]
    assert None in refused
    for raw in refused:
        with pytest.raises(ValueError, match="allowed") as caught:
            convert(row, raw)
        assert len(str(caught.value)) < 1000


def _is_taken(row: Option, raw: Any) -> bool:
    try:
        value = convert(row, raw)
    except ValueError:
        return False
    assert convert(row, render(row, value)) == value
    return True


@pytest.mark.parametrize(("raw", "is_good"), [(True, True), (False, True), (1, False), ("true", False)])
def test_a_truth_value_is_true_or_false(raw: object, is_good: bool) -> None:
    row = Option("x", ValueKind.BOOL, True, "Doc.", True)
    if is_good:
        assert convert(row, raw) is raw
    else:
        with pytest.raises(ValueError, match="true, false"):
            convert(row, raw)


def test_the_dataclasses_are_frozen_values() -> None:
    one = RepoConfig(name="a", path=Path("/a"))
    assert one == RepoConfig(name="a", path=Path("/a"))
    assert hash(one)
    assert not hasattr(one, "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "b"  # type: ignore[misc] # that is what is tested
    assert hash(Config(repos=(one,)))


def test_a_required_field_has_to_be_given() -> None:
    with pytest.raises(TypeError, match="path"):
        RepoConfig(name="a")


def test_a_default_that_is_out_of_its_own_range_does_not_get_far() -> None:
    with pytest.raises(ValueError, match="allowed"):
        option(ValueKind.DURATION, "1s", "Doc.", example="1s", low=5, high=9)


def test_the_defaults_can_be_described() -> None:
    assert describe_defaults()["defaults"]["quiet"] == "2s"
    assert describe_defaults()["daemon"] == {
        "log_level": "info",
        "notify": "problems",
        "machine": None,
        "network_timeout": "60s",
        "on_battery": "sync",
        "metered": "sync",
    }


@pytest.mark.parametrize(
    "value", ['a"b\\c\n\t\x7f\x01é€😀', ["a", "b"], {"*.log": "x", "é": 'y"'}, {}, [], 0.5, 3, True, False, ""]
)
def test_literals_are_toml(value: object) -> None:
    assert tomllib.loads(f"x = {toml_literal(value)}") == {"x": value}
