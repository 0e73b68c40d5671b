"""The script that reports from a server which branches move: run by a real shell, with a real git beside it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from gitsync import proc
from gitsync.git.remote import ref_channel
from gitsync.git.remote.ref_channel import Channel, FarBranch, Reader, far_branch, script
from tests.conftest import run_git
from tests.needs import needs


def far(path: Path | str, branch: str = "main") -> FarBranch:
    return FarBranch(Path("/"), "origin", ("away",), "ssh", str(path), branch)


@pytest.fixture
def hub(repo: Path, tmp_path: Path) -> Path:
    bare = tmp_path / "it's here/hub.git"
    run_git(tmp_path, "init", "-q", "--bare", str(bare))
    run_git(repo, "push", "-q", str(bare), "main")
    return bare


class Listener:
    """A channel whose shell runs on this machine, without ssh."""

    def __init__(self, branches: list[FarBranch], env: dict[str, str] | None = None) -> None:
        self.channel = Channel(proc.converse(["sh", "-s"], env=env), branches)
        self.channel.begin(script(branches))
        self.moved: dict[int, str | None] = {}
        self.missing: list[int] = []
        self.is_ready = False

    def wait(self, *numbers: int) -> dict[int, str | None]:
        """Return what moved, once it is ready and those have."""
        self.moved = {}
        ends_at = time.monotonic() + 30
        while not self.is_ready or not self.moved.keys() >= set(numbers):
            assert time.monotonic() < ends_at, self.moved
            assert not self.channel.has_ended
            if self.channel.is_readable(0.1):
                news = self.channel.hear()
                self.moved.update(news.moved)
                self.missing += news.missing
                self.is_ready = news.is_ready
        return self.moved


def push(repo: Path, hub: Path, branch: str = "main") -> str:
    run_git(repo, "commit", "-q", "--allow-empty", "-m", "more")
    run_git(repo, "push", "-q", str(hub), f"HEAD:{branch}")
    return run_git(repo, "rev-parse", "HEAD")


def processes(*words: str) -> list[str]:
    lines = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if all(word in line for word in words)]


@pytest.fixture(params=["tail", "compare"])
def env(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A server with GNU tail and timeout, and one that has neither."""
    monkeypatch.setattr(ref_channel, "COMPARE_S", 1)
    found = {"PATH": os.environ["PATH"]}
    if request.param == "compare":
        tools = tmp_path / "tools"
        tools.mkdir()
        for name in ("sh", "git", "grep", "ls", "sleep", "cat", "dirname"):
            (tools / name).symlink_to(Path(subprocess.check_output(["which", name], text=True).strip()))
        found["PATH"] = str(tools)
    return found


def test_pushes_packing_and_a_branch_that_comes_are_reported(repo: Path, hub: Path, env: dict[str, str]) -> None:
    listener = Listener([far(hub), far(hub.with_name("none")), far(hub, "later"), far(repo)], env)
    try:
        here = listener.wait(0)
        assert (here[0], here[2], here[3]) == (
            run_git(hub, "rev-parse", "main"),
            None,
            run_git(repo, "rev-parse", "HEAD"),
        )
        assert listener.missing == [1]
        assert push(repo, hub) == listener.wait(0)[0]
        run_git(hub, "pack-refs", "--all")
        assert not (hub / "refs/heads/main").exists()
        assert push(repo, hub) == listener.wait(0)[0]
        assert push(repo, hub, "later") == listener.wait(2)[2]
    finally:
        listener.channel.end()


