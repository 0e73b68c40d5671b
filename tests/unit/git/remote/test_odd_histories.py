"""What `git pull` takes in is taken in: odd old objects, tags that moved. What is refused is named, with the rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.errors import OperationError
from gitsync.git.remote import transport
from gitsync.git.remote.all_branches import Server
from tests.conftest import run_git

pytestmark = pytest.mark.slow

T = 60.0
ADA = b"Ada <ada@example.org> 1300000000 +0000"


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Return a bare repository and a clone of it."""
    bare, here = tmp_path / "bare.git", tmp_path / "here"
    run_git(tmp_path, "init", "-q", "--bare", str(bare))
    run_git(tmp_path, "init", "-q", str(here))
    (here / "a.txt").write_text("one\n")
    run_git(here, "add", "-A")
    run_git(here, "commit", "-q", "-m", "first")
    run_git(here, "remote", "add", "origin", str(bare))
    run_git(here, "push", "-q", "-u", "origin", "main")
    return bare, here


def put(bare: Path, kind: str, raw: bytes) -> str:
    return run_git(bare, "hash-object", "-t", kind, "-w", "--literally", "--stdin", input=raw)


def publish(bare: Path, author: bytes = ADA, committer: bytes = ADA, *, mode: bytes = b"40000", odd: str = "") -> str:
    """Put a commit on the bare repository's main, with these people, and trees of this mode."""
    blob = run_git(bare, "hash-object", "-w", "--stdin", input=b"two\n")
    inner = put(bare, "tree", b"100644 b.txt\0" + bytes.fromhex(blob))
    tree = b"100644 a.txt\0" + bytes.fromhex(blob) + mode + b" d\0" + bytes.fromhex(inner)
    if odd:
        long = run_git(bare, "hash-object", "-w", "--stdin", input=odd.encode())
        tree = b"100644 .gitattributes\0" + bytes.fromhex(long) + tree
    parent = run_git(bare, "rev-parse", "main").encode()
    lines = [b"tree " + put(bare, "tree", tree).encode(), b"parent " + parent]
    commit = put(bare, "commit", b"\n".join([*lines, b"author " + author, b"committer " + committer, b"", b"old\n"]))
    run_git(bare, "update-ref", "refs/heads/main", commit)
    return commit


ODD = {
    "a zero-padded mode": {"mode": b"040000"},
    "an odd time zone": {"author": b"Ada <ada@example.org> 1300000000 +051800"},
    "no address": {"author": b"Ada 1300000000 +0000"},
    "no blank before the address": {"author": b"Ada<ada@example.org> 1300000000 +0000"},
    "no blank before the date": {"committer": b"Ada <ada@example.org>1300000000 +0000"},
    "no name": {"author": b"<ada@example.org> 1300000000 +0000"},
    "a date with zeros before it": {"author": b"Ada <ada@example.org> 00001300000000 +0000"},
    "a date beyond all": {"author": b"Ada <ada@example.org> 99999999999999999999 +0000"},
    "a long line of attributes": {"odd": "*.x text\n" + "y" * 2100 + " text\n"},
}


@pytest.mark.parametrize("how", ODD)
def test_what_old_tools_wrote_is_taken_in(pair: tuple[Path, Path], how: str) -> None:
    bare, here = pair
    commit = publish(bare, **ODD[how])  # type: ignore[arg-type]  # one of several types a key
    assert transport.fetch(here, "origin", "main", timeout_s=T).upstream == commit
    run_git(here, "merge", "-q", "--ff-only", "origin/main")


def test_a_job_takes_in_what_git_pull_does(pair: tuple[Path, Path], tmp_path: Path) -> None:
    bare, _ = pair
    commit = publish(bare, b"Ada 1300000000 +051800", mode=b"040000")
    run_git(tmp_path, "init", "-q", "job")
    run_git(tmp_path / "job", "remote", "add", "origin", str(bare))
    assert Server(tmp_path / "job", "origin", T).fetch().branches == {"main": commit}


