"""Starts the page on a test's machine, and asks it by hand: every byte of a request is the test's."""

from __future__ import annotations

import http.client
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.daemon.harness import BIN, Machine

START_S = 20.0


@dataclass
class Reply:
    """A response: its status, its headers by small names, its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")


@dataclass
class Site:
    """A running page; `cookie` is that of a session once `enter` was called."""

    process: subprocess.Popen[str]
    entry: str
    cookie: str = ""
    printed: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.entry).netloc

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://{self.host}"

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Reply:
        """Send one request with exactly these headers (`_` is `-`), a Host and the session's cookie if not given."""
        sent = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        sent.setdefault("host", self.host)
        if self.cookie:
            sent.setdefault("cookie", self.cookie)
        connection = http.client.HTTPConnection(self.host, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if value:
                    connection.putheader(name, value)
            if (body or method == "POST") and "content-length" not in sent:
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body.encode("ascii") if body else None)
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        """Ask as a page of this server would."""
        return self.ask("GET", path, **{"sec_fetch_site": "same-origin", **headers})

    def post(self, path: str, body: str = "", **headers: str) -> Reply:
        """Send a form as a page of this server would, and wait for its end where that takes long."""
        found = self.ask("POST", path, body, **{"sec_fetch_site": "same-origin", "origin": self.origin, **headers})
        work = found.headers.get("location", "")
        while (
            work.startswith("/waiting?")
            and found.status in (200, 303)
            and found.headers.get("location") in (work, None)
        ):
            time.sleep(0.2)
            found = self.get(work)
        return found

    def enter(self) -> Reply:
        """Spend the token, and keep the cookie."""
        found = self.ask("GET", self.entry.removeprefix(self.origin))
        self.cookie = found.headers["set-cookie"].split(";")[0]
        return found


def begun(site: Site, path: str, until: str) -> http.client.HTTPConnection:
    """Ask for a page, read it as far as some words, and return the connection."""
    connection = http.client.HTTPConnection(site.host, timeout=20)
    connection.request("GET", path, headers={"cookie": site.cookie})
    answer, text = connection.getresponse(), ""
    while until not in text:
        part = answer.read1(65536).decode()
        assert part, text
        text += part
    return connection


def path_of(page: str, **values: str) -> str:
    """Return the address of a page with parameters."""
    return page + "?" + "&".join(f"{name}={quote(os.fsencode(value), safe='')}" for name, value in values.items())


@contextmanager
def page(box: Machine, *options: str, is_opening: bool = False) -> Iterator[Site]:
    """Give a running page, and end it; one that says more than its address fails the test."""
    process = subprocess.Popen(
        [str(BIN / "gitsyncctl"), "web", *([] if is_opening else ["--no-browser"]), *options],
        env=box.env,
        cwd=box.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        ready, _, _ = select.select([process.stdout], [], [], START_S)
        line = process.stdout.readline() if ready else ""
        found = re.search(r"https?://\S+", line)
        assert found, f"{line!r}, {process.poll()}: {process.stderr.read() if process.poll() is not None else ''}"
        yield Site(process, found[0], printed=[line])
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    reports = "".join(Path(path).read_text() for path in re.findall(r"the report is in (\S+)", errors))
    assert (process.returncode, errors) == (0, ""), f"{process.returncode}: {errors}{reports}"
