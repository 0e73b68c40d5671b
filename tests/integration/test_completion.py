"""Completion in real shells: bash by its variables, fish by its own question, zsh by a Tab on a terminal."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.control import PATIENCE_S, Daemon
from tests.fakes.dispatch import repo_status, status
from tests.needs import needs

BIN = Path(sys.executable).parent
BASH = """
eval "$(gitsyncctl completion bash)"
COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=("${1%% *}") COMP_CWORD=1
_gitsyncctl
printf '%s\\n' "${COMPREPLY[@]}"
"""

ZSHRC = """
PS1='' PS2=''
autoload -U compinit && compinit -u -D
source <(gitsyncctl completion zsh)
what-now() { print -r -- "<<$BUFFER>>" }
zle -N what-now
bindkey '^X' what-now
zle-line-init() { print ready }
zle -N zle-line-init
"""


def require(shell: str) -> str:
    needs(shell)
    found = shutil.which(shell)
    assert found is not None
    return found


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    daemon = Daemon(run)
    daemon.dispatch.answers["status"] = status(
        repo_status("notes", conflicts=["todo.txt"]), repo_status("my papers"), repo_status("日本語")
    )
    here = tmp_path / "here"
    (here / "directory").mkdir(parents=True)
    (here / "file.toml").touch()
    yield {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "GITSYNC_SOCKET": str(daemon.path),
        "HOME": str(here),
        "ZDOTDIR": str(here),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
    }
    daemon.server.stop(PATIENCE_S)


def run(environment: dict[str, str], *argv: str) -> list[str]:
    done = subprocess.run(
        argv,
        env=environment,
        cwd=environment["HOME"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("gitsyncctl unw", ["unwatch"]),
        ("gitsyncctl status n", ["notes"]),
        ("gitsyncctl status m", ["my\\ papers"]),
        ("gitsyncctl status --wa", ["--watch"]),
        ("gitsyncctl config che", ["check"]),
        ("gitsyncctl resolve to", ["todo.txt"]),
        ("gitsyncctl watch ~/di", ["~/directory/"]),
        ("gitsyncctl status notes n", [""]),
        ("gitsync --on", ["--once"]),
    ],
)
def test_bash(environment: dict[str, str], line: str, words: list[str]) -> None:
    assert run(environment, require("bash"), "--norc", "-c", BASH, "bash", line) == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("gitsyncctl unw", {"unwatch"}),
        ("gitsyncctl status n", {"notes"}),
        ("gitsyncctl status m", {"my papers"}),
        ("gitsyncctl status 日", {"日本語"}),
        ("gitsyncctl watch d", {"directory/"}),
        ("gitsyncctl --config fi", {"file.toml"}),
        ("gitsyncctl status --wa", {"--watch"}),
        ("gitsync --on", {"--once"}),
        ("gitsync --config fi", {"file.toml"}),
    ],
)
def test_fish(environment: dict[str, str], line: str, words: set[str]) -> None:
    script = f"gitsyncctl completion fish | source; complete -C '{line}'"
    found = run(environment, require("fish"), "--no-config", "-c", script)
    assert {each.partition("\t")[0] for each in found} == words


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("gitsyncctl unw", "gitsyncctl unwatch "),
        ("gitsyncctl status no", "gitsyncctl status notes "),
        ("gitsyncctl status m", "gitsyncctl status my\\ papers "),
        ("gitsyncctl watch di", "gitsyncctl watch directory/"),
        ("gitsyncctl watch ~/di", "gitsyncctl watch ~/directory/"),
        ("gitsyncctl --config fi", "gitsyncctl --config file.toml "),
        ("gitsyncctl status --wa", "gitsyncctl status --watch "),
        ("gitsync --on", "gitsync --once "),
    ],
)
def test_zsh(environment: dict[str, str], line: str, whole: str) -> None:
    zsh = require("zsh")
    Path(environment["ZDOTDIR"], ".zshrc").write_text(ZSHRC)
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [zsh, "-d", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        cwd=environment["HOME"],
        start_new_session=True,
    )
    os.close(theirs)
    shown = ""

    def read_until(wanted: str) -> None:
        nonlocal shown
        while wanted not in shown:
            assert select.select([ours], [], [], PATIENCE_S)[0], shown
            shown += os.read(ours, 65536).decode()

    try:
        read_until("ready")
        os.write(ours, line.encode() + b"\t\x18")
        read_until(">>")
    finally:
        child.kill()
        child.wait(PATIENCE_S)
        os.close(ours)
    assert f"<<{whole}>>" in shown
