"""What becomes of a home file: every combination of what home, mirror, HEAD and the base may hold."""

from __future__ import annotations

from itertools import product

import pytest

from gitsync.core.dotfiles import (
    ABSENT,
    FileKind,
    Fingerprint,
    Letter,
    MirrorAction,
    decide,
    decide_mode,
    letter,
    usual_mode,
)

X, Y, Z = (Fingerprint(FileKind.FILE, name, 0o644) for name in "xyz")
LINK = Fingerprint(FileKind.LINK, "x")
HELD, BLOCKED = Fingerprint(FileKind.HELD), Fingerprint(FileKind.BLOCKED)
EVERYTHING = (ABSENT, X, Y, Z, LINK)


@pytest.mark.parametrize(
    ("home", "mirror", "head", "base", "wanted"),
    [
        (X, X, X, X, MirrorAction.AGREE),
        (X, X, ABSENT, ABSENT, MirrorAction.AGREE),
        (ABSENT, ABSENT, X, X, MirrorAction.FORGET),
        (ABSENT, ABSENT, ABSENT, ABSENT, MirrorAction.FORGET),
        # One side changed.
        (Y, X, X, X, MirrorAction.TO_MIRROR),
        (X, Y, Y, X, MirrorAction.TO_HOME),
        (X, Y, X, X, MirrorAction.COMMIT_FIRST),
        (ABSENT, X, X, X, MirrorAction.TO_MIRROR),
        (X, ABSENT, ABSENT, X, MirrorAction.TO_HOME),
        # New on one side.
        (X, ABSENT, ABSENT, ABSENT, MirrorAction.TO_MIRROR),
        (ABSENT, X, X, ABSENT, MirrorAction.TO_HOME),
        (ABSENT, X, ABSENT, ABSENT, MirrorAction.COMMIT_FIRST),
        # Taken out of the mirror by hand.
        (X, ABSENT, X, X, MirrorAction.TO_MIRROR),
        # Both changed, or never seen alike.
        (Y, Z, Z, X, MirrorAction.MERGE),
        (Y, Z, Z, ABSENT, MirrorAction.MERGE),
        (X, LINK, LINK, ABSENT, MirrorAction.MERGE),
        # An edit beats a deletion.
        (ABSENT, Y, Y, X, MirrorAction.TO_HOME),
        (Y, ABSENT, ABSENT, X, MirrorAction.TO_MIRROR),
        # Brought over already, and edited again before the commit.
        (Z, Y, X, Y, MirrorAction.TO_MIRROR),
        # Edited by hand in the mirror, and in home as well: the mirror's is committed first.
        (Z, Y, X, X, MirrorAction.COMMIT_FIRST),
        (X, HELD, X, X, MirrorAction.WAIT),
        (HELD, X, X, X, MirrorAction.WAIT),
        (BLOCKED, X, X, X, MirrorAction.BLOCKED),
        (HELD, BLOCKED, X, X, MirrorAction.BLOCKED),
    ],
)
def test_decisions(
    home: Fingerprint, mirror: Fingerprint, head: Fingerprint, base: Fingerprint, wanted: MirrorAction
) -> None:
    assert decide(home, mirror, head, base) is wanted


def test_nothing_is_replaced_that_is_not_known_elsewhere() -> None:
    for home, mirror, head, base in product(EVERYTHING, repeat=4):
        action = decide(home, mirror, head, base)
        if action is MirrorAction.TO_HOME:
            # Home gets only what is committed, and loses only what was alike before.
            assert mirror.is_alike(head)
            assert not home.is_there or home.is_alike(base)
        if action is MirrorAction.TO_MIRROR:
            # The mirror loses only what is committed, or what home had brought there before.
            assert mirror.is_alike(head) or not mirror.is_there or mirror.is_alike(base)
            if not home.is_there:
                assert mirror.is_alike(base)
        if action in (MirrorAction.AGREE, MirrorAction.FORGET):
            assert home.is_alike(mirror)


def test_every_difference_leads_to_something() -> None:
    for home, mirror, head, base in product(EVERYTHING, repeat=4):
        if not home.is_alike(mirror):
            assert decide(home, mirror, head, base) in (
                MirrorAction.TO_HOME,
                MirrorAction.TO_MIRROR,
                MirrorAction.COMMIT_FIRST,
                MirrorAction.MERGE,
            )


@pytest.mark.parametrize(
    ("home", "shared", "base", "wanted"),
    [
        (0o600, None, None, 0o600),
        (None, 0o600, None, 0o600),
        (None, None, None, 0o644),
        (0o600, 0o644, 0o644, 0o600),
        (0o644, 0o600, 0o644, 0o600),
        (0o755, 0o644, 0o644, 0o755),
        # Both changed, or never seen alike: nobody gets in whom either kept out; the owner's bits are the mirror's.
        (0o640, 0o604, 0o644, 0o600),
        (0o644, 0o600, None, 0o600),
        (0o600, 0o755, None, 0o700),
    ],
)
def test_permissions(home: int | None, shared: int | None, base: int | None, wanted: int) -> None:
    assert decide_mode(home, shared, base) == wanted


def test_permissions_of_a_first_meeting_are_never_wider_than_either() -> None:
    for home, shared in product(range(0o1000), (0o600, 0o640, 0o644, 0o700, 0o755, 0o777)):
        found = decide_mode(home, shared, None)
        assert found & 0o077 == home & shared & 0o077


def test_usual_modes() -> None:
    assert (usual_mode(is_executable=False), usual_mode(is_executable=True)) == (0o644, 0o755)


@pytest.mark.parametrize(
    ("home", "mirror", "head", "is_linked", "wanted"),
    [
        (X, X, X, True, None),
        (X, X, Y, True, Letter.UNCOMMITTED),
        (X, Y, Y, True, Letter.UNLIKE),
        (X, X, X, False, Letter.UNLIKE),
        (X, ABSENT, X, True, Letter.ONLY_HOME),
        (ABSENT, X, X, True, Letter.ONLY_MIRROR),
        (ABSENT, ABSENT, X, True, Letter.NEITHER),
        (BLOCKED, X, X, True, Letter.UNLIKE),
    ],
)
def test_letters(
    home: Fingerprint, mirror: Fingerprint, head: Fingerprint, is_linked: bool, wanted: Letter | None
) -> None:
    assert letter(home, mirror, head, is_linked_as_wanted=is_linked) is wanted
