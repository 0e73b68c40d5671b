"""Policies by path, and names of kept copies."""

from __future__ import annotations

import pytest

from gitsync.core.conflict import NAME_MAX, Policy, Rules, copy_name, is_conflict_copy

ID = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("path", "copy"),
    [
        (b"a.txt", b"a.conflict-01234567.txt"),
        (b"dir.d/a.txt", b"dir.d/a.conflict-01234567.txt"),
        (b"dir.d/README", b"dir.d/README.conflict-01234567"),
        (b".bashrc", b".bashrc.conflict-01234567"),
        (b".a.toml", b".a.conflict-01234567.toml"),
        (b"x.tar.gz", b"x.tar.conflict-01234567.gz"),
        (b"ends.", b"ends.conflict-01234567."),
        (b"..odd", b"..odd.conflict-01234567"),
        (b"\xff\n.\xfe", b"\xff\n.conflict-01234567.\xfe"),
        ("größe.txt".encode(), "größe.conflict-01234567.txt".encode()),
        (b"a." + b"e" * 40, b"a." + b"e" * 40 + b".conflict-01234567"),
    ],
)
def test_a_copy_is_called_after_its_content(path: bytes, copy: bytes) -> None:
    assert copy_name(path, ID) == copy
    assert is_conflict_copy(copy) == (path, ID[:8])
    assert is_conflict_copy(path) is None


def test_a_copy_of_a_copy_is_one_of_the_original() -> None:
    assert copy_name(b"d/a.conflict-aaaaaaaa.txt", ID) == b"d/a.conflict-01234567.txt"


def test_a_name_that_is_taken_gets_more_of_the_id() -> None:
    taken = {b"a.conflict-01234567.txt", b"a.conflict-0123456789abcdef.txt"}
    found = copy_name(b"a.txt", ID, taken.__contains__)
    assert found == b"a.conflict-0123456789abcdef01234567.txt"
    assert is_conflict_copy(found) == (b"a.txt", ID[:24])
    numbered = copy_name(b"a.txt", ID, lambda path: b"-1." not in path)
    assert numbered == b"a.conflict-" + ID.encode() + b"-1.txt"
    assert is_conflict_copy(numbered) == (b"a.txt", ID)


@pytest.mark.parametrize("length", range(236, 256))
def test_long_names_are_cut_between_characters(length: int) -> None:
    name = ("ö" * 200).encode()[: length - 4].decode(errors="ignore").encode() + b".txt"
    copy = copy_name(b"dir/" + name, ID)
    assert len(copy.rpartition(b"/")[2]) <= NAME_MAX
    assert copy.decode().endswith(".conflict-01234567.txt")
    assert is_conflict_copy(copy) is not None


@pytest.mark.parametrize(
    "path", [b"a.conflict-1234567.txt", b"a.conflict-xyz", b"a.conflict-0123456G", b".conflict-01234567", b"a-01234567"]
)
def test_what_is_no_copy(path: bytes) -> None:
    assert is_conflict_copy(path) is None


def test_the_first_pattern_that_matches_counts() -> None:
    rules = Rules.of("newest", (("*.log", "theirs"), ("/todo.txt", "union"), ("logs/", "ours"), ("*.txt", "manual")))
    policies = {path: rules.policy(path) for path in (b"x.log", b"logs/x.log", b"logs/x", b"todo.txt", b"d/todo.txt")}
    assert policies == {
        b"x.log": Policy.THEIRS,
        b"logs/x.log": Policy.THEIRS,
        b"logs/x": Policy.OURS,
        b"todo.txt": Policy.UNION,
        b"d/todo.txt": Policy.MANUAL,
    }
    assert rules.policy(b"\xff") is Policy.NEWEST
    assert rules.policy(b"todo.conflict-01234567.txt") is Policy.UNION, "as the file that it is a copy of"


def test_what_a_person_chose_goes_before_every_pattern() -> None:
    rules = Rules(Policy.MANUAL, (("*", Policy.MANUAL),), {b"a": Policy.OURS})
    assert rules.policy(b"a") is Policy.OURS
    assert rules.policy(b"b") is Policy.MANUAL
