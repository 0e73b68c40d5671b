"""Blobs that one child reads are those that are read one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pygit2
import pytest

from gitsync.git.objects.batch_read import BlobRun, parsed
from gitsync.git.objects.loose import LooseWriter
from gitsync.git.objects.store import BLOB, ObjectStore
from gitsync.git.program import GitProgram

CONTENTS = (b"", b"one\n", b"two\n" * 50_000, b"no end", b"one\n", b"\0\n1 blob 2\n")
MISSING = "1" * 40


@pytest.fixture
def store(repo: Path) -> ObjectStore:
    repository = pygit2.Repository(str(repo))
    return ObjectStore(repository, GitProgram(repository.path.rstrip("/"), str(repo)))


def stored(store: ObjectStore) -> list[tuple[bytes, str]]:
    writer = LooseWriter(store)
    wanted = [(b"path %d" % number, writer.write(BLOB, content)) for number, content in enumerate(CONTENTS)]
    writer.flush()
    return wanted


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (2, 5), (0, 4), (5,)])
def test_each_is_the_one_that_is_read_by_itself(store: ObjectStore, order: Sequence[int]) -> None:
    wanted = stored(store)
    run = BlobRun(store.program, wanted, child_from=2)
    for number in order:
        path, blob = wanted[number]
        assert run.take(path) == CONTENTS[number] == store.read(blob)[1]
    run.close()


def test_what_is_not_there_or_not_in_turn_is_left_to_the_caller(store: ObjectStore) -> None:
    wanted = stored(store)
    wanted.insert(2, (b"missing", MISSING))
    run = BlobRun(store.program, wanted, child_from=2)
    assert [run.take(path) for path in (b"path 1", b"missing", b"path 3", b"path 0", b"path 3", b"other")] == [
        CONTENTS[1],
        None,
        CONTENTS[3],
        None,
        None,
        None,
    ]
    run.close()
    assert run.take(b"path 5") is None


def test_a_child_that_fails_leaves_all_to_the_caller(store: ObjectStore) -> None:
    wanted = stored(store)
    run = BlobRun(GitProgram(store.program.git_dir + "/missing", store.program.root), wanted, child_from=2)
    assert {run.take(path) for path, _ in wanted[1:]} == {None}
    run.close()


def test_a_few_are_not_worth_a_child(store: ObjectStore) -> None:
    wanted = stored(store)
    assert BlobRun(store.program, wanted, child_from=len(wanted) + 1).take(b"path 1") is None


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_what_is_in_no_wanted_piece_is_empty_and_a_wanted_content_never_is(size: int) -> None:
    contents = [b"one\n", b"", b"a word here\n", b"line\n" * 40, b"1 blob 4\nword"]
    ids = [str(number) * 40 for number in range(len(contents))]
    output = b"".join(b"%b blob %d\n%b\n" % (id.encode(), len(it), it) for id, it in zip(ids, contents, strict=True))
    pieces = [output[at : at + size] for at in range(0, len(output), size)]
    found = list(parsed(iter(pieces), lambda data: b"word" in data))
    assert [id for id, _ in found] == ids
    for (_, got), content in zip(found, contents, strict=True):
        assert got == content or (got == b"" and b"word" not in content)
    assert list(parsed(iter(pieces))) == list(zip(ids, contents, strict=True))
