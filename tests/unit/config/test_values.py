"""`config get` and `config set`: the value that is in force, and one that is changed where it stands."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gitsync.config.document import add_repo, get, set_value
from gitsync.errors import ConfigError, UsageError
from tests.unit.config.conftest import MINE


def test_a_value_is_replaced_where_it_stands(file: Path) -> None:
    set_value(file, "repo.notes.quiet", "7s")
    assert file.read_text() == MINE.replace("'5s'", '"7s"')


def test_a_new_key_goes_behind_the_last_one_of_its_table(file: Path) -> None:
    set_value(file, "repo.notes.mode", "push")
    set_value(file, "repo.office.mode", "push")
    set_value(file, "daemon.notify", "off")
    set_value(file, "repo.third.mode", "push")
    changed = MINE.replace("pause a lot\n", 'pause a lot\nmode = "push"\n')
    changed = changed.replace('  push = "off"\n', '  push = "off"\n  mode = "push"\n')
    changed = changed.replace('log_level = "info"\n', 'log_level = "info"\nnotify = "off"\n')
    changed = changed.replace('"/r/third"\n', '"/r/third"\nmode = "push"\n')
    assert file.read_text() == changed


def test_a_new_table_goes_to_the_end(file: Path) -> None:
    set_value(file, "defaults.quiet", "9s")
    set_value(file, "hooks.on_error", "beep")
    assert file.read_text() == MINE + '\n[defaults]\nquiet = "9s"\n\n[hooks]\non_error = ["beep"]\n'


@pytest.mark.parametrize(
    ("before", "key", "value"),
    [
        ('defaults.quiet = "1s" # why\n', "defaults.quiet", "9s"),
        ('defaults.mode = "push" # why\n', "defaults.quiet", "9s"),
        ('defaults = { quiet = "1s" } # why\n', "defaults.quiet", "9s"),
        ('defaults = { mode = "push" } # why\n', "defaults.quiet", "9s"),
        ('# why\n[defaults]\n"quiet" = """1s"""', "defaults.quiet", "9s"),
        ("# why\n[defaults]", "defaults.quiet", "9s"),
        ("# why\n[defaults]\nexclude = [\n  'a', # first\n]\n", "defaults.exclude", '["b"]'),
        ('# why\n[defaults]\n[defaults.conflict_paths]\n"a" = "ours"\n', "defaults.conflict_paths", '{ b = "ours" }'),
    ],
)
def test_a_value_is_set_however_the_file_is_written(config_file: Path, before: str, key: str, value: str) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text(before)
    set_value(config_file, key, value)
    assert get(config_file, key) == (tomllib.loads(f"x = {value}")["x"] if value[0] in "[{" else value)
    assert "# why" in config_file.read_text()
    expected = tomllib.loads(before)
    expected["defaults"][key.partition(".")[2]] = get(config_file, key)
    assert tomllib.loads(config_file.read_text()) == expected


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("defaults.push", "off", "off"),
        ("defaults.quiet", "90s", "90s"),
        ("defaults.quiet", "60s", "1m"),
        ("defaults.max_file_size", "1GiB", "1GiB"),
        ("defaults.brake_deletes", "0.25", 0.25),
        ("defaults.brake_deletes", "1", 1.0),
        ("defaults.exclude", '["*.o", "b"]', ["*.o", "b"]),
        ("defaults.exclude", "*.o", ["*.o"]),
        ("defaults.exclude", "", []),
        ("defaults.conflict_paths", '{ "*.log" = "theirs" }', {"*.log": "theirs"}),
        ("defaults.message", 'a "b" \\ {count}\n# c', 'a "b" \\ {count}\n# c'),
        ("defaults.author", "Ada <ada@example.org>", "Ada <ada@example.org>"),
        ("defaults.remote", "", ""),
        ("home.link", "copy", "copy"),
        ("home.repo", "~/mirror", "~/mirror"),
        ("home.quiet", "9s", "9s"),
        ("repo.office.name", "desk", None),
        ("daemon.network_timeout", "500ms", "500ms"),
        ("hooks.after_commit", "notify-send 'done, $X'", ["notify-send 'done, $X'"]),
    ],
)
def test_every_kind_of_value_can_be_set_and_got(file: Path, key: str, text: str, value: object) -> None:
    if "quiet" in key:
        set_value(file, key.replace("quiet", "max_wait"), "2m")
    set_value(file, key, text)
    assert get(file, key if value is not None else "repo.desk.name") == (value if value is not None else "desk")


@pytest.mark.parametrize(
    ("key", "text", "fault"),
    [
        ("defaults.quiet", "soon", 'defaults.quiet: cannot be "soon"; allowed: a duration, as'),
        ("defaults.quiet", "2", "allowed: a duration"),
        ("defaults.brake_deletes", "half", "allowed: a number from 0.0 to 1.0"),
        ("defaults.mode", "Push", 'did you mean "push"?'),
        ("defaults.exclude", '["a"', "is not valid TOML"),
        ("defaults.exclude", '["a"]\nx = 1', "is more than one value"),
        ("defaults.conflict_paths", "x", "is not valid TOML"),
        ("defaults.name", "x", 'unknown key "defaults.name"'),
        ("defaults.quite", "2s", 'did you mean "quiet"?'),
        ("default.quiet", "2s", 'did you mean "defaults"?'),
        ("defaults", "2s", 'unknown key "defaults"'),
        ("repo.nots.quiet", "2s", 'there is no [[repo]] "nots"; did you mean "notes"?'),
        ("repo.quiet", "2s", 'there is no [[repo]] ""'),
        ("job.x.every", "2s", 'there is no [[job]] "x"'),
        ("", "2s", 'unknown key ""'),
        ("...", "2s", "unknown key"),
    ],
)
def test_what_cannot_be_set_is_told_and_nothing_is_written(file: Path, key: str, text: str, fault: str) -> None:
    with pytest.raises(UsageError) as caught:
        set_value(file, key, text)
    assert fault in caught.value.message
    assert file.read_text() == MINE


def test_a_value_that_goes_ill_with_another_is_not_written(file: Path) -> None:
    with pytest.raises(ConfigError, match="is shorter than quiet"):
        set_value(file, "repo.notes.max_wait", "1s")
    with pytest.raises(ConfigError, match="is also the name of"):
        set_value(file, "repo.notes.name", "office")
    assert file.read_text() == MINE


def test_get_gives_what_is_in_force(file: Path, home: Path) -> None:
    file.write_text(MINE + '[defaults]\npull = "2m"\n')
    assert get(file, "repo.notes.quiet") == "5s"
    assert get(file, "repo.notes.pull") == "2m"
    assert get(file, "repo.notes.push") == "5s"
    assert get(file, "repo.third.conflict_paths") == {"*.log": "theirs"}
    assert get(file, "repo.notes.remote") is None
    assert get(file, "defaults.pull") == "2m"
    assert get(file, "defaults.quiet") == "2s"
    assert get(file, "home.pull") == "2m"
    assert get(file, "home.repo") == "~/.local/share/gitsync/home"
    assert get(file, "daemon") == {
        "log_level": "info",
        "notify": "problems",
        "network_timeout": "1m",
        "machine": None,
        "on_battery": "sync",
        "metered": "sync",
    }
    whole = get(file, "repo.office")
    assert isinstance(whole, dict)
    assert (whole["name"], whole["path"], whole["push"]) == ("office", "/r/desk", "off")
    every = get(file, "repo")
    assert isinstance(every, dict)
    assert list(every) == ["notes", "office", "third"]
    with pytest.raises(UsageError, match='did you mean "quiet"'):
        get(file, "repo.notes.quite")


def test_get_works_without_any_file(config_file: Path) -> None:
    assert get(config_file, "defaults.quiet", system_ini=Path("/nonexistent")) == "2s"
    assert get(config_file, "hooks.on_error", system_ini=Path("/nonexistent")) == []


def test_a_name_may_have_dots(file: Path) -> None:
    add_repo(file, Path("/r/v1.2"), name=None, remote=None)
    set_value(file, "repo.v1.2.quiet", "9s")
    assert get(file, "repo.v1.2.quiet") == "9s"
