"""The Debian package on a machine that boots: installed, used by three people, upgraded, purged."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.fakes.built import ROOT, run
from tests.needs import needs

# Each part prints a line "== NAME" first.
SCRIPT = r"""
exec 2>&1
as() { user=$1; shift; su - "$user" -c "export XDG_RUNTIME_DIR=/run/user/\$(id -u); $*"; }
dpkg -i /var/tmp/given/*.deb >/dev/null
for user in ada bob; do useradd -m -s /bin/bash $user; loginctl enable-linger $user; done
useradd -m -s /bin/bash eve
sleep 1
for user in ada bob eve; do
    as $user 'git config --global user.name A; git config --global user.email a@b.c; mkdir Notes; echo hi >Notes/a.txt'
    as $user 'gitsyncctl watch ~/Notes --init' >/dev/null
done
pids() {
    for user in ada bob; do as $user 'systemctl --user show -p MainPID --value gitsync'; done
    systemctl show -p MainPID --value gitsync@eve
}
echo "== start"
as ada systemctl --user enable --now gitsync >/dev/null && echo enabled
as bob gitsyncctl service install | head -n 1
systemctl enable --now gitsync@eve && echo enabled
su - eve -c 'env -u XDG_RUNTIME_DIR gitsyncctl status' | head -n 1
as eve gitsyncctl service status | tail -n 1
echo "== server"
as eve 'gitsyncctl stop; gitsyncctl status'
systemctl start gitsync@eve
echo "== restarts"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do as ada systemctl --user restart gitsync || echo refused; done
as ada gitsyncctl status | head -n 1
echo "== levels"
as ada 'echo "quiett = 3" >>~/.config/gitsync/config.toml; systemctl --user restart gitsync 2>/dev/null'
as ada 'journalctl --user -u gitsync -p warning -o cat'
as ada 'gitsyncctl status; echo "status $?"; sed -i /quiett/d ~/.config/gitsync/config.toml'
as ada systemctl --user start gitsync
as ada 'echo two >Notes/b.txt; sleep 5; journalctl --user GITSYNC_REPO=Notes GITSYNC_EVENT=committed -o cat | tail -n 1'
echo "== places"
as ada 'man -w gitsync gitsyncctl gitsync.toml'
find /usr/share/bash-completion /usr/share/zsh /usr/share/fish -name '*gitsync*' | sort
echo "== upgrade"
pids; dpkg -i /var/tmp/given/*.deb >/dev/null; sleep 2; pids
echo "== purge"
useradd -m -s /bin/bash fay
as fay 'git config --global user.name F; git config --global user.email f@b.c'
as fay 'gitsyncctl watch ~/Notes --init' >/dev/null
as fay gitsync --daemon
as fay 'echo late >Notes/late.txt; sleep 0.3'
dpkg --purge gitsync >/dev/null
ps -eo args | grep -c '[/]usr/bin/gitsync$'
find /etc/systemd /home -name '*gitsync*' -type l
find /usr/lib/gitsync /usr/bin/gitsync* /usr/share/doc/gitsync 2>/dev/null
as ada 'cat Notes/b.txt; git -C Notes log --format=%s -1'
as fay 'git -C Notes log --format=%s -1'
echo "== end"
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the lines that each part of the script has printed."""
    needs("systemd-nspawn", "unshare", "dpkg-deb")
    if os.geteuid() != 0:
        pytest.skip("only root can boot a machine")
    base = tmp_path_factory.mktemp("booted")
    (base / "given").mkdir()
    run(
        ROOT / "contrib/debian/build.sh",
        base / "given",
        PIP_PYTHON=sys.executable,
        DPKG_DEB_COMPRESSOR_TYPE="none",
        DEBFULLNAME="Ada Lovelace",
        DEBEMAIL="ada@lovelace.dev",
    )
    script = base / "script.sh"
    script.write_text(SCRIPT)
    out = run("bash", ROOT / "tests/fakes/booted.sh", script, base / "given", timeout_s=500)
    found = {name: part.strip().splitlines() for name, part in re.findall(r"== (\w+)\n(.*?)(?=== \w+\n|\Z)", out, re.S)}
    assert "end" in found, out
    return found


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_each_way_to_start_it_works_at_once(said: dict[str, list[str]]) -> None:
    ada, bob, eve, seen, named = (line for line in said["start"] if not line.startswith("Created symlink"))
    assert (ada, eve) == ("enabled", "enabled")
    assert "runs as a service of systemd" in bob
    assert ", running for " in seen
    assert "as the system's service gitsync@eve" in named


@pytest.mark.soak
def test_the_user_of_a_server_is_shown_the_command_of_the_system(said: dict[str, list[str]]) -> None:
    assert "the service is stopped: the system runs it as gitsync@eve" in said["server"][1]
    assert said["server"][2].endswith("to start it: sudo systemctl start gitsync@eve")


@pytest.mark.soak
def test_restarts_by_hand_are_not_refused(said: dict[str, list[str]]) -> None:
    assert "refused" not in said["restarts"]
    assert ", running for " in said["restarts"][-1]


@pytest.mark.soak
def test_the_journal_has_the_reason_at_its_level(said: dict[str, list[str]]) -> None:
    lines = said["levels"]
    assert re.match(r"error: .*config\.toml:\d+: .*quiett", lines[0])
    assert lines[1].startswith("hint: ")
    assert "status 1" in lines
    assert lines[-1].startswith("committed Notes ")


@pytest.mark.soak
def test_manual_and_completions_are_where_they_are_looked_for(said: dict[str, list[str]]) -> None:
    names = [Path(line).name for line in said["places"]]
    assert names[:3] == ["gitsync.1.gz", "gitsyncctl.1.gz", "gitsync.toml.5.gz"]
    assert sorted(names[3:]) == ["_gitsyncctl", "gitsync", "gitsync.fish", "gitsyncctl", "gitsyncctl.fish"]


@pytest.mark.soak
def test_an_upgrade_restarts_every_daemon_and_a_purge_leaves_none(said: dict[str, list[str]]) -> None:
    before, after = said["upgrade"][:3], said["upgrade"][3:]
    assert "0" not in (*before, *after)
    assert not set(before) & set(after)
    assert said["purge"] == ["0", "two", "Add b.txt", "Add late.txt"]
