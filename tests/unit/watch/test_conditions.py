"""Battery and metered link: what UPower and NetworkManager say, and the kernel where they are missing."""

from __future__ import annotations

import select
from pathlib import Path

import pytest

from gitsync.watch.conditions import Conditions, is_on_battery
from tests.fakes.power import SystemBus


def supply(directory: Path, name: str, **values: str) -> None:
    """Write a power supply as the kernel shows one."""
    (directory / name).mkdir(parents=True)
    for key, value in values.items():
        (directory / name / key).write_text(f"{value}\n")


def has_bus(conditions: Conditions) -> bool:
    return conditions.fd is not None


def test_the_kernel_says_what_the_machine_runs_on(tmp_path: Path) -> None:
    assert not is_on_battery(tmp_path / "nowhere")
    supply(tmp_path / "plugged", "AC", type="Mains", online="1")
    supply(tmp_path / "plugged", "BAT0", type="Battery", status="Discharging", present="1")
    assert not is_on_battery(tmp_path / "plugged")
    supply(tmp_path / "away", "AC", type="Mains", online="0")
    supply(tmp_path / "away", "BAT0", type="Battery", status="Unknown", present="1")
    assert is_on_battery(tmp_path / "away")
    supply(tmp_path / "bare", "BAT0", type="Battery", status="Discharging")
    assert is_on_battery(tmp_path / "bare")
    # A desktop machine with a wireless mouse, and one whose USB socket has nothing in it.
    supply(tmp_path / "desk", "hidpp_battery_0", type="Battery", scope="Device", status="Discharging")
    supply(tmp_path / "desk", "ucsi", type="USB", scope="Device", online="0")
    assert not is_on_battery(tmp_path / "desk")


def test_what_the_services_say_counts_and_a_change_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    supply(tmp_path / "power", "BAT0", type="Battery", status="Discharging")
    with SystemBus(tmp_path) as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        conditions = Conditions(tmp_path / "power")
        try:
            # UPower knows better than the kernel.
            assert conditions.read(battery=True, metered=True) == ()
            assert conditions.fd is not None
            assert select.select([conditions.fd], [], [], 0)[0] == []
            for name, value, expected in (
                ("Metered", 3, ("metered",)),
                ("OnBattery", 1, ("battery", "metered")),
                ("Metered", 2, ("battery",)),
            ):
                bus.say(name, value)
                assert select.select([conditions.fd], [], [], 10)[0] == [conditions.fd]
                assert conditions.read(battery=True, metered=True) == expected
            assert conditions.read(battery=False, metered=True) == ()
        finally:
            conditions.close()


def test_a_service_that_is_missing_or_goes_is_replaced_by_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supply(tmp_path / "power", "BAT0", type="Battery", status="Discharging")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'system-bus'}")
    conditions = Conditions(tmp_path / "power")
    assert conditions.read(battery=True, metered=True) == ("battery",)
    assert not has_bus(conditions)
    with SystemBus(tmp_path, "org.freedesktop.NetworkManager") as bus:
        bus.say("Metered", 1)
        assert conditions.read(battery=True, metered=True) == ("battery", "metered")
        assert has_bus(conditions)
    assert conditions.read(battery=True, metered=True) == ("battery",)
    conditions.close()
