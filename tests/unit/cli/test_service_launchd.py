"""gitsync as a launchd agent, as far as that goes without a Mac: the plist, and what launchctl is asked."""

from __future__ import annotations

import os
import plistlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gitsync.cli.service.launchd import LABEL, Launchd
from gitsync.cli.service.setting import Setting
from gitsync.errors import OperationError
from tests.needs import needs

pytestmark = pytest.mark.slow

TEMPLATE = Path(__file__).resolve().parents[3] / "contrib/launchd/org.gitsync.gitsync.plist"
# launchd.plist(5), those that may stand in an agent's file.
KEYS = {
    "Label": str,
    "ProgramArguments": list,
    "EnvironmentVariables": dict,
    "RunAtLoad": bool,
    "KeepAlive": dict,
    "ThrottleInterval": int,
    "ExitTimeOut": int,
    "StandardErrorPath": str,
    "StandardOutPath": str,
    "HardResourceLimits": dict,
    "SoftResourceLimits": dict,
}
SETTING = Setting(("/opt/x y/gitsync",), ("/opt/x y/gitsyncctl",), {"PATH": "/opt/homebrew/bin:/usr/bin", "A": "<&>"})
# Remembers what it was asked, and whether an agent is loaded; lies about nothing else but starting it.
LAUNCHCTL = """\
#!/bin/sh
echo "$@" >>"$HOME/asked"
case $1 in
print) [ -e "$HOME/loaded" ] || { echo "Could not find service" >&2; exit 113; }
    echo "$2 = {"
    printf '\\t%s = %s\\n' "active count" 1 state running pid 4711 endpoints "{"
    printf '\\t\\tpid = 1\\n\\t}\\n}\\n' ;;
bootstrap) if [ -s "$HOME/slowly" ]; then
        # The answers of a launchd that is at work, one after the other.
        read -r status <"$HOME/slowly"; sed -i 1d "$HOME/slowly"; exit "$status"
    fi
    [ ! -e "$HOME/refuse" ] || { echo "Bootstrap failed: 5: Input/output error" >&2; exit 5; }
    : >"$HOME/loaded" ;;
bootout) if [ -e "$HOME/lazy" ]; then (sleep 0.2; rm "$HOME/loaded") >/dev/null 2>&1 & exit 36; fi
    rm "$HOME/loaded" ;;
esac
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "launchctl").write_text(LAUNCHCTL)
    (programs / "launchctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path


def asked(home: Path) -> list[str]:
    return [line.split()[0] for line in (home / "asked").read_text().splitlines()]


def check(plist: dict[str, Any]) -> None:
    assert set(plist) <= set(KEYS)
    for key, value in plist.items():
        assert type(value) is KEYS[key], key
    assert set(plist["KeepAlive"]) <= {"SuccessfulExit", "Crashed", "NetworkState", "PathState"}
    assert plist["KeepAlive"] == {"SuccessfulExit": False}
    assert plist["Label"] == LABEL
    assert plist["RunAtLoad"] is True
    assert plist["ThrottleInterval"] >= 10
    assert plist["ExitTimeOut"] > 20
    assert "PATH" in plist["EnvironmentVariables"]


def test_the_packaged_plist_has_only_keys_that_launchd_knows() -> None:
    check(plistlib.loads(TEMPLATE.read_bytes()))


@pytest.mark.parametrize("which", ["the packaged one", "the written one"])
def test_another_reader_of_plists_agrees(home: Path, which: str) -> None:
    needs("plistutil")
    path = TEMPLATE
    if which == "the written one":
        manager = Launchd(home, patience_s=0.5)
        manager.install(SETTING, is_outdated=False)
        path = manager.file
    subprocess.run(["plistutil", "-i", path, "-o", home / "binary"], check=True, timeout=60)
    # Its status is 0 for nonsense, too: what it understood is compared.
    assert (home / "binary").read_bytes().startswith(b"bplist")
    assert plistlib.loads((home / "binary").read_bytes()) == plistlib.loads(path.read_bytes())


def test_install_writes_the_plist_and_starts_it(home: Path) -> None:
    manager = Launchd(home, patience_s=0.5)
    assert manager.state().is_installed is False
    assert manager.install(SETTING, is_outdated=False).kept == []
    plist = plistlib.loads(manager.file.read_bytes())
    check(plist)
    logs = home / "Library/Logs/gitsync"
    assert plist["ProgramArguments"] == ["/opt/x y/gitsync", "--log-file", str(logs / "gitsync.log")]
    assert plist["EnvironmentVariables"] == {"PYTHONFAULTHANDLER": "1", **SETTING.environment}
    assert plist["StandardErrorPath"] == str(logs / "errors.log")
    assert logs.is_dir()
    assert asked(home)[-2:] == ["enable", "bootstrap"]
    state = manager.state()
    assert (state.is_installed, state.is_enabled, state.is_active, state.pid) == (True, True, True, 4711)


def test_install_again_leaves_alone_what_runs(home: Path) -> None:
    manager = Launchd(home, patience_s=0.5)
    manager.install(SETTING, is_outdated=False)
    manager.install(SETTING, is_outdated=False)
    assert asked(home).count("bootstrap") == 1
    manager.install(SETTING, is_outdated=True)
    assert asked(home).count("bootout") == 1
    assert asked(home).count("bootstrap") == 2


def test_an_agent_of_ones_own_is_handed_over_and_launchds_is_not(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = Launchd(home, patience_s=0.5)
    monkeypatch.setenv("SSH_AUTH_SOCK", "/private/tmp/com.apple.launchd.AbC/Listeners")
    assert "SSH_AUTH_SOCK" not in manager.render(SETTING)
    monkeypatch.setenv("SSH_AUTH_SOCK", f"{home}/Library/agent.sock")
    assert plistlib.loads(manager.render(SETTING).encode())["EnvironmentVariables"]["SSH_AUTH_SOCK"].endswith(
        "agent.sock"
    )


def test_a_refusal_of_launchd_leaves_what_was_there(home: Path) -> None:
    manager = Launchd(home, patience_s=0.5)
    (home / "refuse").touch()
    with pytest.raises(OperationError, match="Input/output error"):
        manager.install(SETTING, is_outdated=False)
    assert not manager.file.exists()
    (home / "refuse").unlink()
    manager.install(SETTING, is_outdated=False)
    before = manager.file.read_text()
    (home / "refuse").touch()
    with pytest.raises(OperationError):
        manager.install(Setting(("/other",), ("/ctl",)), is_outdated=False)
    assert manager.file.read_text() == before
    assert [path.name for path in manager.file.parent.iterdir()] == [manager.file.name]


def test_uninstall_removes_only_what_was_written_here(home: Path) -> None:
    manager = Launchd(home, patience_s=0.5)
    manager.uninstall()
    manager.install(SETTING, is_outdated=False)
    assert manager.uninstall().kept == []
    assert not manager.file.exists()
    assert not manager.state().is_active
    manager.file.write_bytes(TEMPLATE.read_bytes())
    with pytest.raises(OperationError, match="was not written by"):
        manager.uninstall()
    manager.install(SETTING, is_outdated=False)
    assert (manager.file.parent / f"{manager.file.name}.bak").read_bytes() == TEMPLATE.read_bytes()
    manager.file.write_text(manager.file.read_text().replace("4711", "").replace("<true/>", "<false/>"))
    assert manager.uninstall().kept == [f"{manager.file}.bak1"]


def test_a_launchd_that_takes_its_time_is_waited_for(home: Path) -> None:
    manager = Launchd(home, patience_s=5.0)
    (home / "slowly").write_text("37\n5\n36\n")
    manager.install(SETTING, is_outdated=False)
    assert asked(home).count("bootstrap") == 4
    (home / "lazy").touch()
    manager.install(Setting(("/other",), ("/ctl",)), is_outdated=False)
    assert plistlib.loads(manager.file.read_bytes())["ProgramArguments"][0] == "/other"
    assert manager.state().is_active
    assert manager.uninstall().kept == []
    assert not manager.file.exists()
    assert not manager.state().is_active


def test_an_edited_plist_outlives_an_install_that_fails(home: Path) -> None:
    manager = Launchd(home, patience_s=0.1)
    manager.install(SETTING, is_outdated=False)
    edited = manager.file.read_text().replace("<integer>30</integer>", "<integer>60</integer>")
    manager.file.write_text(edited)
    (home / "refuse").touch()
    with pytest.raises(OperationError):
        manager.install(SETTING, is_outdated=False)
    assert manager.file.read_text() == edited
    assert [path.name for path in manager.file.parent.iterdir()] == [manager.file.name]
    (home / "refuse").unlink()
    assert manager.install(SETTING, is_outdated=False).kept == [f"{manager.file}.bak"]
    assert Path(f"{manager.file}.bak").read_text() == edited


def test_a_faulty_configuration_is_not_started_again_for_ever(tmp_path: Path) -> None:
    config, errors = tmp_path / "config.toml", tmp_path / "errors.log"
    config.write_text("quiett = 3\n")
    errors.write_text("x" * 2_000_000)
    with errors.open("a") as stream:
        done = subprocess.run(
            [sys.executable, "-m", "gitsync.daemon.main", "--config", config],
            env={**os.environ, "XPC_SERVICE_NAME": LABEL, "HOME": str(tmp_path)},
            check=False,
            stderr=stream,
            timeout=60,
        )
    assert done.returncode == 0
    assert "quiett" in errors.read_text()
    assert errors.stat().st_size < 10_000
