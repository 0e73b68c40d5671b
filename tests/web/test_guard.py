"""Requests that must not be answered: each is sent by hand to the running page."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import time
from pathlib import Path

import pytest

from tests.daemon.harness import Machine, wait_for
from tests.needs import needs
from tests.web.kit import Site, page

EVIL = "http://evil.example"


@pytest.mark.parametrize("path", ["/", "/live", "/static/style.css", "/question?name=notes&id=q-1", "/nowhere"])
def test_nothing_is_shown_without_a_login(site: Site, path: str) -> None:
    for cookie in ("", f"{site.cookie.split('=')[0]}=guessed", "nonsense=; ;="):
        answer = Site(site.process, site.entry).ask("GET", path, cookie=cookie)
        assert answer.status == 401
        assert "notes" not in answer.text
    assert Site(site.process, site.entry).post("/sync?name=notes").status == 401


def test_a_token_opens_the_page_once_and_leaves_the_address(box: Machine) -> None:
    box.configure(box.repo())
    with page(box) as site:
        way_in = site.entry.removeprefix(site.origin)
        files = list((box.run_dir / "gitsync").glob("web-*.html"))
        assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600]
        assert site.ask("GET", way_in.replace("token=", "token=x")).status == 401
        assert site.ask("HEAD", way_in).status == 401  # what only looks ahead spends nothing
        first = site.enter()
        assert (first.status, first.headers["location"]) == (303, "/")
        flags = {word.strip().lower() for word in first.headers["set-cookie"].split(";")[1:]}
        assert {"httponly", "samesite=strict", "path=/"} <= flags
        assert not list((box.run_dir / "gitsync").glob("web-*.html"))
        assert Site(site.process, site.entry).ask("GET", way_in).status == 401
        assert site.get("/").status == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_of_this_machine_gets_nothing_even_with_the_cookie(site: Site) -> None:
    needs("setpriv")
    port = site.host.rpartition(":")[2]
    ask = (
        "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]));"
        "c.request('GET', '/', headers={'cookie': sys.argv[2]}); r = c.getresponse(); print(r.status, r.read())"
    )
    other = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/python3", "-c", ask)
    done = subprocess.run([*other, port, site.cookie], check=True, capture_output=True, text=True, timeout=20)
    assert done.stdout.startswith("403 ")
    assert "another user" in done.stdout
    assert site.get("/").status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", ""])
def test_a_name_that_was_rebound_to_this_address_gets_nothing(site: Site, host: str) -> None:
    port = site.host.rpartition(":")[2]
    name = host.format(port=port)
    # With the right cookie, and an origin that agrees with the wrong name.
    answer = site.ask("GET", "/", host=name, origin=f"http://{name}") if name else _without_host(site)
    assert answer in (400, 421) if isinstance(answer, int) else answer.status == 421


def _without_host(site: Site) -> int:
    connection = http.client.HTTPConnection(site.host, timeout=20)
    connection.putrequest("GET", "/", skip_host=True)
    connection.putheader("cookie", site.cookie)
    connection.endheaders()
    try:
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site", "origin": EVIL},
        {"sec_fetch_site": "same-site", "origin": "http://127.0.0.1:1"},
        {"sec_fetch_site": "none", "origin": ""},
        {"sec_fetch_site": "same-origin", "origin": EVIL},
        {"sec_fetch_site": "", "origin": "null"},
        {"sec_fetch_site": "", "origin": EVIL},
        {"sec_fetch_site": "", "origin": ""},
    ],
    ids=str,
)
def test_no_other_site_can_change_anything(site: Site, shared: Machine, headers: dict[str, str]) -> None:
    answer = site.post("/pause?name=notes", **headers)
    assert answer.status == 403
    assert "Nothing was changed" in answer.text


def test_a_browser_without_fetch_metadata_changes_things_by_its_origin(site: Site) -> None:
    # It gets as far as the daemon, which does not run here.
    assert site.post("/pause?name=notes", sec_fetch_site="").status == 503


def test_other_ways_to_ask_are_refused(site: Site) -> None:
    assert [site.ask(way, "/").status for way in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")] == [405] * 5
    assert site.get("/pause?name=notes").status == 405
    assert site.get("/", sec_fetch_site="cross-site", sec_fetch_mode="no-cors").status == 403
    assert site.ask("POST", "/sync", origin=site.origin, content_length="99999999").status == 413


@pytest.mark.parametrize("path", ["/", "/static/style.css", "/nowhere", "/question?name=x&id=y"])
def test_every_answer_forbids_frames_guesses_and_code_of_others(site: Site, path: str) -> None:
    for answer in (site.get(path), Site(site.process, site.entry).ask("GET", path), site.get(path, host="evil")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "server" not in answer.headers


@pytest.mark.parametrize("path", ["/static/../guard.py", "/static/%2e%2e/guard.py", "/static//etc/passwd"])
def test_the_files_of_the_page_are_the_only_ones_it_gives_out(site: Site, path: str) -> None:
    assert site.get(path).status == 404


def test_it_listens_on_this_machine_alone(site: Site) -> None:
    port = int(site.host.rpartition(":")[2])
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    own = [row[1] for row in listening if row[1].endswith(f":{port:04X}") and row[3] == "0A"]
    assert own == [f"0100007F:{port:04X}"]


def test_another_address_needs_a_password_and_tls(box: Machine) -> None:
    box.configure(box.repo())
    refused = box.ctl("web", "--no-browser", "--listen", "0.0.0.0")
    assert refused.returncode == 2
    assert "--password-file, --certificate, --key" in refused.stderr
    password = box.home / "password"
    password.write_text("correct horse battery\n")
    some = box.ctl("web", "--no-browser", "--listen", "0.0.0.0", "--password-file", str(password))
    assert (some.returncode, "--certificate, --key" in some.stderr) == (2, True)
    open_file = box.ctl("web", "--no-browser", "--listen", "127.0.0.1", "--password-file", str(password))
    assert (open_file.returncode, "others can read" in open_file.stderr) == (2, True)


def test_a_password_lets_in_and_a_wrong_one_takes_its_time(box: Machine) -> None:
    box.configure(box.repo())
    password = box.home / "password"
    password.write_text("correct horse battery\n")
    password.chmod(0o600)
    with page(box, "--listen", "127.0.0.1", "--password-file", str(password)) as site:
        assert 'type="password"' in site.ask("GET", "/").text
        began = time.monotonic()
        assert site.post("/enter", "password=wrong").status == 401
        assert time.monotonic() - began >= 1.0
        assert site.post("/enter", "password=correct+horse+battery", origin=EVIL).status == 403
        site.cookie = site.post("/enter", "password=correct+horse+battery").headers["set-cookie"].split(";")[0]
        assert site.get("/").status == 200


def test_other_machines_get_in_by_password_and_tls_alone(box: Machine) -> None:
    needs("openssl")
    box.configure(box.repo())
    key, certificate, password = (box.home / name for name in ("key.pem", "certificate.pem", "password"))
    request = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=desk", "-keyout", key)
    subprocess.run([*request, "-out", certificate], check=True, capture_output=True, timeout=60)
    password.write_text("correct horse battery\n")
    password.chmod(0o600)
    tls = ssl.create_default_context(cafile=str(certificate))
    tls.check_hostname = False
    files = ("--password-file", str(password), "--certificate", str(certificate), "--key", str(key))

    def ask(method: str, path: str, body: str = "", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPSConnection(f"127.0.0.1:{port}", context=tls, timeout=20)
        connection.request(method, path, body, {"host": host, **headers})
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    with page(box, "--listen", "0.0.0.0", *files) as site:
        port = int(site.host.rpartition(":")[2])
        host = f"{socket.gethostname()}:{port}"
        assert site.entry.startswith("https://0.0.0.0:")
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            Site(site.process, f"http://127.0.0.1:{port}/").ask("GET", "/")
        assert ask("GET", "/")[0] == 401
        assert ask("GET", "/", host=f"127.0.0.1:{port}")[0] == 421
        own = {"origin": f"https://{host}", "sec-fetch-site": "same-origin"}
        assert ask("POST", "/enter", "password=wrong", **own)[0] == 401
        assert ask("POST", "/enter", "password=correct+horse+battery", origin=f"http://{host}")[0] == 403
        status, headers, _ = ask("POST", "/enter", "password=correct+horse+battery", **own)
        assert (status, headers["location"]) == (303, "/")
        assert {"Secure", "HttpOnly", "SameSite=Strict"} <= set(headers["set-cookie"].split("; "))
        assert b"notes" in ask("GET", "/", cookie=headers["set-cookie"].split(";")[0])[2]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_open_event_streams(box: Machine, number: int) -> None:
    box.configure(box.repo())
    with page(box) as site:
        site.enter()
        stream = http.client.HTTPConnection(site.host, timeout=20)
        stream.request("GET", "/live", headers={"cookie": site.cookie})
        assert stream.getresponse().read(5) == b"retry"
        began = time.monotonic()
        os.kill(site.process.pid, number)
        assert site.process.wait(10) == 0
        assert time.monotonic() - began < 4
        stream.close()


def test_a_browser_is_led_in_by_a_file_and_not_by_its_command_line(box: Machine, tmp_path: Path) -> None:
    box.configure(box.repo())
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >{seen}.new\ncat "${{1#file://}}" >>{seen}.new\nmv {seen}.new {seen}\n')
    browser.chmod(0o755)
    box.env["BROWSER"] = f"{browser} %s"
    with page(box, is_opening=True) as site:
        wait_for("the browser", seen.exists)
        command, _, content = seen.read_text().partition("\n")
        assert command.startswith("file://")
        assert site.entry.partition("token=")[2] not in command
        assert site.entry in content


def test_a_wrong_port_is_said_in_a_sentence(box: Machine) -> None:
    box.configure(box.repo())
    done = box.ctl("web", "--no-browser", "--port", "70000")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: '70000' is not a port")
    with page(box, "--port", "0") as site:
        taken = box.ctl("web", "--no-browser", "--port", site.host.rpartition(":")[2])
    assert (taken.returncode, "error: cannot listen on 127.0.0.1" in taken.stderr) == (4, True)


def test_without_the_extra_one_line_says_how_to_install_it(box: Machine, tmp_path: Path) -> None:
    box.configure(box.repo())
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['starlette'] = None\n")
    box.env["PYTHONPATH"] = str(tmp_path)
    done = box.ctl("web", "--no-browser")
    assert (done.returncode, done.stdout) == (4, "")
    first, second = done.stderr.splitlines()
    assert first == "error: the page needs what is not installed: starlette"
    assert second.startswith("hint: ")
    assert "pipx install 'gitsyncd[web]'" in second


def test_it_ends_in_the_middle_of_reading_a_long_history(box: Machine) -> None:
    root = box.repo()
    slow = box.home / "bin/git"
    slow.parent.mkdir()
    real = shutil.which("git")
    slow.write_text(
        f'#!/bin/sh\ncase " $* " in *" --reverse "*) printf x; sleep 1; printf x; sleep 60;; esac\nexec {real} "$@"\n'
    )
    slow.chmod(0o755)
    box.env["PATH"] = f"{slow.parent}:{box.env['PATH']}"
    box.configure(root)
    with page(box) as site:
        site.enter()
        assert "is being read" in site.get("/timeline").text
        began = time.monotonic()
        os.kill(site.process.pid, signal.SIGTERM)
        assert site.process.wait(20) == 0
        assert time.monotonic() - began < 8
