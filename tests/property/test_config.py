"""Properties of the configuration: what is written is read back, and an edit changes what it should."""

from __future__ import annotations

import os
import string
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitsync.config.document import add_repo, get, remove_repo, set_value
from gitsync.config.expand import expand_path, shorten_path
from gitsync.config.lines import locate
from gitsync.config.literal import toml_literal, toml_table
from gitsync.config.load import parse
from gitsync.config.options import SECTIONS
from gitsync.config.rows import Option, ValueKind, rows
from gitsync.config.values import convert, render
from gitsync.core.units import format_duration, format_size, parse_duration, parse_size

SOURCE = Path("/c/config.toml")

# No deadlines: these run beside others on slow machines.
SOME = settings(deadline=None, max_examples=50)
FEW = settings(deadline=None, max_examples=25)

# Text as a UTF-8 file can hold it.
TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
WORDS = st.text(string.ascii_letters + string.digits + "_-é日", min_size=1, max_size=8)
PATTERNS = st.builds("{}{}".format, WORDS, st.sampled_from(["", "/", ".log", "/**", "*"]))


def values_for(row: Option) -> st.SearchStrategy[Any]:
    """Values of a row, as they stand in a file, that are right."""
    off = st.just("off") if row.can_be_off else st.nothing()
    match row.kind:
        case ValueKind.TEXT if row.key in ("author", "user"):
            return st.sampled_from(["", "Ada <ada@example.org>"])
        case ValueKind.TEXT if row.key == "message":
            return st.sampled_from(["", "{summary}", "a\n{count} 'x' \"y\" \\"])
        case ValueKind.TEXT | ValueKind.ADDRESS:
            return WORDS.filter(lambda word: not word.startswith("-"))
        case ValueKind.PATH:
            return st.builds("/r/{}".format, WORDS)
        case ValueKind.DURATION:
            milliseconds = st.integers(int((row.low or 0) * 1000), int((row.high or 0) * 1000))
            return milliseconds.map(lambda number: format_duration(number / 1000)) | off
        case ValueKind.SIZE:
            return st.integers(1, 2**50).map(format_size) | off
        case ValueKind.SHARE:
            return st.floats(0, 1)
        case ValueKind.INTEGER:
            return st.integers(int(row.low or 0), int(row.high or 0))
        case ValueKind.BOOL:
            return st.booleans()
        case ValueKind.CHOICE:
            return st.sampled_from(row.choices)
        case ValueKind.TEXTS if row.key == "remotes":
            return st.lists(WORDS.filter(lambda word: word[0] != "-"), max_size=3, unique=True)
        case ValueKind.TEXTS:
            return st.lists(PATTERNS, max_size=3)
        case ValueKind.CHOICE_OR_TEXTS:
            return st.sampled_from(row.choices) | st.lists(WORDS.filter(lambda word: word[0] != "-"), max_size=3)
        case ValueKind.CHOICE_BY_GLOB:
            return st.dictionaries(PATTERNS, st.sampled_from(row.choices), max_size=3)


