"""Repositories in and out of config.toml: nothing else in it changes, and nothing is written that does not load."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitsync.config.document import NEW_FILE, RepoRemoved, add_repo, remove_repo, set_value
from gitsync.config.load import load
from gitsync.errors import ConfigError, OperationError, UsageError
from tests.unit.config.conftest import MINE


def names(file: Path) -> list[str]:
    return [repo.name for repo in load(str(file)).repos]


# add_repo


def test_the_first_repository_makes_the_file(config_file: Path, home: Path) -> None:
    assert add_repo(config_file, home / "Notes", name=None, remote=None) == "Notes"
    assert config_file.read_text() == NEW_FILE + '\n[[repo]]\npath = "~/Notes"\n'
    assert [repo.path for repo in load().repos] == [home / "Notes"]


def test_one_more_is_put_at_the_end_and_nothing_else_changes(file: Path) -> None:
    assert add_repo(file, Path("/r/new"), name=None, remote="") == "new"
    assert file.read_text() == MINE + '\n[[repo]]\npath = "/r/new"\nremote = ""\n'


@pytest.mark.parametrize(
    ("before", "between"),
    [("# x", "\n\n"), ("# x\n", "\n"), ("# x\n\n", ""), ("", ""), ("# x\r\n", "\r\n"), ("\ufeff", "")],
)
def test_there_is_one_empty_line_between(config_file: Path, before: str, between: str) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_bytes(before.encode())
    add_repo(config_file, Path("/r/new"), name=None, remote=None)
    newline = "\r\n" if "\r" in before else "\n"
    assert config_file.read_bytes().decode() == f'{before}{between}[[repo]]{newline}path = "/r/new"{newline}'


def test_what_is_there_already_is_adopted(file: Path) -> None:
    assert add_repo(file, Path("/r/desk"), name=None, remote=None) == "office"
    assert add_repo(file, Path("/r/desk/../desk/"), name="office", remote=None) == "office"
    assert file.read_text() == MINE


def test_so_it_is_by_another_way_to_the_same_directory(config_file: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    add_repo(config_file, tmp_path / "real", name=None, remote=None)
    assert add_repo(config_file, tmp_path / "link", name=None, remote=None) == "real"


def test_adopting_sets_the_name_and_the_remote_that_are_given(file: Path) -> None:
    assert add_repo(file, Path("/r/notes"), name="diary", remote="backup") == "diary"
    changed = MINE.replace("pause a lot\n", 'pause a lot\nname = "diary"\nremote = "backup"\n')
    assert file.read_text() == changed


def test_a_name_that_is_taken_gets_a_number(file: Path) -> None:
    assert add_repo(file, Path("/other/notes"), name=None, remote=None) == "notes-2"
    assert add_repo(file, Path("/another/notes"), name=None, remote=None) == "notes-3"
    assert names(file) == ["notes", "office", "third", "notes-2", "notes-3"]


def test_a_name_that_was_asked_for_and_is_taken_is_an_error(file: Path) -> None:
    for root in (Path("/r/new"), Path("/r/desk")):
        with pytest.raises(UsageError, match='the name "notes" is taken') as caught:
            add_repo(file, root, name="notes", remote=None)
        assert "--name" in caught.value.hint
    assert file.read_text() == MINE


def test_the_mirrors_name_is_taken(config_file: Path) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text("[home]\n")
    assert add_repo(config_file, Path("/r/home"), name=None, remote=None) == "home-2"


@pytest.mark.parametrize("given", [{"name": "a/b"}, {"name": ""}, {"remote": "--x"}])
def test_a_name_or_remote_that_cannot_be_is_wrong_usage(file: Path, given: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="allowed"):
        add_repo(file, Path("/r/new"), name=given.get("name"), remote=given.get("remote"))
    assert file.read_text() == MINE


@pytest.mark.parametrize(
    "name", ["a b", "q\"uo'te", "$HOME", "back\\slash", "日本", "~", "tab\there", "del\x7f", "#x", "-x"]
)
def test_any_directory_can_be_added_and_removed(config_file: Path, tmp_path: Path, home: Path, name: str) -> None:
    for root in (home / name, tmp_path / name):
        chosen = add_repo(config_file, root, name=None, remote=None)
        (repo,) = load(str(config_file)).repos
        assert (repo.path, repo.name) == (root, chosen)
        assert remove_repo(config_file, str(root)) == RepoRemoved(chosen, root)
        assert load(str(config_file)).repos == ()


def test_a_directory_that_toml_cannot_name_is_an_error(file: Path) -> None:
    with pytest.raises(OperationError, match="is not UTF-8"):
        add_repo(file, Path(os.fsdecode(b"/r/\xff")), name=None, remote=None)


def test_lists_written_as_values_are_extended(config_file: Path) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text('# mine\nrepo = [{ path = "/r/a" }] # inline\n[daemon]\n')
    assert add_repo(config_file, Path("/r/b"), name=None, remote=None) == "b"
    assert names(config_file) == ["a", "b"]
    set_value(config_file, "repo.b.quiet", "9s")
    assert remove_repo(config_file, "a").name == "a"
    assert "# inline" in config_file.read_text()
    (left,) = load(str(config_file)).repos
    assert (left.name, left.quiet) == ("b", 9.0)


def test_a_file_with_faults_is_not_edited(file: Path) -> None:
    file.write_text(MINE + '\n[[repo]]\npath = "/x"\nmode = "no"\n')
    before = file.read_text()
    with pytest.raises(ConfigError, match="key mode"):
        add_repo(file, Path("/r/new"), name=None, remote=None)
    with pytest.raises(ConfigError, match="key mode"):
        set_value(file, "daemon.notify", "off")
    assert file.read_text() == before


@pytest.mark.parametrize("text", ["repo = 3\n", "repo = [3]\n", '[repo]\npath = "/x"\n', "x = \n"])
def test_neither_is_one_that_is_not_even_in_the_right_form(file: Path, text: str) -> None:
    file.write_text(text)
    for edit in (lambda: add_repo(file, Path("/r/new"), name=None, remote=None), lambda: remove_repo(file, "x")):
        with pytest.raises(ConfigError):
            edit()
    assert file.read_text() == text


def test_an_edit_may_mend_a_fault(file: Path) -> None:
    file.write_text(MINE + '\n[[repo]]\npath = "/x"\nmode = "no"\n')
    set_value(file, "repo.x.mode", "push")
    assert load(str(file)).repos[3].mode == "push"
    file.write_text(MINE + '\n[[repo]]\nname = "bad"\npath = "$NO_SUCH_THING/x"\n')
    assert remove_repo(file, "bad") == RepoRemoved("bad", Path("$NO_SUCH_THING/x"))
    assert names(file) == ["notes", "office", "third"]


# remove_repo


def test_an_entry_goes_and_the_comments_of_others_stay(file: Path) -> None:
    assert remove_repo(file, "notes") == RepoRemoved("notes", Path("/r/notes"))
    first = MINE.index("[[repo]]")
    assert file.read_text() == MINE[:first] + MINE[MINE.index("# The work one") :]


def test_an_entry_goes_by_its_directory_too(file: Path) -> None:
    assert remove_repo(file, "/r/desk/").name == "office"
    start = MINE.index("[[repo]]\n  path")
    assert file.read_text() == MINE[:start] + MINE[MINE.index("\n[daemon]") :]


def test_the_mirror_goes_by_its_name(config_file: Path) -> None:
    config_file.parent.mkdir(parents=True)
    mirror = '[home]\nrepo = "~/mirror"\n[home.conflict_paths]\n"*.a" = "ours"\n'
    config_file.write_text(f'# mine\n{mirror}\n[daemon]\nnotify = "off"\n')
    assert remove_repo(config_file, "home") == RepoRemoved("home", Path("~/mirror").expanduser())
    assert config_file.read_text() == '# mine\n\n[daemon]\nnotify = "off"\n'
    with pytest.raises(UsageError, match="is not watched"):
        remove_repo(config_file, "home")


def test_the_tables_of_an_entry_go_with_it(file: Path) -> None:
    remove_repo(file, "third")
    assert file.read_text() == MINE[: MINE.index('[[repo]]\npath = "/r/third"')] + "# the end\n"


@pytest.mark.parametrize("behind", ["", "\n", "\n[daemon]\n", "[daemon]\n", "\n\n"])
def test_comments_around_an_entry_stay(config_file: Path, behind: str) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text('# above\n[[repo]]\npath = "/r/a"\n# behind\n' + behind)
    remove_repo(config_file, "a")
    assert config_file.read_text() == "# above\n# behind\n" + behind


def test_a_relative_directory_and_a_home_directory_are_found(
    config_file: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    for which in ("Notes", "./Notes", "~/Notes"):
        add_repo(config_file, home / "Notes", name="n", remote=None)
        assert remove_repo(config_file, which).name == "n"


def test_the_last_one_leaves_an_empty_configuration(config_file: Path) -> None:
    add_repo(config_file, Path("/r/a"), name=None, remote=None)
    remove_repo(config_file, "a")
    assert config_file.read_text() == NEW_FILE + "\n"
    assert add_repo(config_file, Path("/r/a"), name=None, remote=None) == "a"


def test_what_is_not_watched_cannot_be_removed(file: Path) -> None:
    with pytest.raises(UsageError, match='"offic" is not watched; did you mean "office"'):
        remove_repo(file, "offic")
    assert file.read_text() == MINE
