from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.config.import_legacy import import_sync_conf
from gitsync.config.legacy.sync_conf import conf_files, jobs_of, parse_conf
from gitsync.config.load import load
from gitsync.config.options import JobConfig
from gitsync.errors import UsageError

SOURCE = Path("/c/home.conf")


def test_a_file_as_sync_manager_knew_it(home: Path) -> None:
    conf = parse_conf(
        "env=home,work\n"
        "# my projects\n"
        "\n"
        "[git]\n"
        '~/thesis git@server:thesis.git "Ada Lovelace" ada@example.org\n'
        "~/site\tupstream|https://example.org/site.git\tAda\tada@example.org\n"
        "[unison]\n"
        '"~/My Photos" "ssh://server//srv/my photos" photos\n'
        "[rsync]\n"
        "~/Music server:/srv/music\n",
        SOURCE,
    )
    assert conf.faults == ()
    assert conf.environments == ("home", "work")
    assert conf.jobs == (
        JobConfig(
            name="thesis", path=home / "thesis", url="git@server:thesis.git", user="Ada Lovelace <ada@example.org>"
        ),
        JobConfig(
            name="site",
            path=home / "site",
            url="https://example.org/site.git",
            remote="upstream",
            user="Ada <ada@example.org>",
        ),
        JobConfig(
            name="My Photos",
            path=home / "My Photos",
            backend="unison",
            url="ssh://server//srv/my photos",
            options=("include photos",),
        ),
        JobConfig(name="Music", path=home / "Music", backend="rsync", url="server:/srv/music"),
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("~/a", "has no address"),
        ("relative/a /b", "is relative"),
        ('~/a /b "Ada', "unterminated quote"),
        ("~/a /b Ada Lovelace ada@example.org", "too many fields"),
        ("~/a /b Ada Lovelace", "is not a mail address"),
        ("~/a /b Ada", "a name without a mail address"),
        ("~/a --upload-pack=x", "cannot be an address"),
        ('~/a ""', "an empty field"),
        ("[rsync]\n~/a backup/a", '"backup/a" is not an address'),
        ("~/My papers", '"papers" is not an address'),
        ("~/My papers/a git@server:a.git", '"papers/a" is not an address'),
        ("[unison]\n~/My papers ssh://server//a", '"papers" is not an address'),
        ("[unison]\n~/a //srv/b ssh://server//a", "is not the name of a unison profile"),
        ("[unison]\n~/a $NO_SUCH_VARIABLE/a", "is not set"),
        ("$NO_SUCH_VARIABLE/a /b", "is not set"),
        ("[svn]", "unknown section [svn]"),
    ],
)
def test_a_bad_line_is_told_with_its_place_and_the_others_hold(home: Path, line: str, fault: str) -> None:
    conf = parse_conf(f"[git]\n{line}\n[git]\n~/good /srv/good.git\n", SOURCE)
    assert [job.name for job in conf.jobs] == ["good"]
    assert len(conf.faults) == 1
    assert conf.faults[0].startswith(f"/c/home.conf:{2 + line.count(chr(10))}: ")
    assert fault in conf.faults[0]


def test_comments_and_brackets_of_a_mail_address_are_read(home: Path) -> None:
    conf = parse_conf(
        '[git] # mine\n~/a srv:a "Ada L" <ada@example.org>   # the thesis\n[rsync]#music\n~/b srv:b #c\n', SOURCE
    )
    assert conf.faults == ()
    assert [(job.name, job.backend, job.user) for job in conf.jobs] == [
        ("a", "git", "Ada L <ada@example.org>"),
        ("b", "rsync", ""),
    ]


def test_files_below_the_directory_are_in_force(home: Path) -> None:
    for name in ("a.conf", "deep/b.conf", "deep/er/c.conf"):
        (home / ".sync-conf" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / ".sync-conf" / name).write_text(f"[git]\n~/{name[-6]} srv:{name}\n")
    assert [job.name for job in load().jobs] == ["a", "b", "c"]


def test_a_file_for_another_environment_is_said_to_be_left_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".sync-conf").mkdir()
    (home / ".sync-conf/a.conf").write_text("env=work\n[git]\n~/a srv:a\n")
    monkeypatch.delenv("SYNC_ENV", raising=False)
    config = load()
    assert config.jobs == ()
    assert "a.conf is skipped: it is for SYNC_ENV=work, which is not set" in config.conf_left_out[0]
    assert config.conf_left_out[0] in config.notices
    monkeypatch.setenv("SYNC_ENV", "work")
    assert load().conf_left_out == ()


def test_an_address_on_this_machine_is_a_path_as_others(home: Path) -> None:
    conf = parse_conf("[rsync]\n~/a ~/backup\n~/b $HOME/b\n~/c srv:~/c\n[git]\n~/d ~/d.git\n~/e ../e.git\n", SOURCE)
    assert conf.faults == ()
    assert [job.url for job in conf.jobs] == [f"{home}/backup", f"{home}/b", "srv:~/c", f"{home}/d.git", "../e.git"]