def tables_for(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Tables of a section with some of its keys, all of them right."""
    section = SECTIONS[name]
    skip = {"max_wait", "quiet", "name", "path"}
    some = {key: values_for(row) for key, row in section.rows.items() if key not in skip}
    # Unison and rsync need an address; they are not what this is about.
    some |= {"backend": st.just("git")} if name == "job" else {}
    return st.fixed_dictionaries({}, optional=some).map(_with_one_of_remotes)


def _with_one_of_remotes(table: dict[str, Any]) -> dict[str, Any]:
    """Leave out what cannot be used together."""
    return {key: value for key, value in table.items() if key != "remotes" or "remote" not in table}


WORDS_AS_NAME = WORDS.filter(lambda word: not word.startswith("-"))


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """A whole configuration without a fault, as tables."""
    made: dict[str, Any] = {}
    for name, section in SECTIONS.items():
        if not section.is_list:
            if draw(st.booleans()):
                made[name] = draw(tables_for(name))
            continue
        words = draw(st.lists(WORDS_AS_NAME, unique=True, max_size=3))
        made[name] = [{"path": f"/{name}/{word}", "name": f"n-{word}", **draw(tables_for(name))} for word in words]
    for table in (*made["repo"], made.get("home", {}), made.get("defaults", {})):
        if table and draw(st.booleans()):
            quiet, wait = sorted(draw(st.lists(st.integers(0, 86_400_000), min_size=2, max_size=2)))
            table["quiet"], table["max_wait"] = format_duration(quiet / 1000), format_duration(wait / 1000)
    return made


def as_toml(made: dict[str, Any]) -> str:
    parts = []
    for name, tables in made.items():
        for table in tables if SECTIONS[name].is_list else [tables]:
            parts.append(toml_table(SECTIONS[name].header, table))
    return "\n".join(parts)


@SOME
@given(st.integers(0, 36_500 * 86_400_000))
def test_durations_survive_being_written(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@SOME
@given(st.integers(0, 1024**5))
def test_sizes_survive_being_written(size: int) -> None:
    assert parse_size(format_size(size)) == size


@SOME
@given(TEXT)
@example("9" * 5000)
@example("1." + "0" * 5000 + "s")
def test_a_quantity_is_read_or_refused(text: str) -> None:
    for parse_one, write in ((parse_duration, format_duration), (parse_size, format_size)):
        try:
            value = parse_one(text)
        except ValueError as error:
            assert "allowed" in str(error)  # noqa: PT017 - both ends are right, and each has its property
        else:
            assert parse_one(write(value)) == value  # type: ignore[arg-type] # the pairs go together


LEAVES = TEXT | st.integers(-(2**60), 2**60) | st.booleans() | st.floats(allow_nan=False)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))


@SOME
@given(VALUES)
def test_literals_survive_being_read(value: Any) -> None:
    assert tomllib.loads(f"x = {toml_literal(value)}") == {"x": value}


@SOME
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=40))
@example("$HOME")
@example("~")
@example("$$")
@example("${")
def test_paths_survive_being_written(name: str) -> None:
    for path in (Path("/") / name, Path(os.environ["HOME"]) / name, Path(os.environ["HOME"] + name)):
        if ".." not in path.parts:
            assert expand_path(shorten_path(path)) == path


def _shared_with(shared: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """Return the defaults that hold beside a table: one that names its remotes takes none of theirs."""
    is_own = "remote" in table or "remotes" in table
    return {key: value for key, value in shared.items() if not (is_own and key in ("remote", "remotes"))}


@pytest.mark.slow
@SOME
@given(files())
def test_a_file_without_faults_loads_to_what_it_says(made: dict[str, Any]) -> None:
    made = {name: made[name] for name in made if made[name] or name == "home"}
    config = parse(as_toml(made), SOURCE)
    shared = made.get("defaults", {})
    assert [repo.name for repo in config.repos] == [table["name"] for table in made.get("repo", [])]
    pairs: list[tuple[Any, dict[str, Any], str]] = [
        (repo, {**_shared_with(shared, table), **table}, "repo")
        for repo, table in zip(config.repos, made.get("repo", []), strict=True)
    ]
    pairs += [(job, table, "job") for job, table in zip(config.jobs, made.get("job", []), strict=True)]
    pairs += [(config.daemon, made.get("daemon", {}), "daemon"), (config.hooks, made.get("hooks", {}), "hooks")]
    for value, table, name in pairs:
        for key, row in SECTIONS[name].rows.items():
            if key in table:
                assert getattr(value, key) == convert(row, table[key])
            elif row.default is not None and key != "max_wait":
                assert getattr(value, key) == convert(row, row.default)
        # What the program holds can be written again, and means the same then.
        for key, row in rows(type(value)).items():
            if getattr(value, key) is not None or row.can_be_off:
                assert convert(row, render(row, getattr(value, key))) == getattr(value, key)


@pytest.mark.slow
@SOME
@given(files())
def test_every_key_is_found_in_its_line(made: dict[str, Any]) -> None:
    text = as_toml(made)
    lines = text.split("\n")
    spans = locate(text)
    for name, tables in made.items():
        section = SECTIONS[name]
        for number, table in enumerate(tables if section.is_list else [tables]):
            where = (name, number) if section.is_list else (name,)
            assert lines[spans[where].first - 1] == section.header
            for key in table:
                assert lines[spans[(*where, key)].first - 1].startswith(f"{key} = ")


EDITS = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "defaults.quiet", "repo.quiet", "daemon.notify"]), st.integers(0, 3)),
    max_size=8,
)


@pytest.mark.slow
@FEW
@given(files(), EDITS, st.sampled_from(["", "# a comment of mine\n"]))
def test_edits_change_what_they_should_and_keep_everything_else(
    made: dict[str, Any], edits: list[tuple[str, int]], comment: str
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "config.toml")
        file.write_text(comment + as_toml(made) + comment)
        for edit, number in edits:
            before = tomllib.loads(file.read_text())
            _one_edit(file, edit, number, before)
            parse(file.read_text(), file)
        assert file.read_text().count("# a comment of mine") == 2 * bool(comment)


def _one_edit(file: Path, edit: str, number: int, before: dict[str, Any]) -> None:
    repos = before.get("repo", [])
    if edit == "add":
        add_repo(file, Path(f"/new/{number}"), name=None, remote=None)
        after = tomllib.loads(file.read_text())
        known = any(repo["path"] == f"/new/{number}" for repo in repos)
        assert after == (before if known else {**before, "repo": [*repos, after["repo"][-1]]})
    elif edit == "remove" and number < len(repos):
        remove_repo(file, repos[number]["path"])
        left = repos[:number] + repos[number + 1 :]
        rest = {key: value for key, value in before.items() if key != "repo"}
        assert tomllib.loads(file.read_text()) == ({**rest, "repo": left} if left else rest)
    elif edit == "repo.quiet" and number < len(repos):
        name = repos[number].get("name", Path(repos[number]["path"]).name)
        _set(file, f"repo.{name}.max_wait", "1d")
        _set(file, f"repo.{name}.quiet", "3s")
    elif edit == "daemon.notify":
        _set(file, "daemon.notify", "all")


def _set(file: Path, key: str, value: str) -> None:
    set_value(file, key, value)
    assert get(file, key) == value
