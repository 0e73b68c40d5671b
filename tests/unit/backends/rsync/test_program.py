"""What an address means to rsync."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.backends.rsync.program import Address, address_of
from tests.fakes.job_client import Client


@pytest.mark.parametrize(
    ("url", "place", "port"),
    [
        ("server:music/", "server:music", ""),
        ("server:/srv/music", "server:/srv/music", ""),
        ("server:/", "server:", ""),
        ("server:", "server:.", ""),
        ("ada@[::1]:", "ada@[::1]:.", ""),
        ("ssh://ada@server:2222//srv/music", "ada@server:/srv/music", "2222"),
        ("ssh://server/music", "server:music", ""),
        ("ssh://server/", "server:.", ""),
        ("ssh://server", "server:.", ""),
        ("rsync://server/music", "rsync://server/music", ""),
        ("server::music", "server::music", ""),
        ("file:///srv/music/", "/srv/music", ""),
        ("/", "/", ""),
    ],
)
def test_an_address_without_a_path_is_the_home_directory_there(url: str, place: str, port: str) -> None:
    # A slash comes behind it, so "server:" alone would be the root of the server.
    assert address_of(url) == Address(place, port)


def test_a_machine_without_rsync_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    report = Client(tmp_path / "here", tmp_path, str(tmp_path / "there")).run()
    assert report.problem is not None
    assert (report.problem.code, report.problem.hint) == ("not-found", "install rsync")
