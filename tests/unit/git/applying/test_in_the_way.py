"""What git does not track and stands where something comes: never lost, and never a reason to stop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitsync.git.applying.apply import Outcome, OutcomeKind, apply
from gitsync.git.objects.commits import TipMovedError
from gitsync.git.objects.store import object_id_of
from tests.conftest import run_git
from tests.fakes.pair import Pair, check_no_leftovers

pytestmark = pytest.mark.slow


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.worktree.close()


def moved(outcome: Outcome) -> dict[bytes, bytes]:
    return {item.path: item.name for item in outcome.aside}


def test_an_untracked_file_in_the_way(pair: Pair) -> None:
    pair.put(pair.theirs, {"new": b"theirs\n", "same": b"same\n"})
    pair.put(pair.ours, {"new": b"mine\n", "same": b"same\n"})
    outcome = pair.take()
    assert (outcome.kind, outcome.paths) == (OutcomeKind.EDITED, (b"new",))
    (pair.ours / "new").unlink()
    pair.check_done(pair.take())


def test_an_ignored_file_in_the_way(pair: Pair) -> None:
    pair.put(pair.theirs, {"secret.key": b"theirs\n"})
    pair.put(pair.ours, {"secret.key": b"mine\n"})
    (pair.ours / ".git/info/exclude").write_text("*.key\n")
    outcome = pair.take()
    assert outcome.kind is OutcomeKind.DONE
    ((path, name),) = moved(outcome).items()
    assert (path, name) == (b"secret.key", b"secret.conflict-" + object_id_of(3, b"mine\n")[:8].encode() + b".key")
    assert (pair.ours / "secret.key").read_bytes() == b"theirs\n"
    assert (pair.ours / os.fsdecode(name)).read_bytes() == b"mine\n"
    assert (pair.ours / ".git/info/exclude").read_text() == "*.key\n", "it is ignored by its new name as well"
    assert run_git(pair.ours, "status", "--porcelain") == ""


def test_what_was_ignored_by_its_name_stays_ignored(pair: Pair) -> None:
    odd = "local [x]* .conf "
    pair.put(pair.theirs, {odd: b"theirs\n"})
    pair.put(pair.ours, {odd: b"password\n"})
    (pair.ours / ".git/info/exclude").write_text("local*.conf\\ ")
    outcome = pair.take()
    assert outcome.kind is OutcomeKind.DONE
    (name,) = moved(outcome).values()
    assert (pair.ours / os.fsdecode(name)).read_bytes() == b"password\n"
    assert run_git(pair.ours, "status", "--porcelain") == ""
    assert pair.worktree.ignores.is_ignored(name, False)


def is_what_was_there(kind: str, kept: Path) -> bool:
    if kind == "socket":
        return kept.is_fifo()
    if kind == "repository":
        return run_git(kept, "log", "--format=%s") == "mine"
    return (kept / "deep/x").read_bytes() == b"precious" if kind == "ignored" else kept.read_bytes() == b"goes on"


@pytest.mark.parametrize("kind", ["socket", "repository", "ignored", "empty", "open"])
def test_what_can_never_be_committed_makes_room(pair: Pair, kind: str) -> None:
    pair.put(pair.theirs, {"new": b"theirs\n"})
    place = pair.ours / "new"
    stream = None
    if kind == "socket":
        os.mkfifo(place)
    elif kind == "open":
        (pair.ours / ".git/info/exclude").write_text("new*\n")
        stream = place.open("wb")
    else:
        place.mkdir()
        if kind == "repository":
            run_git(place, "init", "-q")
            run_git(place, "commit", "-q", "--allow-empty", "-m", "mine")
        elif kind == "ignored":
            (pair.ours / ".git/info/exclude").write_text("new/\n")
            pair.put(place, {"deep/x": b"precious"})
    outcome = pair.take()
    assert outcome.kind is OutcomeKind.DONE, outcome
    assert place.read_bytes() == b"theirs\n"
    assert len(outcome.aside) == (kind != "empty")
    if stream is not None:
        stream.write(b"goes on")
        stream.close()
    for name in moved(outcome).values():
        assert is_what_was_there(kind, pair.ours / os.fsdecode(name))
    assert run_git(pair.ours, "status", "--porcelain") == ""
    check_no_leftovers(pair.ours)


def test_an_ignored_file_where_a_directory_comes(pair: Pair) -> None:
    pair.put(pair.theirs, {"build/deep/new": b"theirs\n", "build/other": b"o"})
    pair.put(pair.ours, {"build": b"mine\n"})
    (pair.ours / ".git/info/exclude").write_text("build\n")
    outcome = pair.take()
    assert outcome.kind is OutcomeKind.DONE
    (name,) = moved(outcome).values()
    assert (pair.ours / os.fsdecode(name)).read_bytes() == b"mine\n"
    assert (pair.ours / "build/deep/new").read_bytes() == b"theirs\n"
    assert run_git(pair.ours, "status", "--porcelain") == ""


def test_what_could_be_committed_is_not_moved(pair: Pair) -> None:
    pair.put(pair.theirs, {"new": b"theirs\n", "one/two": b"t", "ignored": b"t"})
    pair.put(pair.ours, {"new/mine": b"m", "new/other": b"o", "one": b"m", "ignored": b"i"})
    (pair.ours / ".git/info/exclude").write_text("ignored\n")
    outcome = pair.take()
    assert (outcome.kind, outcome.paths) == (OutcomeKind.EDITED, (b"new/mine", b"new/other", b"one"))
    assert (pair.ours / "ignored").read_bytes() == b"i", "nothing is moved while something else is in the way"
    made = replace(pair.plan(), movable=frozenset(outcome.paths))
    outcome = apply(pair.worktree, made, message="")
    assert outcome.kind is OutcomeKind.DONE
    names = {path: os.fsdecode(name) for path, name in moved(outcome).items()}
    assert names.keys() == {b"new", b"one", b"ignored"}
    assert (pair.ours / names[b"new"] / "mine").read_bytes() == b"m"
    assert (pair.ours / names[b"one"]).read_bytes() == b"m"
    assert run_git(pair.ours, "status", "--porcelain") == ""


def test_ignored_files_leave_a_directory_that_becomes_a_file(pair: Pair) -> None:
    run_git(pair.theirs, "rm", "-rq", "dir")
    pair.put(pair.theirs, {"dir": b"a file now\n"})
    pair.put(pair.ours, {"dir/cache.o": b"precious"})
    (pair.ours / ".git/info/exclude").write_text("*.o\n")
    outcome = pair.take()
    assert outcome.kind is OutcomeKind.DONE
    ((path, name),) = moved(outcome).items()
    assert path == b"dir"
    assert (pair.ours / os.fsdecode(name) / "cache.o").read_bytes() == b"precious"
    assert (pair.ours / "dir").read_bytes() == b"a file now\n"
    assert run_git(pair.ours, "status", "--porcelain") == ""
    check_no_leftovers(pair.ours)


def test_a_directory_that_keeps_an_ignored_file_stays(pair: Pair) -> None:
    run_git(pair.theirs, "rm", "-rq", "dir")
    pair.put(pair.ours, {"dir/cache.o": b"precious"})
    (pair.ours / ".git/info/exclude").write_text("*.o\n")
    assert pair.take().kind is OutcomeKind.DONE
    assert sorted(os.listdir(pair.ours / "dir")) == ["cache.o"]


def test_a_file_in_the_way_is_never_nowhere(pair: Pair) -> None:
    pair.put(pair.theirs, {"local.key": b"theirs\n", "a.txt": b"theirs\n"})
    pair.put(pair.ours, {"local.key": b"mine\n"})
    (pair.ours / ".git/info/exclude").write_text("*.key\n")
    seen: set[bytes] = set()

    def look(point: str, path: bytes) -> None:
        seen.add((pair.ours / "local.key").read_bytes())
        if point == "advanced":
            run_git(pair.ours, "commit", "-q", "--allow-empty", "-m", "in this moment")

    made = pair.plan()
    with pytest.raises(TipMovedError):
        apply(pair.worktree, made, message="", probe=look)
    assert seen == {b"mine\n", b"theirs\n"}
    assert (pair.ours / "local.key").read_bytes() == b"mine\n", "it came to nothing, and all is as it was"
    (name,) = pair.ours.glob("local.conflict-*.key")
    outcome = pair.take()
    assert moved(outcome) == {b"local.key": os.fsencode(name.name)}, "the name it has got is used"
    assert (name.read_bytes(), name.stat().st_nlink) == (b"mine\n", 1)
    assert (pair.ours / "local.key").read_bytes() == b"theirs\n"


@pytest.mark.parametrize("moment", ["stage", "before", "renamed"])
@pytest.mark.parametrize("is_replaced", [True, False])
def test_an_edit_of_a_file_in_the_way_is_kept(pair: Pair, moment: str, is_replaced: bool) -> None:
    pair.put(pair.theirs, {"local.key": b"theirs\n"})
    pair.put(pair.ours, {"local.key": b"mine\n"})
    (pair.ours / ".git/info/exclude").write_text("*.key\n")
    is_done = False

    def edit(point: str, path: bytes) -> None:
        nonlocal is_done
        if point == moment and not is_done:
            is_done = True
            if is_replaced:
                (pair.ours / "local.key").unlink()
            pair.put(pair.ours, {"local.key": b"an edit of this moment\n"})

    outcome = apply(pair.worktree, pair.plan(), message="", probe=edit)
    while outcome.kind is OutcomeKind.EDITED:
        outcome = pair.take()
    found = {path.read_bytes() for path in pair.ours.glob("local.*")}
    assert found >= {b"an edit of this moment\n"}
    assert found <= {b"an edit of this moment\n", b"theirs\n", b"mine\n"}
    assert outcome.kind is OutcomeKind.DONE
