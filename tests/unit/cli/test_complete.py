"""What may come next on a command line, without a shell and without a daemon."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gitsync.cli import shells
from gitsync.cli.complete import DIRECTORIES, FILES, NOTHING, choices
from gitsync.cli.output import Output
from gitsync.control.commands import BY_NAME, COMMANDS
from gitsync.control.table import FLAG, TEXT, Command, Parameter
from tests.conftest import Git


@pytest.fixture(autouse=True)
def quiet_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No daemon, and a configuration that names two repositories and a job."""
    file = tmp_path / "config.toml"
    file.write_text('[[repo]]\npath = "~/Notes"\n[[repo]]\npath = "/x"\nname = "papers"\n[[job]]\nname = "thesis"\n')
    monkeypatch.setenv("GITSYNC_CONFIG", str(file))
    monkeypatch.setenv("GITSYNC_SOCKET", str(tmp_path / "nobody"))
    return file


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that takes a revision, whatever the table has."""
    command = Command("show-it", "x", Parameter("rev", TEXT, metavar="REV[:PATH]", help="a revision"), epilog="")
    monkeypatch.setitem(BY_NAME, "show-it", command)


def words(*before: str, current: str = "") -> set[str]:
    return {word for word, _ in choices(list(before), current).beginning(current)}


def test_a_command_comes_first() -> None:
    assert words() == {command.name for command in COMMANDS} | {"help"}
    assert words(current="sta") == {"status"}
    assert words("help", current="sta") == {"status"}
    assert words("--json", "--config", "status", current="sta") == {"status"}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_offers_its_options(command: Command) -> None:
    flags = {flag for parameter in command.parameters for flag in parameter.flags}
    assert words(command.name, current="-") == flags | {"--config", "--socket", "--json", "--help"}


def test_repositories_and_jobs_come_from_the_configuration_while_no_daemon_answers(quiet_home: Path) -> None:
    assert words("status") == {"Notes", "papers", "thesis"}
    assert words("status", "Notes", current="p") == {"papers"}
    assert choices(["status"], "").more == DIRECTORIES
    quiet_home.write_text("[[repo]\n")
    assert words("status") == set()
    other = quiet_home.with_name("other.toml")
    other.write_text('[[repo]]\npath = "/other/"\n')
    assert words("--config", str(other), "status") == {"other"}


def test_choices_files_and_directories() -> None:
    assert words("config", current="ch") == {"check"}
    assert "defaults.quiet" in words("config", "get", current="defaults.q")
    assert words("config", "get", "defaults.quiet", "x") == set()
    assert choices(["watch"], "").more == DIRECTORIES
    assert choices(["--config"], "").more == FILES
    assert choices(["import", "--gitsync"], "").more == FILES
    assert choices(["watch", "--name"], "").more == NOTHING
    assert words("completion", current="b") == {"bash"}


def test_behind_two_dashes_there_are_no_options() -> None:
    assert words("status", "--", current="--") == set()


@pytest.mark.usefixtures("show")
def test_revisions_and_their_files(repo: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo / "sub").mkdir()
    (repo / "sub/b c.txt").write_text("x")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "second: it\tis")
    git(repo, "tag", "v1")
    monkeypatch.chdir(repo)
    short = git(repo, "rev-parse", "--short", "HEAD")
    assert words("show-it") >= {"HEAD", "main", "v1", short}
    assert words("show-it", current="HEAD:") == {"HEAD:a.txt", "HEAD:sub/"}
    assert words("show-it", current="HEAD:sub/b") == {"HEAD:sub/b c.txt"}
    monkeypatch.chdir("/")
    assert words("show-it") == {"HEAD"}


def answered(*argv: str) -> list[str]:
    stream = io.StringIO()
    shells.answer(list(argv), Output(stream, None))
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("gitsyncctl st", ["nothing", "status", "stop"]),
        ("gitsyncctl status No", ["nothing", "Notes"]),
        ("gitsyncctl status 'No", ["nothing", "Notes"]),
        ('gitsyncctl status "two words" p', ["nothing", "papers"]),
        ("gitsyncctl config ", ["nothing", "path", "check", "get", "set", "edit"]),
        ("gitsyncctl status No\\ ", ["nothing"]),
    ],
)
def test_bash_tells_the_line_up_to_the_cursor(line: str, told: list[str]) -> None:
    for whole in (line, line + " more"):
        assert [each.partition("\t")[0] for each in answered("bash", whole, str(len(line)))] == told


@pytest.mark.usefixtures("show")
def test_bash_hears_only_what_stands_behind_its_word_break(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo)
    line = "gitsyncctl show-it HEAD:a"
    assert answered("bash", line, str(len(line))) == ["nothing", "a.txt"]
    assert answered("fish", "show-it", "HEAD:a") == ["nothing", "HEAD:a.txt"]


def test_a_shell_that_asks_nonsense_gets_nothing_and_no_error() -> None:
    assert answered()[0] == "nothing"
    assert answered("bash", "x")[0] == "nothing"


def test_names_that_no_line_can_carry_are_left_out(
    quiet_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    quiet_home.write_text('[[repo]]\npath = "/x"\nname = "a\\nb"\n[[repo]]\npath = "/good"\n')
    assert answered("zsh", "status", "g") == ["nothing", "good\t/good"]


def test_the_question_is_no_option_that_a_person_sees() -> None:
    assert shells.QUESTION not in BY_NAME
    assert all(shells.QUESTION in script for script in shells.SCRIPTS.values())
    assert all(parameter.kind == FLAG or parameter.metavar for each in COMMANDS for parameter in each.parameters)


@pytest.fixture
def notes(repo: Path, git: Git, quiet_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A watched repository with a deleted file and one of two versions, as working directory."""
    (repo / "sub").mkdir()
    (repo / "sub/gone b.txt").write_text("x")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "add it")
    git(repo, "rm", "-q", "sub/gone b.txt")
    (repo / "a.txt").write_text("another\n")
    git(repo, "commit", "-qam", "second")
    quiet_home.write_text(f'[home]\nrepo = "/nowhere"\n[[repo]]\npath = "{repo}"\nname = "notes"\n')
    monkeypatch.chdir(repo)
    return repo