def test_nothing_is_left_when_the_connection_ends(hub: Path) -> None:
    needs("ps")
    listener = Listener([far(hub)])
    listener.wait(0)
    assert processes("tail", str(hub))
    listener.channel.end()
    ends_at = time.monotonic() + 10
    while processes("tail", str(hub)):
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def test_a_server_that_gets_no_answer_ends_by_itself(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("ps")
    monkeypatch.setattr(ref_channel, "BEAT_S", 1)
    monkeypatch.setattr(ref_channel, "ANSWER_S", 1)
    child = proc.converse(["sh", "-s"])
    try:
        os.write(child.fds[0], script([far(hub)]))
        reader, said, ends_at = Reader(["main"]), b"", time.monotonic() + 20
        while data := os.read(child.fds[1], 4096):
            said += data
            assert time.monotonic() < ends_at
        assert reader.read(said).has_beat
        assert not processes("tail", str(hub))
    finally:
        child.end()


def test_a_client_whose_kernel_sends_is_not_asked(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("CHECK_S", 1), ("BEAT_S", 60), ("CHECKS_A_BYTE", 2)):
        monkeypatch.setattr(ref_channel, name, seconds)
    tools, count = tmp_path / "tools", tmp_path / "count"
    tools.mkdir()
    # As of iproute2 6.1, and one segment more whenever it is asked.
    fake = f"echo >>{count}; echo 'cubic rto:204 data_segs_in:9 segs_out:3 segs_in:'$(wc -l <{count})' send 1bps'"
    (tools / "ss").write_text(
        f'#!/bin/sh\n[ "$2" = "src 10.0.0.2 and sport = :22 and dst 10.0.0.1 and dport = :9" ] && {fake}\n'
    )
    (tools / "ss").chmod(0o755)
    child = proc.converse(
        ["sh", "-s"], env={"PATH": f"{tools}:{os.environ['PATH']}", "SSH_CONNECTION": "10.0.0.1 9 10.0.0.2 22"}
    )
    try:
        os.write(child.fds[0], script([far(hub)]))
        said, ends_at = b"", time.monotonic() + 30
        while not count.exists() or len(count.read_text()) < 5:  # the first, two, one after the byte, and one more
            assert time.monotonic() < ends_at
            time.sleep(0.05)
        os.set_blocking(child.fds[1], False)
        said += os.read(child.fds[1], 4096)
        assert b"gitsync: ready" in said
        assert not Reader(["main"]).read(said).has_beat
        (tools / "ss").write_text("#!/bin/sh\necho segs_in:7\n")  # nothing comes any more
        os.set_blocking(child.fds[1], True)
        while b"gitsync: beat" not in said:
            said += os.read(child.fds[1], 4096)
            assert time.monotonic() < ends_at
    finally:
        child.end()


def test_a_repository_with_a_reftable_is_heard(hub: Path) -> None:
    """git before 2.45 makes none. git 2.47 puts a new list of tables in the old one's place, as is done here."""
    tables = hub / "reftable"
    tables.mkdir()
    (tables / "tables.list").write_text("0x000000000001-0x000000000001-27e57e85.ref\n")
    listener = Listener([far(hub)])
    try:
        listener.wait(0)
        (tables / "tables.list.lock").write_text("0x000000000001-0x000000000002-4b1c2d3e.ref\n")
        (tables / "tables.list.lock").rename(tables / "tables.list")
        assert listener.wait(0) == {0: None}, "where it is now is not known"
    finally:
        listener.channel.end()


def test_a_channel_ends_after_its_hour_however_well_it_is_answered(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("ps")
    monkeypatch.setattr(ref_channel, "BEAT_S", 1)
    monkeypatch.setattr(ref_channel, "LASTS_S", 2)
    listener = Listener([far(hub)])
    listener.wait(0)
    began_at = time.monotonic()
    while not listener.channel.has_ended:
        assert time.monotonic() < began_at + 20
        if listener.channel.is_readable(0.1):
            listener.channel.hear()
    assert time.monotonic() > began_at + 1.0
    assert not processes("tail", str(hub))
    listener.channel.end()


def test_lines_that_come_in_pieces_and_strange_ones() -> None:
    reader = Reader(["main", "main"])
    commit = "a" * 40
    said = (
        f"Welcome!\ngitsync: none 7\ngitsync: file 0 /r/refs/heads/main\ngitsync: file 1 /r/refs/heads/main2\n"
        f"gitsync: ready\n==> /r/refs/heads/main2 <==\n{commit}\nnot a commit\n"
    ).encode()
    moved: dict[int, str | None] = {}
    for byte in said:
        moved.update(reader.read(bytes([byte])).moved)
    assert moved == {1: commit}
    assert reader.read(b"tail: something else\n").moved == {0: None, 1: None}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("h:notes", "notes"),
        ("ssh://u@h:22/~/notes", "~/notes"),
        ("ssh://h/a/b", "/a/b"),
        ("https://h/a", ""),
        ("/a", ""),
    ],
)
def test_where_a_branch_is(repo: Path, url: str, path: str) -> None:
    run_git(repo, "remote", "add", "origin", url)
    found = far_branch(repo, "origin", "main")
    assert (found.path if found else "") == path
