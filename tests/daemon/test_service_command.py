"""`gitsyncctl service` with a real user manager of systemd."""

from __future__ import annotations

import json
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.built import build_checkout
from tests.fakes.user_manager import BIN, UserManager

UNIT = ".config/systemd/user/gitsync.service"


# A server that lets in who has a certain agent.
SSH = """\
#!/bin/sh
case $SSH_AUTH_SOCK in
*/late.sock) exec "${2%%-pack*}-pack" "$HOME/hub.git" ;;
esac
echo "git@somewhere: Permission denied (publickey)." >&2
exit 255
"""


@pytest.fixture
def session() -> Iterator[UserManager]:
    """A login where nothing is installed yet."""
    with UserManager() as manager:
        yield manager


def document(session: UserManager, *argv: str, status: int = 0, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    ran = session.ctl("service", *argv, "--json", **(env or {}))
    assert ran.status == status, f"{ran}\n{session.story()}"
    found: dict[str, Any] = json.loads(ran.out)
    return found


def test_install_ends_by_talking_to_the_daemon_it_started(session: UserManager) -> None:
    root = session.repo()
    session.configure(root)
    assert document(session, "status", status=3)["installed"] is False
    installed = document(session, "install")
    assert installed["manager"] == "systemd"
    assert str(installed["daemon"]["pid"]) == str(installed["pid"]) == session.show("MainPID")
    assert installed["file"] == str(session.home / UNIT)
    assert session.must("readlink", f"/proc/{installed['pid']}/exe") != ""
    assert str(BIN) in session.must("bash", "-c", f"tr '\\0' ' ' </proc/{installed['pid']}/cmdline")
    shown = document(session, "status")
    assert (shown["installed"], shown["enabled"], shown["active"]) == (True, True, True)
    verified = session.run("systemd-analyze", "--user", "verify", str(session.home / UNIT))
    assert (verified.status, verified.errors) == (0, "")
    session.must("systemctl", "--user", "reload", "gitsync")
    session.write("notes/a.txt", "a\n")
    session.wait_for("the commit", lambda: "a.txt" in session.must("git", "-C", str(root), "ls-files"))


def test_people_read_what_was_done(session: UserManager) -> None:
    session.configure(session.repo())
    assert "not installed as a service" in session.ctl("service", "status").out
    told = session.ctl("service", "install").out
    assert "runs as a service of systemd (PID " in told
    assert f"~/{UNIT}" in told
    told = session.ctl("service", "status").out
    assert "starts with your session, runs (PID " in told
    assert "answers, running for" in told
    told = session.ctl("service", "uninstall").out
    assert "stopped and removed" in told
    assert session.ctl("service", "uninstall").out == "no service was installed\n"


def test_install_again_and_uninstall_again_change_nothing(session: UserManager) -> None:
    root = session.repo()
    session.configure(root, quiet="1h")
    first = document(session, "install")
    again = document(session, "install")
    assert (again["kept"], again["pid"]) == ([], first["pid"])
    session.write("notes/late.txt", "late\n")
    session.wait_for(
        "the edit to be seen", lambda: json.loads(session.ctl("status", "--json").out)["repos"][0]["pending"]
    )
    removed = document(session, "uninstall")
    assert removed["removed"] == str(session.home / UNIT)
    assert "late.txt" in session.must("git", "-C", str(root), "ls-files")
    assert session.show("LoadState") == "not-found"
    assert session.must("find", str(session.home / ".config/systemd"), "-not", "-type", "d") == ""
    assert document(session, "uninstall")["removed"] is None
    assert session.run("test", "-e", str(session.home / ".config/gitsync/config.toml")).status == 0


def test_a_daemon_that_runs_otherwise_is_noticed(session: UserManager) -> None:
    session.configure(session.repo())
    session.must(str(BIN / "gitsync"), "--daemon")
    pid = json.loads(session.ctl("status", "--json").out)["daemon"]["pid"]
    ran = session.ctl("service", "install")
    assert ran.status == 3
    assert f"PID {pid}" in ran.errors
    assert "gitsyncctl stop" in ran.errors
    assert session.run("test", "-e", str(session.home / UNIT)).status == 1
    assert "runs outside of it" in session.ctl("service", "status").out
    assert session.ctl("stop").status == 0
    document(session, "install")


def test_a_service_that_does_not_start_says_why_and_leaves_nothing(session: UserManager) -> None:
    root = session.repo()
    session.configure(root)
    # Another gitsync of the same user holds the repository's lock.
    session.must("bash", "-c", f"flock --nonblock {root}/.git sleep 300 >/dev/null 2>&1 & sleep 0.3")
    ran = session.ctl("service", "install")
    assert ran.status == 4
    assert ran.errors.startswith("error: the service did not start: ")
    assert "hint: " in ran.errors
    assert "Traceback" not in ran.errors
    assert session.must("find", str(session.home / ".config/systemd"), "-not", "-type", "d") == ""
    assert session.show("LoadState") == "not-found"


def test_a_configuration_with_a_fault_is_said_before_anything_is_written(session: UserManager) -> None:
    session.write(".config/gitsync/config.toml", '[defaults]\nquiett = "2s"\n')
    ran = session.ctl("service", "install")
    assert ran.status == 2
    assert "quiett" in ran.errors
    assert session.run("test", "-e", str(session.home / UNIT)).status == 1


def test_what_a_person_changed_is_kept(session: UserManager) -> None:
    session.configure(session.repo())
    document(session, "install")
    session.must("bash", "-c", f"echo '# mine' >>{session.home / UNIT}")
    assert document(session, "install")["kept"] == [f"{session.home / UNIT}.bak"]
    assert session.must("tail", "-n1", f"{session.home / UNIT}.bak") == "# mine"
    session.must("bash", "-c", f"echo '# mine again' >>{session.home / UNIT}")
    assert document(session, "uninstall")["kept"] == [f"{session.home / UNIT}.bak1"]
    # A unit that somebody else wrote is not removed.
    session.write(UNIT, "[Service]\nExecStart=/bin/sleep 60\n")
    session.must("systemctl", "--user", "daemon-reload")
    ran = session.ctl("service", "uninstall")
    assert ran.status == 4
    assert "was not written by gitsyncctl" in ran.errors
    assert session.run("test", "-e", str(session.home / UNIT)).status == 0


def test_a_mask_is_lifted_when_that_is_agreed_to_and_put_back(session: UserManager) -> None:
    session.configure(session.repo())
    session.must("systemctl", "--user", "mask", "gitsync")
    ran = session.ctl("service", "install")
    assert ran.status == 4
    assert "is masked" in ran.errors
    assert "gitsyncctl service install --yes" in ran.errors
    assert session.show("LoadState") == "masked"
    assert document(session, "install", "--yes")["active"] is True
    removed = document(session, "uninstall")
    assert (removed["kept"], len(removed["notes"])) == ([], 1)
    assert session.show("LoadState") == "masked"
    assert session.must("readlink", str(session.home / UNIT)) == "/dev/null"
    # A unit that somebody wrote by hand comes back, too, and runs as it did.
    session.must("systemctl", "--user", "unmask", "gitsync")
    session.write(UNIT, "[Service]\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=default.target\n")
    session.must("systemctl", "--user", "daemon-reload")
    session.must("systemctl", "--user", "enable", "--now", "gitsync")
    document(session, "install")
    document(session, "uninstall")
    assert "/bin/sleep 600" in session.show("ExecStart")
    assert (session.show("ActiveState"), session.show("UnitFileState")) == ("active", "enabled")
    # A package's unit, which stays where it is, is hidden and comes back likewise.
    packaged = str(session.home / ".local/share/systemd/user/gitsync.service")
    session.must("systemctl", "--user", "disable", "--now", "gitsync")
    session.must("bash", "-c", f"mkdir -p $(dirname {packaged}) && mv {session.home / UNIT} {packaged}")
    session.must("systemctl", "--user", "daemon-reload")
    session.must("systemctl", "--user", "enable", "--now", "gitsync")
    document(session, "install")
    assert session.show("FragmentPath") == str(session.home / UNIT)
    assert any(packaged in note for note in document(session, "uninstall")["notes"])
    assert (session.show("FragmentPath"), session.show("ActiveState")) == (packaged, "active")
    assert session.show("UnitFileState") == "enabled"


def test_an_agent_that_comes_later_is_found_without_a_restart(session: UserManager) -> None:
    root = session.repo()
    session.must("git", "init", "-q", "--bare", "-b", "main", str(session.home / "hub.git"))
    session.write("ssh.sh", SSH)
    session.must("chmod", "755", str(session.home / "ssh.sh"))
    session.must("git", "-C", str(root), "config", "core.sshCommand", str(session.home / "ssh.sh"))
    session.must("git", "-C", str(root), "config", "ssh.variant", "simple")
    session.must("git", "-C", str(root), "remote", "add", "origin", "ssh://somewhere/hub.git")
    session.configure(root)
    pid = document(session, "install")["pid"]
    agent = str(session.home / "late.sock")

    def state() -> str:
        found: str = json.loads(session.ctl("status", "--json").out)["repos"][0]["state"]
        return found

    session.wait_for("the refusal", lambda: state() == "auth")
    shown = " ".join(session.ctl("status", SSH_AUTH_SOCK=agent).out.split())
    assert "systemctl --user import-environment SSH_AUTH_SOCK; gitsyncctl reload" in shown
    session.must("systemctl", "--user", "import-environment", "SSH_AUTH_SOCK", SSH_AUTH_SOCK=agent)
    session.wait_for("the push", lambda: state() == "ok")
    assert session.must("git", "-C", str(session.home / "hub.git"), "log", "--format=%s", "main") == "first"
    assert str(pid) == session.show("MainPID")


def test_the_environment_is_handed_over_whatever_is_in_it(session: UserManager) -> None:
    root = session.repo()
    odd = '"50%" of $HOME \\ it\'s'
    session.must("mkdir", str(session.home / "my conf"))
    config = str(session.home / "my conf/$x %h.toml")
    session.write("my conf/$x %h.toml", f'[[repo]]\npath = "{root}"\n')
    agent = str(session.home / "agent.sock")
    given = {"GITSYNC_CONFIG": config, "SYNC_ENV": odd, "SSH_AUTH_SOCK": agent, "GITSYNC_SOCKET": "/run/user/1777/s"}
    given |= {"GNUPGHOME": "/keys", "SSL_CERT_FILE": "/ca.pem", "KRB5CCNAME": "FILE:/tmp/krb", "TZ": "Europe/Berlin"}
    pid = document(session, "install", env=given)["pid"]
    seen = session.must("bash", "-c", f"tr '\\0' '\\n' </proc/{pid}/environ").splitlines()
    for name, value in given.items():
        assert f"{name}={value}" in seen
    assert json.loads(session.ctl("status", "--json", **given).out)["repos"][0]["path"] == str(root)
    session.must("systemctl", "--user", "reload", "gitsync")
    document(session, "uninstall", env=given)
    # As an option it is the service's too.
    pid = document(session, "install", "--config", config)["pid"]
    assert f"--config {config}" in session.must("bash", "-c", f"tr '\\0' ' ' </proc/{pid}/cmdline")


def test_an_agent_of_this_login_alone_is_handed_to_the_manager_with_a_note(session: UserManager) -> None:
    session.configure(session.repo())
    agent = "/tmp/ssh-x/agent.1"
    installed = document(session, "install", env={"SSH_AUTH_SOCK": agent})
    assert any("import-environment SSH_AUTH_SOCK" in note for note in installed["notes"])
    seen = session.must("bash", "-c", f"tr '\\0' '\\n' </proc/{installed['pid']}/environ").splitlines()
    assert f"SSH_AUTH_SOCK={agent}" in seen
    assert agent not in session.must("cat", str(session.home / UNIT))


def test_where_there_is_no_manager_it_says_what_to_do(session: UserManager) -> None:
    session.configure(session.repo())
    nowhere = {"XDG_RUNTIME_DIR": "", "DBUS_SESSION_BUS_ADDRESS": ""}
    ran = session.ctl("service", "install", **nowhere)
    assert ran.status == 4
    assert "loginctl enable-linger" in ran.errors
    assert "XDG_RUNTIME_DIR=/run/user/1777" in ran.errors
    assert "XDG_RUNTIME_DIR=/run/user/1777" in session.ctl("service", "status", **nowhere).out
    ran = session.ctl("service", "install", PATH="/nowhere")
    assert ran.status == 4
    assert "gitsync --daemon" in ran.errors
    assert "--once" in ran.errors
    assert document(session, "status", status=3, env={"PATH": "/nowhere"})["manager"] is None


@pytest.mark.soak
def test_after_pip_install_user_one_command_of_systemd_is_enough(session: UserManager, tmp_path: Path) -> None:
    _, wheel = build_checkout(tmp_path)
    shutil.copy(wheel, session.stand)
    python = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", python, "install", "--user", "--no-index", "--no-deps"]
    session.must(*pip, str(session.stand / wheel.name), PIP_BREAK_SYSTEM_PACKAGES="1", PIP_NO_WARN_SCRIPT_LOCATION="1")
    # The libraries are lent by this environment.
    session.must("systemctl", "--user", "set-environment", f"PYTHONPATH={sysconfig.get_path('purelib')}")
    session.configure(session.repo())
    session.must("systemctl", "--user", "daemon-reload")
    session.must("systemctl", "--user", "enable", "--now", "gitsync")
    assert session.show("FragmentPath") == str(session.home / ".local/share/systemd/user/gitsync.service")
    pid = session.show("MainPID")
    assert str(session.home / ".local/bin/gitsync") in session.must("bash", "-c", f"tr '\\0' ' ' </proc/{pid}/cmdline")
    assert str(document(session, "status")["daemon"]["pid"]) == pid
    session.must("systemctl", "--user", "reload", "gitsync", PATH="/usr/bin:/bin")
