"""On battery and on a metered link: commits go on, exchanges wait, and `sync` does it anyway."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for
from tests.fakes.power import SystemBus


def test_exchanges_and_jobs_wait_for_power_and_link(box: Machine, hub: Path, tmp_path: Path) -> None:
    root, other = box.repo(remote=hub), tmp_path / "other.git"
    run_git(root, "push", "-q", "origin", "main")
    run_git(tmp_path, "clone", "-q", "--bare", str(hub), str(other))
    box.configure(root)
    settings = '\n[daemon]\non_battery = "commit"\nmetered = "commit"\n'
    job = f'\n[[job]]\nname = "far"\npath = "~/far"\nurl = "{other}"\nevery = "1s"\n'
    box.write_config(box.config.read_text() + settings + job)

    def there() -> str:
        return run_git(hub, "rev-parse", "main")

    with SystemBus(tmp_path) as bus:
        box.env["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
        bus.say("OnBattery", 1)
        box.start()
        wait_for("the power supply to be known", lambda: box.status()["deferred"] == ["battery"])
        (root / "a.txt").write_text("a\n")
        head, before = box.wait_committed(root), there()
        box.wait_state("ok")
        status = box.status()
        assert status["repos"][0]["reason"] == status["jobs"][0]["reason"] == "on battery: pull and push wait"
        assert status["jobs"][0]["last_run"] is None
        shown = box.ctl("status")
        assert "on battery: pull and push wait; to exchange now: gitsyncctl sync" in shown.stdout
        assert shown.returncode == 0
        assert before == there()
        # Whoever asks for it gets it, once.
        assert box.ctl("sync", "--wait").returncode == 0
        assert there() == head
        assert box.status()["jobs"][0]["last_run"] is not None
        (root / "b.txt").write_text("b\n")
        head = box.wait_committed(root)
        bus.say("Metered", 1)
        bus.say("OnBattery", 0)
        wait_for("the link to be known", lambda: box.status()["deferred"] == ["metered"])
        assert there() != head
        bus.say("Metered", 2)
        wait_for("the push", lambda: there() == head)
        assert box.status()["deferred"] == []
        # A reload takes a changed setting over.
        bus.say("OnBattery", 1)
        wait_for("the battery", lambda: box.status()["deferred"] == ["battery"])
        (root / "c.txt").write_text("c\n")
        head = box.wait_committed(root)
        assert box.ctl("config", "set", "daemon.on_battery", "sync").returncode == 0
        assert box.ctl("reload").returncode == 0
        wait_for("the push", lambda: there() == head)


def test_a_single_pass_and_a_command_without_a_daemon_commit_only(box: Machine, hub: Path, tmp_path: Path) -> None:
    root = box.repo(remote=hub)
    run_git(root, "push", "-q", "origin", "main")
    box.configure(root)
    box.write_config(box.config.read_text() + '\n[daemon]\nmetered = "commit"\n')
    (root / "a.txt").write_text("a\n")
    with SystemBus(tmp_path) as bus:
        box.env["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
        bus.say("Metered", 1)
        ran = box.gitsync("--once")
        assert (ran.returncode, "on a metered link: pull and push wait" in ran.stderr) == (0, True)
        assert run_git(root, "status", "--porcelain") == ""
        assert run_git(hub, "rev-parse", "main") != run_git(root, "rev-parse", "HEAD")
        assert box.ctl("sync").returncode == 0
        assert run_git(hub, "rev-parse", "main") == run_git(root, "rev-parse", "HEAD")
