from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitsync.config.load import check_paths, load, parse
from gitsync.config.options import Config, RepoConfig
from gitsync.config.source import SIZE_MAX
from gitsync.errors import ConfigError
from tests.conftest import Git

SOURCE = Path("/c/config.toml")


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def fault_of(option: str | None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(option, system_ini=Path("/nonexistent"))
    assert len(caught.value.faults) == 1
    return caught.value.faults[0]


def only_repo(text: str) -> RepoConfig:
    (repo,) = parse(text, SOURCE).repos
    return repo


# Which file


def test_without_any_file_the_configuration_is_empty_and_says_where_was_looked(
    config_file: Path, tmp_path: Path
) -> None:
    config = load(system_ini=tmp_path / "gitsync.cfg")
    assert (config.repos, config.home, config.jobs, config.source) == ((), None, (), None)
    for place in (config_file, config_file.parent, tmp_path / "gitsync.cfg"):
        assert str(place) in config.notices[0]


def test_the_users_file_is_found(config_file: Path) -> None:
    write(config_file, '[[repo]]\npath = "~/Notes"\n')
    config = load()
    assert config.source == config_file
    assert config.repos == (RepoConfig(name="Notes", path=Path(os.environ["HOME"], "Notes")),)
    assert config.notices == ()


def test_the_option_comes_before_the_variable_before_the_users_file(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config_file, "")
    monkeypatch.setenv("GITSYNC_CONFIG", str(write(tmp_path / "variable.toml", "")))
    assert load().source == tmp_path / "variable.toml"
    assert load(str(write(tmp_path / "option.toml", ""))).source == tmp_path / "option.toml"


def test_a_named_file_has_to_exist_even_when_another_would_do(config_file: Path, tmp_path: Path) -> None:
    write(config_file, "")
    assert fault_of(str(tmp_path / "no.toml")).endswith("no.toml: cannot read the configuration: no such file")


def test_so_does_one_that_the_variable_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITSYNC_CONFIG", str(tmp_path / "no.toml"))
    assert "no such file" in fault_of(None)


def test_gitsyncs_ini_is_read_where_the_directory_would_be(config_file: Path, tmp_path: Path) -> None:
    ini = write(config_file.parent, "[gitsync]\nwork_dir = /a, /b\n")
    config = load(system_ini=write(tmp_path / "gitsync.cfg", "[gitsync]\nwork_dir = /c\n"))
    assert [str(repo.path) for repo in config.repos] == ["/a", "/b"]
    assert config.source == ini


def test_gitsyncs_ini_is_read_in_dot_config_wherever_else_configurations_are(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    write(home / ".config" / "gitsync", "[gitsync]\nwork_dir = /a\n")
    assert [repo.name for repo in load(system_ini=Path("/nonexistent")).repos] == ["a"]


def test_the_systems_ini_is_read_when_the_user_has_nothing(config_file: Path, tmp_path: Path) -> None:
    ini = write(tmp_path / "gitsync.cfg", "[gitsync]\nwork_dir = /c\n")
    assert [repo.name for repo in load(system_ini=ini).repos] == ["c"]
    write(config_file, "")
    assert load(system_ini=ini).repos == ()


def test_a_plain_file_in_gitsyncs_place_that_is_none_is_a_fault(config_file: Path) -> None:
    write(config_file.parent, "hello\n")
    assert fault_of(None) == f"{config_file.parent}:1: neither a section nor KEY = VALUE"


def test_a_named_ini_is_read_as_one(tmp_path: Path) -> None:
    assert [repo.name for repo in load(str(write(tmp_path / "x.cfg", "[gitsync]\nwork_dir = /a /b\n"))).repos] == [
        "a",
        "b",
    ]


def test_a_named_ini_that_happens_to_be_toml_is_read_as_one(tmp_path: Path) -> None:
    config = load(str(write(tmp_path / "x.cfg", '[gitsync]\nwork_dir = "/a"\n')))
    assert [(repo.name, repo.granularity) for repo in config.repos] == [("a", "file")]


# Files that cannot be read


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    assert "it is a directory" in fault_of(str(tmp_path))


def test_a_directory_in_place_of_the_users_file_is_not_passed_over(config_file: Path) -> None:
    config_file.mkdir(parents=True)
    assert "it is a directory" in fault_of(None)


def test_a_link_that_leads_nowhere_is_not_passed_over(config_file: Path) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.symlink_to("gone.toml")
    assert "no such file" in fault_of(None)


def test_a_fifo_does_not_hold_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert "not a regular file" in fault_of(str(tmp_path / "fifo"))


def test_what_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    file = write(tmp_path / "c.toml", b'[daemon]\nlog_level = "\xff"\n')
    assert fault_of(str(file)) == f"{file}:2: not UTF-8 text: invalid byte 0xff"


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    assert "larger than 1024 KiB" in fault_of(str(write(tmp_path / "c.toml", b"#" * (SIZE_MAX + 1))))
    assert load(str(write(tmp_path / "c.toml", b"#" * SIZE_MAX))).repos == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    write(tmp_path / "c.toml", "").chmod(0)
    assert "Permission denied" in fault_of(str(tmp_path / "c.toml"))


@pytest.mark.parametrize("option", ["/a\0b", "~nobody-of-that-name/x", "/" + "x" * 300, "/dev/full/x"])
def test_a_name_that_cannot_be_a_file_is_told(option: str) -> None:
    assert fault_of(option).isprintable()


def test_an_empty_device_is_an_empty_configuration() -> None:
    assert load("/dev/null").repos == ()


def test_a_byte_order_mark_and_carriage_returns_are_nothing_special(tmp_path: Path) -> None:
    file = write(tmp_path / "c.toml", b'\xef\xbb\xbf[[repo]]\r\npath = "/a"\r\nmode = "x"\r\n')
    assert fault_of(str(file)).startswith(f'{file}:3: [[repo]] "a": key mode')


# What a file means


def test_a_repository_has_the_defaults_of_the_file_and_its_own() -> None:
    repo = only_repo('[defaults]\nquiet = "3s"\npush = "off"\n[[repo]]\npath = "/a"\npush = "1m"\n')
    assert repo == RepoConfig(name="a", path=Path("/a"), quiet=3.0, push=60.0, is_push_prompt=False)


def test_defaults_may_stand_behind_the_repositories() -> None:
    assert only_repo('[[repo]]\npath = "/a"\n[defaults]\nquiet = "3s"\n').quiet == 3.0


def test_off_is_none_and_no_remote_is_not_an_empty_one() -> None:
    repo = only_repo('[[repo]]\npath = "/a"\npull = "off"\npush = "off"\nreconcile = "off"\nmax_file_size = "off"\n')
    assert (repo.pull, repo.push, repo.reconcile, repo.max_file_size, repo.remote) == (None, None, None, None, None)
    assert only_repo('[[repo]]\npath = "/a"\nremote = ""\n').remote == ""


def test_a_longer_quiet_takes_max_wait_with_it_when_nobody_set_that() -> None:
    assert only_repo('[[repo]]\npath = "/a"\nquiet = "1m"\n').max_wait == 60.0
    assert only_repo('[defaults]\nquiet = "1m"\n[[repo]]\npath = "/a"\n').max_wait == 60.0
    assert only_repo('[defaults]\nmax_wait = "2m"\n[[repo]]\npath = "/a"\nquiet = "1m"\n').max_wait == 120.0


def test_tables_and_lists_keep_their_order() -> None:
    repo = only_repo('[[repo]]\npath = "/a"\nexclude = ["z", "a"]\nconflict_paths = { "z" = "ours", "a" = "theirs" }\n')
    assert repo.exclude == ("z", "a")
    assert repo.conflict_paths == (("z", "ours"), ("a", "theirs"))


def test_a_pattern_that_only_python_frowns_at_is_taken() -> None:
    assert only_repo('[[repo]]\npath = "/a"\nexclude = ["[[:foo:]]"]\n').exclude == ("[[:foo:]]",)


def test_one_repository_may_lie_in_another() -> None:
    config = parse('[[repo]]\npath = "/a"\n[[repo]]\npath = "/a/b"\n', SOURCE)
    assert [repo.name for repo in config.repos] == ["a", "b"]


def test_the_same_directory_by_a_link_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(ConfigError, match="; allowed: once"):
        parse(f'[[repo]]\npath = "{tmp_path}/real"\n[[repo]]\npath = "{tmp_path}/link"\n', SOURCE)


def test_a_link_stays_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    assert only_repo(f'[[repo]]\npath = "{tmp_path}/link"\n').path == tmp_path / "link"


def test_home_has_the_defaults_too_and_exists_only_when_the_file_says_so(home: Path) -> None:
    assert parse('[defaults]\nquiet = "5s"\n', SOURCE).home is None
    found = parse('[defaults]\nquiet = "5s"\n[home]\npush = "off"\nlink = "copy"\n', SOURCE).home
    assert found is not None
    assert (found.repo, found.link) == (home / ".local/share/gitsync/home", "copy")
    assert found.settings == RepoConfig(name="home", path=found.repo, quiet=5.0, push=None, is_push_prompt=False)


def test_jobs_daemon_and_hooks_are_read() -> None:
    config = parse(
        '[[job]]\npath = "/t"\nurl = "~/srv/$NAME"\nbranches = ["a", "b"]\nevery = "off"\nmax_deletes = 0\n'
        '[daemon]\nlog_level = "debug"\n[hooks]\non_error = ["x $Y"]\n'.replace("$NAME", "t.git"),
        SOURCE,
    )
    (job,) = config.jobs
    assert (job.name, job.backend, job.branches, job.every, job.max_deletes) == ("t", "git", ("a", "b"), None, 0)
    assert job.url == f"{os.environ['HOME']}/srv/t.git"
    assert config.daemon.log_level == "debug"
    assert config.daemon.network_timeout == 60.0
    assert config.hooks.on_error == ("x $Y",)
    assert config.source == SOURCE


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("~", "{home}"),
        ("~/a b", "{home}/a b"),
        ("$BASE/x", "/base dir/x"),
        ("/p/${BASE}x", "/p//base dirx"),
        ("/a/$$BASE", "/a/$BASE"),
        ("/a/~", "/a/~"),
        ("/a/./b//c/", "/a/b/c"),
        ("/a/$", "/a/$"),
        ("/ü/日本", "/ü/日本"),
    ],
)
def test_paths_expand(text: str, path: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("BASE", "/base dir")
    repo = only_repo(f'[[repo]]\nname = "x"\npath = "{text}"\n')
    assert repo.path == Path(path.format(home=home))


def test_what_a_variable_holds_is_not_expanded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE", "/a/$$HOME")
    assert only_repo('[[repo]]\nname = "x"\npath = "$BASE/$BASE"\n').path == Path("/a/$$HOME//a/$$HOME")


@pytest.mark.parametrize(
    ("directory", "name"),
    [("notes", "notes"), (".dotfiles", ".dotfiles"), ("-x", "x"), ("a\tb", "a_b"), ("ü" * 150, "ü" * 100)],
)
def test_the_default_name_is_the_directorys_made_typable(directory: str, name: str) -> None:
    text = directory.replace("\t", "\\t")
    assert only_repo(f'[[repo]]\npath = "/r/{text}"\n').name == name


# What only the file system knows


def test_check_paths_names_what_is_no_work_tree(repo: Path, tmp_path: Path, git: Git) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "file").write_text("")
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    git(repo, "worktree", "add", "-q", str(tmp_path / "linked"))
    names = ["work", "linked", "missing", "plain", "file", "bare.git"]
    config = Config(repos=tuple(RepoConfig(name=name, path=tmp_path / name) for name in names))
    found = check_paths(config)
    assert [line.partition(": ")[0] for line in found] == [f"[[repo]] {name}" for name in names[2:]]
    assert "does not exist" in found[0]
    assert "is not a git work tree" in found[1]
    assert "is not a directory" in found[2]
    assert "is a bare repository" in found[3]


def test_a_missing_directory_is_no_fault_of_the_file(tmp_path: Path) -> None:
    config = parse(f'[[repo]]\npath = "{tmp_path}/missing"\n[home]\n', SOURCE)
    assert len(check_paths(config)) == 2
