"""The process of the page: its address, its way in, and its end.

`run` takes the main thread: the event loop runs on it, handlers on worker threads. Owns the listening socket.
"""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import logging
import math
import os
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import anyio
import uvicorn
from anyio import to_thread

from gitsync import places
from gitsync.clock import SystemClock
from gitsync.errors import EXIT_OK, OperationError, UsageError
from gitsync.web import activation, table
from gitsync.web.app import application
from gitsync.web.entrance import Entrance
from gitsync.web.feed import Feed
from gitsync.web.gateway import Gateway
from gitsync.web.guard import Guard, Place
from gitsync.web.library import Library
from gitsync.web.page import House, address, quoted
from gitsync.web.render import Renderer
from gitsync.web.sessions import Sessions

LOOPBACK = "127.0.0.1"
# Open responses are given so long to end.
END_S = 1
QUEUE = 64
# Pages that are made at the same time.
WORKERS = 12
# malloc.h of glibc, and from how many bytes on a piece of memory is given back as soon as it is free.
M_ARENA_MAX, M_MMAP_THRESHOLD = -8, -3
LARGE = 1 << 18
# As a service it is started again by the next call.
IDLE_S = 600.0


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
    start: str = ""


def run(options: Options, announce: Callable[[str], None]) -> None:
    """Serve the page until SIGINT or SIGTERM; `announce` gets the address that opens it, once.

    As a service it announces no address that lets in, and ends when nobody has used it for IDLE_S seconds.
    """
    # A malformed request is its sender's affair; bugs are reported by the guard.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    _share_heap()
    passed = activation.passed()
    kept = places.runtime_dir() / "web-sessions" if passed else None
    sessions = Sessions(_checked_password(options), kept)
    with contextlib.closing(passed.page if passed else _bound(options)) as listener:
        name, port = options.listen or listener.getsockname()[0], listener.getsockname()[1]
        place = _place(name, port, is_secure=options.certificate is not None)
        gateway = Gateway(options.config, options.socket)
        feed = Feed(lambda: gateway.address)
        house = House(
            gateway, Library(options.config), Renderer({"address": address, "quoted": quoted}, table.links()), feed
        )
        shown = f"[{name}]" if ":" in name else name
        origin = f"{'https' if place.is_secure else 'http'}://{shown}:{port}"
        with contextlib.closing(Entrance(origin, sessions)) as entrance:

            def entered(token: str) -> None:
                entrance.spent(token)
                house.library.begin()

            guard = Guard(application(house, table.pages()), place, sessions, entered)
            config = _settings(guard, options)
            if passed:
                server = _Server(config, house, lambda: announce(origin), IDLE_S)
                anyio.run(_serve_with_door, server, listener, passed.door, entrance, options.config)
            else:
                server = _Server(config, house, lambda: _open(announce, *entrance.new(options.start), options))
                anyio.run(_serve, server, listener)
    if house.works.is_busy:
        # A thread that waits for git would keep the process; git ends with it.
        sys.stdout.flush()
        os._exit(EXIT_OK)


def _share_heap() -> None:
    """Have all threads allocate from one heap: with glibc each has its own, and keeps what it once needed."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE)


async def _serve(server: _Server, listener: socket.socket) -> None:
    to_thread.current_default_thread_limiter().total_tokens = WORKERS
    await server.serve([listener])


async def _serve_with_door(
    server: _Server, listener: socket.socket, door: socket.socket, entrance: Entrance, config: str | None
) -> None:
    def entry(start: str) -> dict[str, str]:
        where, file = entrance.new(start)
        return {"address": where, "file": str(file), "config": str(places.config_file(config))}

    async with await activation.answer(door, entry):
        await _serve(server, listener)


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

    def __init__(
        self, config: uvicorn.Config, house: House, on_start: Callable[[], None], idle_s: float = math.inf
    ) -> None:
        super().__init__(config)
        self._house = house
        self._on_start = on_start
        self._idle_s = idle_s
        self._clock = SystemClock()
        self._used_at = self._clock.now()

    async def on_tick(self, counter: int) -> bool:
        """Return whether to end: at a signal, or when there was no request for long; an open event stream is one."""
        now = self._clock.now()
        if self.server_state.tasks:
            self._used_at = now
        return await super().on_tick(counter) or now - self._used_at > self._idle_s

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
        self._house.works.close()


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
    return Place(frozenset(origins), f"gitsync-{port}", is_secure, is_for_one_user=_is_loopback(name))


def _open(announce: Callable[[str], None], entry: str, file: Path, options: Options) -> None:
    announce(entry)
    if options.is_opening:
        open_browser(file)


def open_browser(file: Path) -> None:
    """Have the browser read the file of an entry, where there is a screen to show it on."""
    if _has_screen():
        webbrowser.open(file.as_uri())


def _has_screen() -> bool:
    """Return whether a browser would have a window of its own; one on the terminal would take it away."""
    shown = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform == "darwin" or any(os.environ.get(name) for name in shown)