def test_a_persons_own_leniency_counts(pair: tuple[Path, Path]) -> None:
    bare, here = pair
    blob = run_git(bare, "hash-object", "-w", "--stdin", input=b"two\n")
    tree = put(bare, "tree", b"100644 z\0" + bytes.fromhex(blob) + b"100644 a\0" + bytes.fromhex(blob))
    text = b"tree %s\nparent %s\nauthor %s\ncommitter %s\n\nx\n"
    parent = run_git(bare, "rev-parse", "main").encode()
    commit = put(bare, "commit", text % (tree.encode(), parent, ADA, ADA))
    run_git(bare, "update-ref", "refs/heads/main", commit)
    with pytest.raises(OperationError) as caught:
        transport.fetch(here, "origin", "main", timeout_s=T)
    assert "treeNotSorted" in caught.value.message
    hint = caught.value.hint.partition("git -C ")[2].split()
    run_git(here, *hint[1:])
    assert transport.fetch(here, "origin", "main", timeout_s=T).upstream == commit


@pytest.mark.parametrize("setting", ["remote.origin.tagOpt=--tags", "remote.origin.fetch=refs/tags/*:refs/tags/*"])
def test_a_tag_that_moved_stops_nothing_else(pair: tuple[Path, Path], setting: str) -> None:
    bare, here = pair
    key, _, value = setting.partition("=")
    run_git(here, "config", "--add", key, value)
    run_git(here, "tag", "v1")
    commit = publish(bare)
    run_git(bare, "tag", "v1", commit)
    run_git(bare, "tag", "v2", commit)
    assert transport.fetch(here, "origin", "main", timeout_s=T).upstream == commit
    assert run_git(here, "rev-parse", "v1") != commit, "a tag is never moved"
    run_git(here, "tag", "-d", "v1")
    transport.fetch(here, "origin", "main", timeout_s=T)
    assert run_git(here, "rev-parse", "v1", "v2") == f"{commit}\n{commit}"


def test_no_tags_where_none_are_wanted(pair: tuple[Path, Path]) -> None:
    bare, here = pair
    run_git(here, "config", "remote.origin.tagOpt", "--no-tags")
    commit = publish(bare)
    run_git(bare, "tag", "v2", commit)
    assert transport.fetch(here, "origin", "main", timeout_s=T).upstream == commit
    assert run_git(here, "tag") == ""


def test_a_file_among_the_refs_is_named_and_not_the_remote(pair: tuple[Path, Path]) -> None:
    bare, here = pair
    publish(bare)
    (here / ".git/refs/desktop.ini").write_text("[.ShellClassInfo]\r\n")
    with pytest.raises(OperationError) as caught:
        transport.fetch(here, "origin", "main", timeout_s=T)
    assert caught.value.code == "local-damage"
    assert "refs/desktop.ini" in caught.value.message
    assert "origin" not in caught.value.message


@pytest.mark.parametrize("name", ["packed-refs", "HEAD"])
def test_a_damaged_file_of_git_is_named(pair: tuple[Path, Path], name: str) -> None:
    bare, here = pair
    run_git(here, "pack-refs", "--all")
    publish(bare)
    (here / ".git" / name).write_bytes(b"\0" * 60)
    with pytest.raises(OperationError) as caught:
        transport.fetch(here, "origin", "main", timeout_s=T)
    assert caught.value.code == "local-damage"
    assert f".git/{name}" in caught.value.message


def test_an_empty_object_is_named(pair: tuple[Path, Path]) -> None:
    bare, here = pair
    (here / "a.txt").write_text("mine\n")
    run_git(here, "commit", "-q", "-am", "mine")
    commit = run_git(here, "rev-parse", "HEAD")
    path = here / ".git/objects" / commit[:2] / commit[2:]
    path.chmod(0o644)
    path.write_bytes(b"")
    publish(bare)
    with pytest.raises(OperationError) as caught:
        transport.fetch(here, "origin", "main", timeout_s=T)
    assert caught.value.code == "local-damage"
    assert str(path) in caught.value.message
