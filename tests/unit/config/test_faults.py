"""What is wrong with a file is told completely: place, key, what is allowed, and the nearest right name."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.config.load import parse
from gitsync.errors import EXIT_USAGE, ConfigError

SOURCE = Path("/c/config.toml")


def faults_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, SOURCE)
    return caught.value.faults


REPO = '[[repo]]\npath = "/n/notes"\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        # the text is not TOML
        ("x = \n", "/c/config.toml:1: not valid TOML: invalid value at column 5; put strings in quotes"),
        ("[daemon]\nlog_level info\n", "/c/config.toml:2: not valid TOML: expected '=' after a key"),
        ('[daemon]\nlog_level = "info', "/c/config.toml:2: not valid TOML: "),
        ("[daemon]\n[daemon]\n", "/c/config.toml:2: not valid TOML: cannot declare"),
        ("a = 1\na = 2\n", "/c/config.toml:2: not valid TOML: cannot overwrite"),
        ("x = " + "[" * 5000, "not valid TOML: lists or tables are nested too deeply"),
        ("x = " + "9" * 5000, "/c/config.toml"),
        ('x = "\x1b[31m"', "not valid TOML: illegal character"),
        # tables
        ('\n\n[[rep]]\npath = "/x"', '/c/config.toml:3: unknown table "rep"; allowed: [defaults], [[repo]]'),
        ("[daemn]", 'did you mean "daemon"?'),
        ("quiet = 1", "/c/config.toml:1: key quiet: is outside any table; it belongs in [defaults] or [[repo]]"),
        ("defaults = 3", "defaults is not a table; allowed: [defaults], once"),
        ("home = 3", "home is not a table; allowed: [home], once"),
        ("[[home]]", "home is not a table; allowed: [home], once"),
        ("[[daemon]]\n[[daemon]]", "daemon is not a table; allowed: [daemon], once"),
        ('[repo]\npath = "/x"', "repo is not a list of tables; allowed: [[repo]], in double brackets"),
        ('repo = ["/x"]', "repo is not a list of tables"),
        # keys
        (REPO + 'quite = "2s"', '/c/config.toml:3: [[repo]] "notes": key quite: is unknown here'),
        (REPO + 'quite = "2s"', 'did you mean "quiet"?'),
        (REPO + 'max-wait = "2s"', 'did you mean "max_wait"?'),
        (REPO + 'QUIET = "2s"', 'did you mean "quiet"?'),
        (REPO + 'log_level = "info"', "key log_level: is unknown here; it belongs in [daemon]"),
        (REPO + 'xyzzy = "2s"', "is unknown here; allowed: name, path, remote, remotes, branch"),
        ('[defaults]\nname = "x"', "[defaults]: key name: is unknown here"),
        ('[home]\npath = "/x"', '/c/config.toml:2: [home]: key path: is unknown here; did you mean "repo"?'),
        ('[[repo]]\nname = "a"', '/c/config.toml:1: [[repo]] "a": key path is missing; allowed: a path in quotes'),
        ("[[repo]]\n", "/c/config.toml:1: [[repo]] number 1: key path is missing"),
        # types
        (REPO + "quiet = 2", 'key quiet: is a number; allowed: a duration, as "500ms", "2s"'),
        (REPO + "quiet = 2", 'did you mean "2s"?'),
        (REPO + "max_file_size = 5", 'did you mean "5MB"?'),
        (REPO + "quiet = true", "key quiet: is true or false; allowed: a duration"),
        (REPO + "mode = 1979-05-27", "key mode: is a date or time; allowed: "),
        (REPO + "mode = []", 'key mode: is a list; allowed: "both", "push", "pull", "commit"'),
        (REPO + "name = {}", "key name: is a table; allowed: a string"),
        (
            REPO + 'exclude = "*.o"',
            'key exclude: is a string; allowed: a list of strings, as ["a", "b"]; did you mean ["*.o"]?',
        ),
        (REPO + "exclude = [1]", "key exclude: has an item 1 that is empty or not a string"),
        (REPO + 'exclude = ["a", " "]', "key exclude: has an item 2"),
        (REPO + 'conflict_paths = "ours"', "key conflict_paths: is a string; allowed: a table"),
        (REPO + "brake_deletes = true", "key brake_deletes: is true or false; allowed: a number from 0.0 to 1.0"),
        ('[[repo]]\npath = ["/x"]', "key path: is a list; allowed: a path in quotes"),
        # values
        (REPO + 'quiet = "2"', 'key quiet: cannot be "2"; allowed: a duration, as "500ms"'),
        (REPO + 'quiet = "off"', 'key quiet: cannot be "off"; allowed: a duration'),
        (REPO + 'quiet = "2d"', 'key quiet: cannot be "2d"; allowed: a duration, as'),
        (REPO + 'pull = "1ms"', "from 100ms to 365d"),
        (REPO + 'max_file_size = "0B"', 'key max_file_size: cannot be "0B"; allowed: a size'),
        (REPO + "brake_deletes = 50", "key brake_deletes: is out of range; allowed: a number from 0.0 to 1.0"),
        (REPO + "brake_deletes = nan", "key brake_deletes: is out of range"),
        (REPO + "brake_deletes = -0.1", "key brake_deletes: is out of range"),
        (
            REPO + 'mode = "Both"',
            'key mode: cannot be "Both"; allowed: "both", "push", "pull", "commit"; did you mean "both"?',
        ),
        (REPO + 'conflict = "keep_both"', 'did you mean "keep-both"?'),
        (REPO + 'mode = "\\u001b[31m"', 'key mode: cannot be "\\x1b[31m"'),
        (REPO + 'conflict_paths = { "*.log" = "their" }', 'pattern "*.log" cannot be "their"'),
        (
            REPO + '[repo.conflict_paths]\n"a" = 3',
            '/c/config.toml:3: [[repo]] "notes": key conflict_paths: pattern "a"',
        ),
        (REPO + 'conflict_paths = { "" = "ours" }', "key conflict_paths: has an empty pattern"),
        (REPO + 'exclude = ["a\\nb"]', "key exclude: has a pattern with a line break"),
        (REPO + 'include = ["[z-a]"]', 'key include: has the invalid pattern "[z-a]"'),
        (
            REPO + 'message = "{sumary}"',
            "key message: is not a template: unknown placeholder {sumary}; allowed: {summary}",
        ),
        (REPO + 'message = "{"', "key message: is not a template"),
        (REPO + 'author = "Ada"', 'key author: cannot be an identity; allowed: "Name <mail>"'),
        (REPO + 'author = "A\\nB <m>"', "key author: cannot be an identity"),
        (REPO + 'remote = "--upload-pack=x"', "key remote: cannot be a remote"),
        (REPO + 'branch = "a..b"', "key branch: cannot be a branch"),
        (REPO + 'name = "a/b"', 'key name: cannot be a name; allowed: a name of at most 200 bytes without "/"'),
        (REPO + 'name = ".."', "key name: cannot be a name"),
        (REPO + 'name = ""', "key name: cannot be a name"),
        (REPO + 'name = "-x"', "key name: cannot be a name"),
        (REPO + 'name = "a\\u202eb"', "key name: cannot be a name"),
        (REPO + 'message = "a\\u0000"', "key message: contains a NUL character"),
        # paths
        ('[[repo]]\npath = ""', 'key path: "" is empty'),
        ('[[repo]]\npath = "notes"', 'key path: "notes" is relative; allowed'),
        (
            '[[job]]\npath = "/a"\nbackend = "rsync"\nurl = "b/c"',
            'key url: "b/c" is relative; allowed',
        ),
        ('[[repo]]\npath = "/a\\u0000b"', "key path: contains a NUL character"),
        ('[[repo]]\npath = "$NO_SUCH_THING/x"', "the variable $NO_SUCH_THING is not set"),
        ('[[repo]]\npath = "~nobody-of-that-name/x"', "there is no home directory for ~nobody-of-that-name"),
        ('[[repo]]\npath = "/"', "key name is missing, and the path contains no name"),
        # between keys
        (
            REPO + 'quiet = "10s"\nmax_wait = "5s"',
            '/c/config.toml:4: [[repo]] "notes": key max_wait: "5s" is shorter than quiet, "10s"; '
            'allowed: "10s" or longer',
        ),
        (REPO + 'max_wait = "1s"', 'key max_wait: "1s" is shorter than quiet, "2s"'),
        ('[defaults]\nmax_wait = "1s"', '/c/config.toml:2: [defaults]: key max_wait: "1s" is shorter than quiet, "2s"'),
        (
            '[defaults]\nmax_wait = "5s"\n' + REPO + 'quiet = "6s"',
            '/c/config.toml:5: [[repo]] "notes": key quiet: "6s" is longer than max_wait, "5s"; '
            'allowed: "5s" or shorter',
        ),
        ('[home]\nmax_wait = "1s"', '/c/config.toml:2: [home]: key max_wait: "1s" is shorter'),
        ('[[job]]\npath = "/j"\nbackend = "rsync"', '[[job]] "j": key url is missing; rsync needs the address'),
        # between repositories
        (
            REPO + '[[repo]]\npath = "/m/notes"',
            '/c/config.toml:3: [[repo]] "notes": key name: "notes" is also the name of the [[repo]] in line 1; '
            'allowed: name = "notes-2"',
        ),
        (
            REPO + '[[repo]]\nname = "b"\npath = "/n/x/../notes"',
            '/c/config.toml:5: [[repo]] "b": key path: "/n/notes" is also the directory of the [[repo]] in line 1',
        ),
        ('[home]\nrepo = "/h"\n[[repo]]\npath = "/h"', "is also the directory of the [home] in line 1"),
        ('[home]\n[[repo]]\npath = "/x/home"', '"home" is also the name of the [home] in line 1'),
        (
            '[[job]]\npath = "/j"\n[[job]]\npath = "/k/j"',
            '[[job]] "j": key name: "j" is also the name of the [[job]] in line 1',
        ),
        (
            '[[job]]\npath = "/j"\nmax_deletes = -1',
            "key max_deletes: is out of range; allowed: an integer from 0",
        ),
        ('[[job]]\npath = "/j"\nmax_deletes = 1.5', "key max_deletes: is a number; allowed: an integer"),
        (
            '[[job]]\npath = "/j"\nbranches = "some"',
            'key branches: cannot be "some"; allowed: "all", "current", or a list',
        ),
        ('[[job]]\npath = "/j"\nurl = "--x"', "key url: cannot be an address"),
        ('[hooks]\non_error = "beep"', "/c/config.toml:2: [hooks]: key on_error: is a string; allowed: a list"),
    ],
)
def test_a_fault_says_where_what_and_what_is_allowed(text: str, fault: str) -> None:
    found = faults_of(text)
    assert any(fault in each for each in found), found
    for each in found:
        assert each.startswith("/c/config.toml")
        assert each.isprintable()


def test_all_faults_of_a_file_are_told_at_once_in_the_order_of_its_lines() -> None:
    text = """\
[daemon]
log_level = "loud"

[[repo]]
path = "/a"
quiet = 2
mode = "x"

[[repo]]
path = "b"

[defaults]
pul = "1m"
"""
    assert [fault.split(": ")[0].rpartition(":")[2] for fault in faults_of(text)] == ["2", "6", "7", "10", "13"]


def test_the_error_ends_the_program_with_the_status_for_configuration() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("[x]", SOURCE)
    assert caught.value.exit_status == EXIT_USAGE
    assert "config check" in caught.value.hint
    assert caught.value.message == "\n".join(caught.value.faults)


def test_a_flood_of_faults_is_cut() -> None:
    found = faults_of("\n".join(f"[x{number}]" for number in range(1000)))
    assert len(found) == 51
    assert found[-1] == "/c/config.toml: and 950 more"


def test_a_fault_in_defaults_is_told_once_however_many_repositories_there_are() -> None:
    text = '[defaults]\nmax_wait = "1s"\n' + "".join(f'[[repo]]\npath = "/{name}"\n' for name in "abc")
    assert len(faults_of(text)) == 1
