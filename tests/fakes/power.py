"""A system bus of the test's own, with an UPower and a NetworkManager that say what they are told.

Their lie: they have the one property each that gitsync asks for, and report its changes.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.needs import needs

SERVICE = """
import select, sys
from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

POWER = DBusAddress("/org/freedesktop/UPower", interface="org.freedesktop.DBus.Properties")
NETWORK = DBusAddress("/org/freedesktop/NetworkManager", interface="org.freedesktop.DBus.Properties")
values = {"OnBattery": ("b", False), "Metered": ("u", 4)}
with open_dbus_connection(bus="SYSTEM") as bus:
    for name in sys.argv[1:]:
        bus.send_and_get_reply(message_bus.RequestName(name))
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([bus.sock, sys.stdin], [], [])
        if sys.stdin in readable:
            words = sys.stdin.readline().split()
            if not words:
                break
            name, value = words
            values[name] = (values[name][0], type(values[name][1])(int(value)))
            emitter = POWER if name == "OnBattery" else NETWORK
            interface = "org.freedesktop.UPower" if name == "OnBattery" else "org.freedesktop.NetworkManager"
            bus.send(new_signal(emitter, "PropertiesChanged", "sa{sv}as", (interface, {name: values[name]}, [])))
            print("said", flush=True)
        while True:
            try:
                message = bus.receive(timeout=0)
            except TimeoutError:
                break
            if message.header.message_type is MessageType.method_call:
                member = message.header.fields.get(HeaderFields.member)
                if member == "Get" and message.body[1] in values:
                    bus.send(new_method_return(message, "v", (values[message.body[1]],)))
                else:
                    bus.send(new_error(message, "org.freedesktop.DBus.Error.UnknownMethod"))
"""
BOTH = ("org.freedesktop.UPower", "org.freedesktop.NetworkManager")


class SystemBus:
    """A bus, and one process with the services; use it as a context manager."""

    def __init__(self, directory: Path, *services: str) -> None:
        needs("dbus-daemon")
        self.address = f"unix:path={directory / 'system-bus'}"
        self._services = services or BOTH
        self._path = directory / "system-bus"
        self._bus: subprocess.Popen[bytes] | None = None
        self._desk: subprocess.Popen[str] | None = None

    def __enter__(self) -> SystemBus:
        self._bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog", f"--address={self.address}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not self._path.exists():
            assert self._bus.poll() is None
            time.sleep(0.01)
        self._desk = subprocess.Popen(
            [sys.executable, "-c", SERVICE, *self._services],
            env={"DBUS_SYSTEM_BUS_ADDRESS": self.address},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._hear("ready")
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._desk, self._bus):
            if process is not None:
                process.kill()
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        pipe.close()
                process.wait(30)

    def say(self, name: str, value: int) -> None:
        """Set OnBattery (0, 1) or Metered (NetworkManager's numbers), and report the change."""
        assert self._desk is not None
        assert self._desk.stdin is not None
        self._desk.stdin.write(f"{name} {value}\n")
        self._desk.stdin.flush()
        self._hear("said")

    def _hear(self, word: str) -> None:
        assert self._desk is not None
        assert self._desk.stdout is not None
        assert self._desk.stdout.readline().strip() == word