def test_the_same_pair_twice_is_told_and_runs_once(home: Path) -> None:
    conf = parse_conf("[git]\n~/a srv:a\n~/a srv:b\n~/x/../a up|srv:a\n[rsync]\n~/a srv:a\n", SOURCE)
    assert [(job.name, job.url, job.backend) for job in conf.jobs] == [
        ("a", "srv:a", "git"),
        ("a-2", "srv:b", "git"),
        ("a-3", "srv:a", "rsync"),
    ]
    assert conf.faults == ("/c/home.conf:4: the same directory and address are in line 2",)


def test_a_quote_inside_of_a_word_belongs_to_it(home: Path) -> None:
    conf = parse_conf("[git]\n~/o'brien /srv/it's.git \"Conan O'Brien\" c@example.org\n", SOURCE)
    assert conf.faults == ()
    assert conf.jobs[0].path == home / "o'brien"
    assert conf.jobs[0].user == "Conan O'Brien <c@example.org>"


def test_a_line_before_any_section_and_lines_of_an_unknown_one_do_not_run(home: Path) -> None:
    conf = parse_conf("~/a /srv/a\n[svn]\n~/b /srv/b\n[git]\n~/c /srv/c\n", SOURCE)
    assert [job.name for job in conf.jobs] == ["c"]
    assert [fault.partition(": ")[0] for fault in conf.faults] == ["/c/home.conf:1", "/c/home.conf:2"]


def test_only_the_files_for_this_environment_are_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = home / ".sync-conf"
    directory.mkdir()
    (directory / "a.conf").write_text("env=work\n[git]\n~/a /srv/a\n")
    (directory / "b.conf").write_text("env = home, work\n[git]\n~/b /srv/b\n")
    (directory / "c.conf").write_text("[git]\n~/x/a /srv/c\n")
    (directory / "notes.txt").write_text("[git]\n~/d /srv/d\n")
    monkeypatch.setenv("SYNC_ENV", "home")
    assert [job.name for job in jobs_of(conf_files())[0]] == ["b", "a"]
    monkeypatch.setenv("SYNC_ENV", "work")
    assert [(job.name, job.url) for job in jobs_of(conf_files())[0]] == [
        ("a", "/srv/a"),
        ("b", "/srv/b"),
        ("a-2", "/srv/c"),
    ]
    monkeypatch.delenv("SYNC_ENV")
    assert [job.name for job in jobs_of(conf_files())[0]] == ["a"]


def test_they_come_on_top_of_the_configuration_and_their_faults_are_notices(home: Path) -> None:
    (home / ".sync-conf").mkdir()
    (home / ".sync-conf/a.conf").write_text("[git]\n~/a /srv/a\n~/b /srv/b\nnonsense\n")
    config_file = home / "config.toml"
    config_file.write_text('[[job]]\npath = "~/a"\nurl = "/srv/a"\nname = "mine"\n')
    config = load(str(config_file))
    assert [job.name for job in config.jobs] == ["mine", "b"]
    config_file.write_text('[[job]]\npath = "~/m"\nbackend = "rsync"\nurl = "~/backup"\n')
    assert load(str(config_file)).jobs[0].url == f"{home}/backup"
    assert any("a.conf:4: " in notice for notice in config.notices)


def test_they_become_jobs_of_the_configuration_and_its_comments_stay(home: Path) -> None:
    (home / ".sync-conf").mkdir()
    lines = '[git]\n~/a /srv/a "Ada" ada@example.org\nnonsense\n[rsync]\n~/m host:/srv/m\n'
    (home / ".sync-conf/a.conf").write_text(lines)
    config_file = home / "config.toml"
    config_file.write_text('# mine\n[[job]]\npath = "~/x/a" # the first\nurl = "/srv/x"\n')
    (home / ".sync-conf/work.conf").write_text("env=work,office\n[git]\n~/w /srv/w\n")
    names, faults, left = import_sync_conf(config_file, home / ".sync-conf")
    assert names == ["a-2", "m"]
    assert len(faults) == 1
    assert len(left) == 1
    assert "work.conf is skipped: it is for SYNC_ENV=work, office" in left[0]
    text = config_file.read_text()
    assert text.startswith("# mine\n")
    assert "# the first" in text
    config = load(str(config_file))
    assert [(job.name, job.backend, job.user) for job in config.jobs] == [
        ("a", "git", ""),
        ("a-2", "git", "Ada <ada@example.org>"),
        ("m", "rsync", ""),
    ]
    assert import_sync_conf(config_file, home / ".sync-conf")[0] == []
    with pytest.raises(UsageError, match="there is no"):
        import_sync_conf(config_file, home / "nowhere")
