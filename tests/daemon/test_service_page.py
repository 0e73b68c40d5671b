"""The page as a service of a real systemd: started by its sockets, and as private as when it is started by hand."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator

import pytest

from tests.fakes.user_manager import UserManager

ADDRESS = "127.0.0.1:7448"


@pytest.fixture
def session() -> Iterator[UserManager]:
    with UserManager() as manager:
        manager.configure(manager.repo())
        yield manager


def ask(path: str, cookie: str = "") -> tuple[int, str, str]:
    """Return the status, the text and the cookie of an answer; nothing is sent but that."""
    connection = http.client.HTTPConnection(ADDRESS, timeout=30)
    try:
        connection.request("GET", path, headers={"cookie": cookie})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), (answer.getheader("set-cookie") or "").partition(";")[0]
    finally:
        connection.close()


def test_installed_it_is_there_when_asked_for_and_lets_in_its_user_alone(session: UserManager) -> None:
    installed = session.ctl("service", "install", "--web")
    assert installed.status == 0, installed.errors
    assert f"http://{ADDRESS}" in installed.out
    assert session.show("MainPID", "gitsync-web.service") == "0"
    assert ask("/")[0] == 401
    pid = session.show("MainPID", "gitsync-web.service")
    assert pid != "0"
    entry = json.loads(session.ctl("web", "--no-browser", "--json").out)["address"].removeprefix(f"http://{ADDRESS}")
    assert ask(entry.replace("token=", "token=x"))[0] == 401
    status, _, cookie = ask(entry)
    assert status == 303
    assert "notes" in ask("/", cookie)[1]
    assert ask(entry)[0] == 401

    # Another process knows the session again; a fault of the configuration is shown, and nothing ends by it.
    session.must("systemctl", "--user", "stop", "gitsync-web.service", "gitsync.service")
    good = (session.home / ".config/gitsync/config.toml").read_text()
    session.write(".config/gitsync/config.toml", good + "quiett = 3\n")
    for _ in range(6):
        assert re.search(r"config\.toml:\d+.*quiett", ask("/", cookie)[1])
    assert session.ctl("web", "--no-browser").status == 0
    assert session.show("ActiveState", "gitsync-web.socket") == "active"
    session.write(".config/gitsync/config.toml", good)
    assert ask("/", cookie)[0] == 200
    assert session.show("MainPID", "gitsync-web.service") not in (pid, "0")

    assert json.loads(session.ctl("service", "status", "--json").out)["page"] == f"http://{ADDRESS}"
    assert session.ctl("service", "uninstall").status == 0
    with pytest.raises(ConnectionRefusedError):
        ask("/")
    assert not list((session.home / ".config/systemd/user").glob("gitsync-web*"))
