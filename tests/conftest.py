"""What every test gets: a home of its own, no configuration of this machine, no terminal prompts.

The environment is set before anything imports pygit2, because libgit2 reads HOME when it is loaded.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import leftovers
from tests.leftovers import pytest_sessionfinish
from tests.tools import report

__all__ = ["pytest_sessionfinish"]

_HOME = tempfile.TemporaryDirectory(prefix="gitsync-tests-", ignore_cleanup_errors=True)
GITCONFIG = """\
[user]
    name = Test Person
    email = test@example.org
[init]
    defaultBranch = main
[protocol "file"]
    allow = always
[advice]
    detachedHead = false
[gc]
    auto = 0
"""

for _name in [name for name in os.environ if name.startswith(("GIT_", "GITSYNC_", "XDG_", "SSH_"))]:
    del os.environ[_name]
leftovers.mark()
# Nothing that a test's daemon meets is shown on the desktop of whoever runs the tests.
os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)
os.environ.update(
    HOME=_HOME.name,
    XDG_CONFIG_HOME=f"{_HOME.name}/.config",
    XDG_STATE_HOME=f"{_HOME.name}/.state",
    XDG_RUNTIME_DIR=f"{_HOME.name}/run",
    GIT_CONFIG_NOSYSTEM="1",  # for git, and for the libgit2 of our own programs (gitsync.git.repository)
    GIT_TERMINAL_PROMPT="0",
    LC_ALL="C.UTF-8",
    TZ="UTC",
)
Path(_HOME.name, ".gitconfig").write_text(GITCONFIG)
Path(_HOME.name, "run").mkdir(mode=0o700)

import pygit2  # noqa: E402 - libgit2 reads HOME when it is loaded

# The tests themselves use libgit2, too, and nothing of the machine's configuration may decide what they see.
for _level in (pygit2.enums.ConfigLevel.SYSTEM, pygit2.enums.ConfigLevel.PROGRAMDATA):
    pygit2.settings.search_path[_level] = ""


def pytest_report_header() -> list[str]:
    """Say at the start what is not tested on this machine, and how to change that."""
    lines = report()
    return [*lines, "to install them: make setup"] if lines else []


@pytest.fixture(scope="session", autouse=True)
def _without_pauses() -> Iterator[None]:
    """Let nothing wait for what a test's own `git add` may be followed by, in the fixtures of modules either."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gitsync.git.open_commit.STAGED_S", 0.0)
        yield


Git = Callable[..., str]


def run_git(directory: Path | str, *argv: str | bytes, check: bool = True, input: bytes | None = None) -> str:
    """Run the real git in `directory` and return what it printed, undecodable bytes kept as surrogates."""
    done = subprocess.run(
        ["git", "-C", str(directory), *argv], check=False, capture_output=True, input=input, timeout=60
    )
    if check and done.returncode != 0:
        raise AssertionError(f"git {argv!r} failed: {os.fsdecode(done.stderr)}")
    return os.fsdecode(done.stdout).rstrip("\n")


@pytest.fixture
def git() -> Git:
    """The real git: `git(directory, "status", ...)`."""
    return run_git


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A work tree with one commit of a.txt on branch main."""
    root = tmp_path / "work"
    root.mkdir()
    run_git(root, "init", "-q")
    (root / "a.txt").write_text("one\n")
    run_git(root, "add", "a.txt")
    run_git(root, "commit", "-q", "-m", "first")
    return root
