"""The installed gitsyncctl while no daemon runs: real files, real git, the same answers."""

from __future__ import annotations

import json
import os
import shlex
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Git
from tests.fakes.control import PATIENCE_S, Daemon, ctl

Ctl = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path) -> Ctl:
    """Run the program in a home of its own: `run("list", EDITOR="true")` is (status, stdout, stderr)."""
    environment = {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }

    def run(*argv: str, **more: str) -> tuple[int, str, str]:
        done = ctl(tmp_path / "socket", *argv, env={**environment, **more})
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def config(tmp_path: Path, repo: Path) -> Path:
    path = tmp_path / "config" / "gitsync" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(f'# mine\n[defaults]\nquiet = "2s"  # calm\n\n[[repo]]\npath = "{repo}"\n')
    path.chmod(0o640)
    return path


def editor(program: str) -> str:
    """Return an $EDITOR that runs Python on the text `t` of the file it is given."""
    script = f"import sys; p = sys.argv[1]; t = open(p).read(); {program}; open(p, 'w').write(t)"
    return shlex.join([sys.executable, "-c", script])


def test_watch_sync_status_list_unwatch(run: Ctl, tmp_path: Path, git: Git) -> None:
    notes = tmp_path / "notes"
    status, shown, errors = run("watch", str(notes))
    assert (status, shown) == (2, "")
    assert "--init" in errors
    assert run("watch", str(notes), "--init")[0] == 0
    (notes / "a.txt").write_text("one\n")
    status, shown, _ = run("sync")
    assert (status, git(notes, "log", "--format=%s")) == (0, "Add a.txt")
    assert "last commit 'Add a.txt' just now" in shown
    status, shown, _ = run("status", "--json")
    document = json.loads(shown)
    assert (status, document["daemon"], document["repos"][0]["state"]) == (0, None, "ok")
    assert "gitsync is not running" in run("status")[1]
    assert run("status", "--short")[1] == "- 1 repo, not running\n"
    assert json.loads(run("list", "--json")[1])["repos"][0]["path"] == str(notes)
    assert run("unwatch", "notes")[0] == 0
    assert run("list")[1].startswith("nothing is watched yet")
    assert (notes / "a.txt").exists()


def test_config_path_check_get_set(run: Ctl, config: Path) -> None:
    assert run("config", "path")[:2] == (0, f"{config}\n")
    assert run("config", "check")[:2] == (0, f"{config} is in order: 1 repository\n")
    assert run("config", "get", "defaults.quiet")[:2] == (0, "2s\n")
    assert run("config", "set", "defaults.quiet", "5s")[0] == 0
    assert '# mine\n[defaults]\nquiet = "5s"  # calm\n' in config.read_text()
    assert json.loads(run("config", "get", "defaults.quiet", "--json")[1]) == {"key": "defaults.quiet", "value": "5s"}
    before = config.read_text()
    status, _, errors = run("config", "set", "defaults.quite", "5s")
    assert (status, config.read_text()) == (2, before)
    assert "quiet" in errors


def test_config_check_tells_every_fault(run: Ctl, config: Path) -> None:
    config.write_text('[defaults]\nquite = "2s"\nmax_wait = 5\n')
    status, shown, errors = run("config", "check")
    assert (status, shown) == (2, "")
    assert [line.split(":")[0] for line in errors.splitlines()].count("error") == 2
    document = json.loads(run("config", "check", "--json")[1])
    assert document["error"]["code"] == "config"


def test_a_running_daemon_is_told(run: Ctl, config: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    daemon = Daemon(tmp_path, reload={"added": [], "removed": [], "changed": []})
    assert "it holds now" in run("config", "set", "defaults.quiet", "3s")[1]
    assert [method for method, _ in daemon.dispatch.asked] == ["reload"]
    daemon.server.stop(PATIENCE_S)


def test_an_edit_is_checked_and_replaces_the_file(run: Ctl, config: Path, tmp_path: Path) -> None:
    status, shown, errors = run("config", "edit", EDITOR=editor("t = t.replace('2s', '7s')"))
    assert (status, errors) == (0, "")
    assert shown.startswith(f"saved {config}")
    assert 'quiet = "7s"  # calm' in config.read_text()
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert list((tmp_path / "state").rglob("config-edit-*")) == []


def test_an_edit_with_a_fault_changes_nothing_and_is_kept(run: Ctl, config: Path, tmp_path: Path) -> None:
    before = config.read_text()
    status, _, errors = run("config", "edit", VISUAL=editor("t += 'nonsense = '"), EDITOR="false")
    assert (status, config.read_text()) == (2, before)
    [kept] = (tmp_path / "state").rglob("config-edit-*")
    assert kept.read_text() == before + "nonsense = "
    assert str(kept) in errors
    assert f"error: {config}" in errors


def test_an_edit_that_another_program_overtook_is_kept(run: Ctl, config: Path, tmp_path: Path) -> None:
    status, _, errors = run(
        "config", "edit", EDITOR=editor(f"open({str(config)!r}, 'a').write('# theirs'); t += '# ours'")
    )
    assert status == 4
    assert "changed by another program" in errors
    assert config.read_text().endswith("# theirs")
    [kept] = (tmp_path / "state").rglob("config-edit-*")
    assert kept.read_text().endswith("# ours")


@pytest.mark.parametrize("program", ["false", "no-such-editor", "'"])
def test_an_editor_that_fails_changes_nothing(run: Ctl, config: Path, tmp_path: Path, program: str) -> None:
    before = config.read_text()
    status, _, errors = run("config", "edit", EDITOR=program, VISUAL="")
    assert (status, config.read_text()) == (4, before)
    assert "EDITOR" in errors
    assert list((tmp_path / "state").rglob("config-edit-*")) == []


def test_an_edit_of_nothing_says_so(run: Ctl, config: Path) -> None:
    assert run("config", "edit", EDITOR="true", VISUAL="")[:2] == (0, "nothing changed\n")
    assert os.access(config, os.R_OK)
