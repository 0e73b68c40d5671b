"""The process of the page: its address, its way in, and its end.

`run` takes the main thread: the event loop runs on it, handlers on worker threads. Owns the listening socket and the
file that leads the browser in.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import signal
import socket
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Generator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import anyio
import uvicorn

from gitsync import places
from gitsync.errors import OperationError, UsageError
from gitsync.web import table
from gitsync.web.app import application
from gitsync.web.feed import Feed
from gitsync.web.gateway import Gateway
from gitsync.web.guard import ENTRANCE, Guard, Place
from gitsync.web.library import Library
from gitsync.web.page import House, address, quoted
from gitsync.web.render import Renderer
from gitsync.web.sessions import Sessions

LOOPBACK = "127.0.0.1"
# Open responses are given so long to end.
END_S = 1
QUEUE = 64


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `gitsyncctl web`."""

    config: str | None = None
    socket: str | None = None
    port: int = 0
    listen: str = ""
    password_file: str | None = None
    certificate: str | None = None
    key: str | None = None
    is_opening: bool = True
    start: str = "/"


def run(options: Options, announce: Callable[[str], None]) -> None:
    """Serve the page until SIGINT or SIGTERM; `announce` gets the address that opens it, once."""
    # A malformed request is its sender's affair; bugs are reported by the guard.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    sessions = Sessions(_checked_password(options))
    with contextlib.closing(_bound(options)) as listener:
        name, port = options.listen or LOOPBACK, listener.getsockname()[1]
        place = _place(name, port, is_secure=options.certificate is not None)
        gateway = Gateway(options.config, options.socket)
        feed = Feed(lambda: gateway.address)
        house = House(
            gateway, Library(options.config), Renderer({"address": address, "quoted": quoted}, table.links()), feed
        )
        shown = f"[{name}]" if ":" in name else name
        entry = f"{'https' if place.is_secure else 'http'}://{shown}:{port}{ENTRANCE}?token={sessions.new_token()}"
        with _redirect(entry) as file:

            def entered() -> None:
                file.unlink(missing_ok=True)
                house.library.begin()

            guard = Guard(application(house, table.pages()), place, sessions, entered, options.start)
            server = _Server(_settings(guard, options), house, lambda: _open(announce, entry, file, options))
            anyio.run(_serve, server, listener)


async def _serve(server: _Server, listener: socket.socket) -> None:
    await server.serve([listener])


def _settings(guard: Guard, options: Options) -> uvicorn.Config:
    return uvicorn.Config(
        guard,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=END_S,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
    )


class _Server(uvicorn.Server):
    """Ends with its event streams and reads: they would keep it past its time otherwise."""

    def __init__(self, config: uvicorn.Config, house: House, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._house = house
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and only then say where."""
        await super().startup(sockets)
        self._on_start()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take both signals as an orderly end, with status 0."""
        before = {number: signal.signal(number, self._end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, number: int, frame: object) -> None:
        self.should_exit = True
        self._house.feed.close()
        self._house.library.close()


def _checked_password(options: Options) -> str:
    """Return the password; raise UsageError where others could reach the page without one, or without encryption."""
    if _is_loopback(options.listen or LOOPBACK):
        return _password(options.password_file) if options.password_file else ""
    given = {"--password-file": options.password_file, "--certificate": options.certificate, "--key": options.key}
    missing = [flag for flag, value in given.items() if not value]
    if missing:
        raise UsageError(
            f"--listen {options.listen} lets other machines in, and needs {', '.join(missing)}",
            "leave out --listen to have the page on this machine alone; from elsewhere: "
            "ssh -L 8080:127.0.0.1:PORT with gitsyncctl web --port PORT",
        )
    return _password(str(options.password_file))


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _password(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            facts = os.fstat(file.fileno())
            password = file.readline().rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the password file {path}: {error}", "write it as one line of text") from error
    if facts.st_mode & 0o077:
        raise UsageError(f"others can read the password file {path}", f"chmod 600 {path}")
    if len(password) < 12:
        raise UsageError(f"the password in {path} is shorter than 12 characters", "write a longer one")
    return password


def _bound(options: Options) -> socket.socket:
    name = options.listen or LOOPBACK
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            name, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(QUEUE)
    except (OSError, OverflowError) as error:
        what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise OperationError(f"cannot listen on {name}, port {options.port}: {what}", "try another --port") from error
    return listener


def _place(name: str, port: int, *, is_secure: bool) -> Place:
    """Return the addresses that this server answers to: those it can be reached by, and no others."""
    names = {name, LOOPBACK, "localhost", "[::1]"} if _is_loopback(name) else {name, socket.gethostname()}
    shown = {f"[{each}]" if ":" in each and not each.startswith("[") else each for each in names}
    scheme, usual = ("https", 443) if is_secure else ("http", 80)
    origins = {f"{scheme}://{each.lower()}:{port}" for each in shown}
    origins |= {f"{scheme}://{each.lower()}" for each in shown} if port == usual else set()
    # Cookies do not distinguish ports: two pages on one machine need two names.
    return Place(frozenset(origins), f"gitsync-{port}", is_secure)


@contextlib.contextmanager
def _redirect(entry: str) -> Generator[Path, None, None]:
    """Give a file that leads a browser in: other users can read the command line of a browser, but not this."""
    handle, name = tempfile.mkstemp(prefix="web-", suffix=".html", dir=places.runtime_dir())
    file = Path(name)
    try:
        with open(handle, "w", encoding="utf-8") as writing:
            writing.write(
                f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={escape(entry)}">'
                f'<title>gitsync</title><a href="{escape(entry)}">gitsync</a>\n'
            )
        yield file
    finally:
        file.unlink(missing_ok=True)


def _open(announce: Callable[[str], None], entry: str, file: Path, options: Options) -> None:
    announce(entry)
    if options.is_opening and _has_screen():
        webbrowser.open(file.as_uri())


def _has_screen() -> bool:
    """Return whether a browser would have a window of its own; one on the terminal would take it away."""
    shown = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform == "darwin" or any(os.environ.get(name) for name in shown)
