"""Detects the conditions under which an exchange may be unwelcome: battery power, and a metered link.

Runs on the thread that owns it. UPower and NetworkManager report both on the system bus, and report each change, so
that nothing is asked in between; without UPower the kernel's /sys/class/power_supply is read, without NetworkManager no
link is metered. `jeepney` speaks D-Bus here and nowhere else in the program.
"""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitsync import proc

if TYPE_CHECKING:
    from jeepney.io.blocking import DBusConnection

logger = logging.getLogger(__name__)

CALL_S = 2.0
# More changes than these during one look are left to the next one.
TRIES = 3
SUPPLIES = Path("/sys/class/power_supply")
# NMMetered of NetworkManager: yes, and what it guesses of a telephone's hot spot.
METERED = (1, 3)
_PMSET_S = 5.0


@dataclass(frozen=True, slots=True)
class Source:
    """A property of a service on the system bus."""

    service: str
    path: str
    interface: str
    name: str


UPOWER = Source("org.freedesktop.UPower", "/org/freedesktop/UPower", "org.freedesktop.UPower", "OnBattery")
NETWORK = Source(
    "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager", "Metered"
)


class Conditions:
    """A connection to the system bus, while there is one; `read` works without it too."""

    def __init__(self, supplies: Path = SUPPLIES) -> None:
        self._supplies = supplies
        self._bus: DBusConnection | None = None
        self._changes: deque[Any] = deque(maxlen=1)

    @property
    def fd(self) -> int | None:
        """Return the descriptor that becomes readable when something changes; None without a bus."""
        return None if self._bus is None else self._bus.sock.fileno()

    def close(self) -> None:
        """Close the connection."""
        if self._bus is not None:
            self._bus.close()
            self._bus = None

    def read(self, *, battery: bool, metered: bool) -> tuple[str, ...]:
        """Return which of the wanted conditions apply now: "battery", "metered"."""
        self._connect()
        found: tuple[str, ...] = ()
        for _ in range(TRIES):
            self._changes.clear()
            found = tuple(self._found(battery=battery, metered=metered))
            self._drain()
            if not self._changes:  # else something changed between two answers
                break
        return found

    def _found(self, *, battery: bool, metered: bool) -> Iterator[str]:
        if battery:
            on_battery = self._ask(UPOWER)
            if is_on_battery(self._supplies) if on_battery is None else on_battery is True:
                yield "battery"
        if metered and self._ask(NETWORK) in METERED:
            yield "metered"

    def _connect(self) -> None:
        if self._bus is not None or sys.platform == "darwin":
            return
        # Imported late: most configurations ask for none of this.
        from jeepney import MatchRule
        from jeepney.bus_messages import message_bus
        from jeepney.io.blocking import open_dbus_connection

        try:
            self._bus = bus = open_dbus_connection(bus="SYSTEM", auth_timeout=CALL_S)
            for source in (UPOWER, NETWORK):
                changed = MatchRule(
                    type="signal",
                    sender=source.service,
                    interface="org.freedesktop.DBus.Properties",
                    member="PropertiesChanged",
                    path=source.path,
                )
                owner = MatchRule(
                    type="signal",
                    sender="org.freedesktop.DBus",
                    interface="org.freedesktop.DBus",
                    member="NameOwnerChanged",
                )
                owner.add_arg_condition(0, source.service)
                for rule in (changed, owner):
                    bus.send_and_get_reply(message_bus.AddMatch(rule), timeout=CALL_S)
            # The bus sends only what was asked for; the sender of a signal is a unique name there.
            bus.filter(MatchRule(type="signal"), queue=self._changes)
        except (OSError, EOFError, ValueError, KeyError, RuntimeError) as error:
            logger.debug("the system bus cannot be reached: %s", error)
            self.close()

    def _ask(self, source: Source) -> Any:
        """Return the value of a property; None where there is no such service."""
        if self._bus is None:
            return None
        from jeepney import DBusAddress, MessageType, Properties

        address = DBusAddress(source.path, bus_name=source.service, interface=source.interface)
        try:
            reply = self._bus.send_and_get_reply(Properties(address).get(source.name), timeout=CALL_S)
        except TimeoutError:
            logger.debug("%s does not answer", source.service)
            return None
        except (OSError, EOFError, ValueError) as error:
            logger.debug("the system bus is lost: %s", error)
            self.close()
            return None
        if reply.header.message_type is not MessageType.method_return:
            return None
        return reply.body[0][1]

    def _drain(self) -> None:
        while self._bus is not None:
            try:
                self._bus.recv_messages(timeout=0)
            except TimeoutError:
                return
            except (OSError, EOFError, ValueError) as error:
                logger.debug("the system bus is lost: %s", error)
                self.close()


def is_on_battery(supplies: Path = SUPPLIES) -> bool:
    """Whether the kernel reports that the machine runs on battery, by the rules of systemd's ConditionACPower."""
    if sys.platform == "darwin":
        return _is_mac_on_battery()
    is_offline = is_discharging = False
    try:
        found = sorted(supplies.iterdir())
    except OSError:
        return False
    for supply in found:
        kind = _value(supply, "type")
        if kind == "Battery":
            # The battery of a mouse or a keyboard says nothing about the machine.
            is_device = _value(supply, "scope") == "Device" or _value(supply, "present") == "0"
            is_discharging |= not is_device and _value(supply, "status") == "Discharging"
        elif kind and kind != "UPS" and _value(supply, "scope") != "Device":
            if _value(supply, "online") in ("1", "2"):
                return False
            is_offline |= _value(supply, "online") == "0"
    return is_discharging or (is_offline and any(_value(supply, "type") == "Battery" for supply in found))


def _value(supply: Path, name: str) -> str:
    try:
        return (supply / name).read_text("ascii", "replace").strip()
    except OSError:
        return ""


def _is_mac_on_battery() -> bool:
    try:
        done = proc.run(["pmset", "-g", "batt"], deadline_s=_PMSET_S)
    except FileNotFoundError:
        return False
    return done.ok and b"'Battery Power'" in done.stdout
