"""A real lighttpd with `git http-backend` behind it, on the loopback, for one test.

Its socket is ours and handed over, so that no port is guessed; what is below /private asks for a password. What is
below /git may be refused for a while, as a busy server does it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.needs import needs

LIGHTTPD = shutil.which("lighttpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
USER, PASSWORD = "ada", "s3cret-w0rds"


def require_lighttpd() -> None:
    """Skip where there is no lighttpd; on a CI machine that is a failure."""
    needs("lighttpd")


class Web:
    """The server; `root` holds the bare repositories. Use it as a context manager."""

    def __init__(self, directory: Path, root: Path) -> None:
        require_lighttpd()
        directory.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.log = directory / "lighttpd.log"
        users = directory / "users"
        users.write_text(f"{USER}:{PASSWORD}\n")
        backend = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True, timeout=30)
        self._requests, self._refusal = directory / "requests", directory / "refusal"
        wrapper = directory / "backend"
        wrapper.write_text(
            f'#!/bin/sh\necho "$REQUEST_METHOD $PATH_INFO" >>"{self._requests}"\n'
            f'[ -f "{self._refusal}" ] && exec cat "{self._refusal}"\n'
            f"exec {backend.stdout.strip()}/git-http-backend\n"
        )
        wrapper.chmod(0o755)
        self._config = directory / "lighttpd.conf"
        self._config.write_text(
            'server.modules = ("mod_setenv", "mod_alias", "mod_auth", "mod_authn_file", "mod_cgi")\n'
            f'server.document-root = "{directory}"\nserver.errorlog = "{self.log}"\n'
            'server.systemd-socket-activation = "enable"\n'
            f'server.upload-dirs = ("{directory}")\n'
            f'setenv.add-environment = ("GIT_PROJECT_ROOT" => "{root}", "GIT_HTTP_EXPORT_ALL" => "1",\n'
            f'  "HOME" => "{directory}", "GIT_CONFIG_NOSYSTEM" => "1")\n'
            f'alias.url = ("/git" => "{wrapper}",\n'
            f'  "/private" => "{backend.stdout.strip()}/git-http-backend")\n'
            'cgi.assign = ("" => "")\n'
            f'auth.backend = "plain"\nauth.backend.plain.userfile = "{users}"\n'
            'auth.require = ("/private" => ("method" => "basic", "realm" => "git", "require" => "valid-user"))\n'
        )
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, repository: str, *, is_private: bool = False, user: str = "") -> str:
        """Return the URL of a repository below `root`."""
        host = f"{user}@127.0.0.1" if user else "127.0.0.1"
        return f"http://{host}:{self.port}/{'private' if is_private else 'git'}/{repository}"

    def refuse(self, status: str, *headers: str) -> None:
        """Answer everything below /git with this status; "" ends that."""
        if status:
            self._refusal.write_text("\r\n".join((f"Status: {status}", *headers, "", "")))
        else:
            self._refusal.unlink()

    @property
    def requests(self) -> list[str]:
        """Return the method and the path of each request below /git so far."""
        return self._requests.read_text().splitlines() if self._requests.exists() else []

    def __enter__(self) -> Web:
        fd = self._listener.fileno()
        # Handed over as systemd does it: as descriptor 3, and with the process's own number.
        launch = (
            f"import os; os.dup2({fd}, 3); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
            f"os.execv({LIGHTTPD!r}, ['lighttpd', '-D', '-f', {str(self._config)!r}])"
        )
        self._process = subprocess.Popen([sys.executable, "-c", launch], pass_fds=[fd], start_new_session=True)
        ends_at = time.monotonic() + 30
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > ends_at:
                self.close()
                raise AssertionError(f"lighttpd does not run: {self.log.read_text() if self.log.exists() else ''}")
            time.sleep(0.02)
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server; its port is closed from here on."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)
        self._listener.close()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.settimeout(5)
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return bool(connection.recv(1))
        except OSError:
            return False
