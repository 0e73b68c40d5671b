"""The RPM on a machine that boots: nothing starts by itself, an upgrade restarts what runs, a removal ends it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.fakes.built import ROOT, run
from tests.fakes.user_manager import require_user_manager
from tests.needs import needs

# Each part prints a line "== NAME" first. Debian's rpm does not know what dpkg has installed.
SCRIPT = r"""
exec 2>/dev/null
as() { user=$1; shift; su - "$user" -c "export XDG_RUNTIME_DIR=/run/user/\$(id -u); $*"; }
rpm --nodeps -i /var/tmp/given/*.rpm
for user in ada fay; do useradd -m -s /bin/bash $user; loginctl enable-linger $user; done
sleep 1
for user in ada fay; do
    as $user 'git config --global user.name A; git config --global user.email a@b.c; mkdir Notes'
    as $user 'gitsyncctl watch ~/Notes --init' >/dev/null
done
pids() { for unit in gitsync gitsync-web; do as ada "systemctl --user show -p MainPID --value $unit"; done; }
echo "== before"
find /etc/systemd -name '*gitsync*'
as ada 'systemctl --user preset gitsync.socket gitsync-once.timer; systemctl --user is-enabled gitsync.socket'
as ada 'systemctl --user enable --now gitsync && systemctl --user start gitsync-web'
as fay gitsync --daemon
echo "== upgrade"
pids; rpm --nodeps -U --replacepkgs /var/tmp/given/*.rpm; sleep 2; pids
as ada 'systemctl --user show -p NeedDaemonReload --value gitsync'
echo "== removal"
as fay 'echo late >Notes/late.txt; sleep 0.3'
rpm -e gitsync
ps -eo args | grep -c '[/]usr/bin/gitsync'
find /etc/systemd /home/*/.config/systemd /usr/lib/gitsync /usr/bin -name '*gitsync*'
as fay 'git -C Notes log --format=%s -1'
echo "== end"
"""


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_it_starts_for_those_who_enable_it_and_is_gone_when_it_is_removed(tmp_path: Path) -> None:
    needs("rpmbuild", "systemd-nspawn")
    require_user_manager()
    (tmp_path / "given").mkdir()
    run(
        ROOT / "contrib/rpm/build.sh",
        tmp_path / "given",
        PIP_PYTHON=sys.executable,
        RPM_PACKAGER="Ada <ada@lovelace.dev>",
    )
    script = tmp_path / "script.sh"
    script.write_text(SCRIPT)
    out = run("bash", ROOT / "tests/fakes/booted.sh", script, tmp_path / "given", timeout_s=500)
    said = {name: part.split("\n")[:-1] for name, part in re.findall(r"== (\w+)\n(.*?)(?=== \w+\n|\Z)", out, re.S)}
    assert "end" in said, out
    assert said["before"] == ["disabled"]
    daemon, page, new_daemon, new_page, is_stale = said["upgrade"]
    assert "0" not in (daemon, page, new_daemon, new_page)
    assert (daemon != new_daemon, page != new_page, is_stale) == (True, True, "no")
    assert said["removal"] == ["0", "Add late.txt"]