def test_restore_offers_what_is_deleted_and_the_versions_of_that_file(notes: Path, git: Git) -> None:
    assert choices(["restore"], "").words["sub/gone b.txt"] == "deleted"
    assert words("restore", current="notes:") == {"notes:a.txt", "notes:sub/gone b.txt"}
    assert words("restore", current="no") == {"notes:"}
    assert "sub/gone b.txt" not in words("restore", "sub/gone b.txt")
    found = choices(["restore", "a.txt", "--rev"], "").words
    assert list(found) == [git(notes, "rev-parse", "--short", rev) for rev in ("HEAD", "HEAD~2")]
    assert all(told.startswith("20") for told in found.values())
    assert found == choices(["restore", "notes:a.txt", "--rev"], "").words
    assert "yesterday" in words("restore", "a.txt", "--at")
    assert "home" in words("log", current="h")


def test_nothing_that_is_typed_already_is_offered_again_and_git_stays_hidden(notes: Path) -> None:
    (notes / ".gitignore").touch()
    assert answered("zsh", "add", ".g") == ["nothing", ".gitignore"]
    assert answered("fish", "add", "a.txt", "a") == ["nothing"]
    assert answered("fish", "add", "a") == ["nothing", "a.txt"]
    assert "--at" not in words("restore", "a.txt", "--at", "yesterday", current="-")
    assert words("status", "notes", current="n") == set()


def test_the_keys_of_each_repository_are_offered(notes: Path) -> None:
    assert "repo.notes.quiet" in words("config", "get", current="repo.")
    assert words("config", "check") == set()
