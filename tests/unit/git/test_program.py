"""Every call of git asks nobody, has a deadline, and says plainly when git is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gitsync.daemon.main import main
from gitsync.errors import EXIT_FAILED, OperationError
from gitsync.git import program


def test_git_is_not_asked_for_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_ASKPASS", "/bin/true")
    done = program.run("var", "GIT_EDITOR", root="/", env={"GIT_EDITOR": "none"})
    assert done.stdout == b"none\n"
    asked = program.run("credential", "fill", root="/", input=b"protocol=https\nhost=example.invalid\n\n")
    assert not asked.ok
    assert "terminal prompts disabled" in asked.errors


def test_what_git_says_of_a_failure_is_kept(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match=r"git rev-parse failed in .*: fatal: ") as caught:
        program.read("rev-parse", "HEAD", root=tmp_path)
    assert caught.value.code == "git"


def test_a_daemon_without_git_says_so_and_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text("")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--config", str(tmp_path / "config.toml")]) == EXIT_FAILED
    shown = capsys.readouterr().err
    assert shown.splitlines() == ["error: cannot run git: it is not on the PATH", "hint: install git, or correct PATH"]
    with pytest.raises(OperationError, match="cannot run git") as caught:
        program.run("status", root=tmp_path)
    assert caught.value.code == "git-missing"


def test_running_git_loads_no_library_for_it() -> None:
    code = "import sys, gitsync.git.program; sys.exit('pygit2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
