"""The decision about every path of two trees: each combination of what is here, what is there, and what was known."""

from __future__ import annotations

import itertools

import pytest

from gitsync.core.pairs import (
    DIRECTORY,
    FILE,
    LINK,
    AgreedPair,
    Decision,
    ListedEntry,
    decide,
    is_alike,
    is_changed,
    is_emptied,
)

OLD = ListedEntry(FILE, 3, 100, 100)
AGAIN = ListedEntry(FILE, 3, 100, 150)  # within the same second
NEW = ListedEntry(FILE, 4, 200, 200)
NEWER = ListedEntry(FILE, 5, 300, 300)
FOLDER = ListedEntry(DIRECTORY, 0, 100, 100)
TO_A, TO_B = ListedEntry(LINK, 1, 100, 100, "a"), ListedEntry(LINK, 1, 100, 100, "b")
KNOWN = AgreedPair(OLD, OLD)


def one(here: ListedEntry | None, there: ListedEntry | None, known: AgreedPair | None) -> dict[str, list[str]]:
    """Return what is decided about a single path, without what is empty."""
    found = decide(
        {} if here is None else {"p": here},
        {} if there is None else {"p": there},
        {} if known is None else {"p": known},
    )
    return {name: getattr(found, name) for name in Decision.__slots__ if getattr(found, name)}


@pytest.mark.parametrize(
    ("here", "there", "known", "decided"),
    [
        (None, None, KNOWN, ""),
        (OLD, None, None, "send"),
        (None, OLD, None, "take"),
        (OLD, OLD, None, ""),
        (OLD, NEW, None, "contested"),
        (OLD, None, KNOWN, "drop_here"),
        (None, OLD, KNOWN, "drop_there"),
        (NEW, None, KNOWN, "send"),  # an edit beats a deletion
        (None, NEW, KNOWN, "take"),
        (NEW, OLD, KNOWN, "send"),
        (OLD, NEW, KNOWN, "take"),
        (NEW, NEW, KNOWN, "contested"),  # by time and size alike: the contents tell
        (AGAIN, OLD, KNOWN, "doubtful"),
        (AGAIN, OLD, AgreedPair(AGAIN, OLD), ""),
        (NEW, NEWER, KNOWN, "contested"),
        (OLD, NEW, AgreedPair(OLD, NEW), ""),  # what one side cannot store
        (FOLDER, OLD, None, "blocked"),
        (OLD, FOLDER, KNOWN, "blocked"),
        (FOLDER, FOLDER, None, ""),
        (FOLDER, None, AgreedPair(FOLDER, FOLDER), "drop_here"),
        (FOLDER, None, KNOWN, "send"),  # a directory that took a file's place is new
        (TO_A, TO_A, None, ""),
        (TO_A, TO_B, None, "contested"),
        (TO_B, TO_A, AgreedPair(TO_A, TO_A), "send"),
        (TO_A, OLD, KNOWN, "send"),
    ],
)
def test_each_case(here: ListedEntry | None, there: ListedEntry | None, known: AgreedPair | None, decided: str) -> None:
    assert one(here, there, known) == ({decided: ["p"]} if decided else {})


ENTRIES = (None, OLD, NEW, NEWER, FOLDER, TO_A, TO_B)
MEMORIES = (None, *(AgreedPair(here, there) for here, there in itertools.product(ENTRIES[1:], repeat=2)))
OPPOSITE = {"take": "send", "send": "take", "drop_here": "drop_there", "drop_there": "drop_here"}


def test_both_machines_decide_the_same_in_every_case() -> None:
    for here, there, known in itertools.product(ENTRIES, ENTRIES, MEMORIES):
        found = one(here, there, known)
        mirrored = one(there, here, None if known is None else AgreedPair(known.there, known.here))
        if "doubtful" not in {*found, *mirrored}:  # fractions of a second are known of what is here
            assert mirrored == {OPPOSITE.get(name, name): paths for name, paths in found.items()}, (here, there, known)
        assert len(found) <= 1


def test_no_case_loses_what_somebody_changed() -> None:
    for here, there, known in itertools.product(ENTRIES, ENTRIES, MEMORIES):
        found = one(here, there, known)
        if "drop_here" in found or "take" in found:
            # What goes here, or is replaced, is what was agreed on.
            assert here is None or (known is not None and not is_changed(here, known.here)), (here, there, known)
        if "drop_there" in found or "send" in found:
            assert there is None or (known is not None and not is_changed(there, known.there)), (here, there, known)
        if not found and here is not None and there is not None and known is None:
            assert is_alike(here, there)


def test_what_is_as_it_was_needs_no_decision() -> None:
    for known in MEMORIES:
        if known is not None:
            is_blocked = (FOLDER in known) and known.here != known.there
            assert one(known.here, known.there, known) == ({"blocked": ["p"]} if is_blocked else {})


def test_without_evidence_nothing_is_deleted() -> None:
    for here, there in itertools.product(ENTRIES, repeat=2):
        assert not one(here, there, None).keys() & {"drop_here", "drop_there"}


def test_what_is_below_a_blocked_directory_is_left_alone_and_its_neighbours_are_not() -> None:
    here = {"a": FOLDER, "a-b": NEW, "a/c": NEW, "a/d/e": NEW, "ab": NEW}
    found = decide(here, {"a": OLD}, {})
    assert found.blocked == ["a", "a/c", "a/d/e"]
    assert found.send == ["a-b", "ab"]


def test_a_directory_stays_for_what_is_new_in_it() -> None:
    folder = AgreedPair(FOLDER, FOLDER)
    agreed = {"d": folder, "d/e": folder, "d/e/old": KNOWN, "d/f": folder}
    here = {"d": FOLDER, "d/e": FOLDER, "d/e/old": OLD, "d/e/new": NEW, "d/f": FOLDER}
    found = decide(here, {}, agreed)
    assert found.drop_here == ["d/e/old", "d/f"]
    assert found.send == ["d/e/new"]
    assert decide({}, here, agreed).drop_there == ["d/e/old", "d/f"]


def test_a_side_is_emptied_only_where_there_were_files() -> None:
    assert is_emptied({}, {"p": KNOWN})
    assert is_emptied({"d": FOLDER}, {"p": KNOWN, "d": AgreedPair(FOLDER, FOLDER)})
    assert not is_emptied({"p": OLD}, {"p": KNOWN, "q": KNOWN})
    assert not is_emptied({}, {})
    assert not is_emptied({}, {"d": AgreedPair(FOLDER, FOLDER)})
