"""No secret gets out: real flows with tokens in URLs, and a look at all that gitsync says and writes about them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for

PASSWORD = "hunter2passw0rd"
TOKEN = "s3cr3ttok3nvalue"
HIDDEN = (PASSWORD, TOKEN)
BROKEN = """
import sys
from gitsync.{program} import main
def broken(*_):
    raise ValueError("cannot use {url} with Authorization: Bearer {token}")
{patch}
sys.exit(main.main({argv}))
"""


class Forge(BaseHTTPRequestHandler):
    """A server that refuses, and says back what it was asked, as some do."""

    def do_GET(self) -> None:
        body = f"denied: http://ada:{PASSWORD}@{self.headers['Host']}{self.path}\n".encode()
        self.send_response(403)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def forge() -> Iterator[str]:
    """The URL of a repository on that server, with a password and a token."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Forge) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://ada:{PASSWORD}@127.0.0.1:{server.server_address[1]}/x.git?access_token={TOKEN}"
        server.shutdown()
        thread.join()


def written(box: Machine) -> dict[str, str]:
    """Return the text of everything that gitsync wrote outside of git's own files."""
    places = [box.log, *(box.home / ".local/state").rglob("*"), *box.run_dir.rglob("*")]
    return {str(path): path.read_text(errors="replace") for path in places if path.is_file()}


def test_a_token_in_a_url_is_in_nothing_that_gitsync_says(box: Machine, forge: str) -> None:
    root = box.repo()
    box.configure()
    box.start("-v")
    said: dict[str, str] = {}

    def ctl(*argv: str) -> int:
        done = box.ctl(*argv)
        said[" ".join(argv).replace(forge, "URL")] = done.stdout + done.stderr
        return done.returncode

    assert ctl("watch", str(root), "--remote", forge) != 0  # it is asked, and does not let us in
    run_git(root, "remote", "add", "origin", forge)
    assert ctl("watch", str(root)) == 0
    (root / "a.txt").write_text("a\n")
    wait_for("the refusal", lambda: box.repo_status()["error"])
    ctl("sync", "--wait")
    for argv in (("status",), ("list",), ("events",), ("doctor",), ("config", "get", "repo"), ("explain", str(root))):
        ctl(*argv)
        ctl(*argv, "--json")
    # Another one for the same repository is refused, and names both.
    assert ctl("watch", str(root), "--remote", forge.replace("x.git", "y.git")) != 0
    # One that cannot be asked is refused at once, with what git says of it.
    assert ctl("watch", str(box.home / "two"), "--init", "--remote", forge.replace("http:", "nonsense:")) != 0
    ctl("status", "--json")
    # The secret itself is named as the remote, and the file has a fault.
    text = box.config.read_text()
    box.write_config(
        text + f'\n[[repo]]\npath = "{root}-b"\nremote = "{forge}"\nquiett = "{forge}"\nmode = "{forge}"\n'
    )
    assert ctl("reload") == 2
    said["check"] = (lambda done: done.stdout + done.stderr)(box.gitsync("--check"))
    box.write_config(text)
    assert box.stop() == 0
    for argv in (("status", "--json"), ("list", "--json"), ("sync", "--wait"), ("doctor", "--json")):
        ctl(*argv)
    said["once"] = (lambda done: done.stdout + done.stderr)(box.gitsync("--once", "-v"))
    told = said | written(box)
    assert "127.0.0.1" in told["status"]
    leaks = {
        name: [line for line in text.splitlines() if any(secret in line for secret in HIDDEN)]
        for name, text in told.items()
        if any(secret in text for secret in HIDDEN)
    }
    assert leaks == {}
    # It was kept where it belongs.
    assert TOKEN in run_git(root, "remote", "get-url", "origin")


@pytest.mark.parametrize("program", ["daemon", "cli"])
def test_a_report_of_a_bug_holds_none(box: Machine, forge: str, program: str) -> None:
    if program == "daemon":
        patch, argv = "main.load = broken", ["--check", "--config", forge]
    else:
        patch, argv = "main._find = broken", ["watch", "/x", "--remote", forge]
    code = BROKEN.format(program=program, url=forge, token=TOKEN, patch=patch, argv=argv)
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, env=box.env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 70
    (report,) = Path(box.home / ".local/state/gitsync/reports").iterdir()
    text = report.read_text()
    assert "ValueError" in text
    for secret in HIDDEN:
        # The line of the source that is quoted is this test's own.
        assert secret not in done.stdout + done.stderr
        assert secret not in "\n".join(line for line in text.splitlines() if "raise ValueError" not in line)


def test_a_proxy_with_a_password_is_in_no_error(box: Machine) -> None:
    root = box.repo()
    run_git(root, "remote", "add", "origin", "http://example.invalid/x.git")
    box.configure(root)
    box.env["http_proxy"] = f"http://ada:{PASSWORD}@127.0.0.1:9"
    box.start("-v")
    wait_for("the refusal", lambda: box.repo_status()["error"])
    assert PASSWORD not in json.dumps(box.status()) + box.ctl("events").stdout + box.ctl("doctor").stdout
    assert box.stop() == 0
    assert not [name for name, text in written(box).items() if PASSWORD in text]
