"""A real OpenSSH server on the loopback, for one test: own host key, own authorized key, a port from the system.

The listening socket is ours and each connection gets an `sshd -i` of its own, so that no port is guessed and nothing
outlives the test. It lies about nothing but this: whoever logs in is the user who runs the tests, at home in a
directory of the test's, so that no login shell reads his own files: they may take longer than all that is measured.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.needs import needs

SSHD = shutil.which("sshd") or next((path for path in ("/usr/sbin/sshd",) if os.access(path, os.X_OK)), None)
SSH = shutil.which("ssh")


def require_sshd() -> None:
    """Skip where there is no OpenSSH server; on a CI machine that is a failure."""
    needs("sshd", "ssh", "ssh-keygen")


class Sshd:
    """The server, with the files that a client needs to be let in; use it as a context manager."""

    def __init__(self, directory: Path, *, home: Path | None = None, settings: str = "") -> None:
        """`home` is where whoever logs in finds his files and his authorized keys; None: an empty one.

        `settings` are further lines of its configuration.
        """
        require_sshd()
        self.directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.host_key = self.make_key("host_key")
        self.client_key = self.make_key("client_key")
        self.authorized_keys = (directory if home is None else home / ".ssh") / "authorized_keys"
        if home is None:
            self.authorized_keys.write_text(self.client_key.with_suffix(".pub").read_text())
            home = directory / "home"
            home.mkdir(exist_ok=True)
        self.log = directory / "sshd.log"
        self.user = getpass.getuser()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.known_hosts = directory / "known_hosts"
        self.trust(self.host_key)
        self._config = directory / "sshd_config"
        self._config.write_text(
            f"HostKey {self.host_key}\n"
            f"AuthorizedKeysFile {self.authorized_keys}\n"
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "PermitRootLogin yes\nPubkeyAuthentication yes\nPrintMotd no\nPrintLastLog no\n"
            f"SetEnv GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 HOME={home}\nPidFile none\n"
            f"{settings}\n"
        )
        self._children: list[subprocess.Popen[bytes]] = []
        self._thread = threading.Thread(target=self._serve, name="fake-sshd", daemon=True)

    def make_key(self, name: str) -> Path:
        """Make an ed25519 key without a passphrase and return its path."""
        path = self.directory / name
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)], check=True, timeout=60
        )
        return path

    def trust(self, host_key: Path | None) -> None:
        """Make `host_key` the one that clients know this server by; None: they do not know it."""
        line = "" if host_key is None else host_key.with_suffix(".pub").read_text()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {line}" if line else "")

    def client_config(self, *, alias: str = "away", key: Path | None = None, agent: Path | None = None) -> Path:
        """Write an ssh client configuration in which `alias` is this server, and return its path.

        With `agent` (a socket) the keys are that agent's alone.
        """
        path = self.directory / f"ssh_config_{alias}"
        own = f"  IdentityFile {key or self.client_key}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
        path.write_text(
            f"Host {alias}\n  HostName 127.0.0.1\n  Port {self.port}\n  User {self.user}\n"
            + (own if agent is None else f"  IdentityFile none\n  IdentityAgent {agent}\n")
            + f"  UserKnownHostsFile {self.known_hosts}\n  GlobalKnownHostsFile /dev/null\n"
        )
        return path

    def ssh_command(self, *, alias: str = "away", key: Path | None = None, agent: Path | None = None) -> str:
        """Return an ssh command line for GIT_SSH_COMMAND or core.sshCommand."""
        return f"ssh -F '{self.client_config(alias=alias, key=key, agent=agent)}'"

    @contextlib.contextmanager
    def agent(self) -> Iterator[Path]:
        """Run an ssh agent that holds the key which the server takes, and give its socket."""
        socket_path = self.directory / "agent"
        child = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket_path)], stdout=subprocess.PIPE)
        try:
            assert child.stdout is not None
            child.stdout.readline()  # it listens before it says where
            env = {**os.environ, "SSH_AUTH_SOCK": str(socket_path)}
            subprocess.run(["ssh-add", "-q", str(self.client_key)], check=True, timeout=60, env=env)
            yield socket_path
        finally:
            child.terminate()
            child.communicate(timeout=30)

    def url(self, repository: Path, *, alias: str = "away") -> str:
        """Return the URL of a repository on this machine, by way of the server."""
        return f"{alias}:{repository}"

    @property
    def connections(self) -> int:
        """How many connections there were so far."""
        return len(self._children)

    def end_connections(self) -> None:
        """End those that are open, as a network does."""
        for child in self._children:
            child.kill()

    def __enter__(self) -> Sshd:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where a root's sshd drops its privileges
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening (the port is closed from here on) and end the connections."""
        # Closing alone does not wake a thread that is in accept(2).
        with contextlib.suppress(OSError):  # closed before
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._thread.is_alive():
            self._thread.join(30)
        for child in self._children:
            if child.poll() is None:
                child.terminate()
            child.wait(30)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, self.log.open("ab") as log:
                self._children.append(
                    subprocess.Popen(
                        [str(SSHD), "-i", "-e", "-f", str(self._config)],
                        stdin=connection.fileno(),
                        stdout=connection.fileno(),
                        stderr=log,
                    )
                )


class SilentPeer:
    """A server that accepts connections and says nothing, or `drip` a byte at a time; use it as a context manager."""

    def __init__(self, drip: bytes = b"") -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = int(self._listener.getsockname()[1])
        self._drip = drip
        self._thread = threading.Thread(target=self._serve, name="fake-peer", daemon=True)

    def __enter__(self) -> SilentPeer:
        if self._drip:
            self._thread.start()
        return self  # else the kernel accepts for us, and nobody ever reads

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):  # nobody was connected
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._thread.is_alive():
            self._thread.join(30)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # whoever was connected has given up, or the test is over
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    connection.settimeout(0.2)
                    for byte in self._drip * 100:
                        with contextlib.suppress(TimeoutError):
                            if not connection.recv(1024):
                                break
                        connection.sendall(bytes([byte]))


def closed_port() -> int:
    """Return a port on the loopback on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
