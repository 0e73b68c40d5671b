"""What becomes of a branch: the decisions by hand, and what holds in every combination of facts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from gitsync.core.branches import Branch, BranchAction, Relation, decide, is_emptied, principal, renamed_default


def act(*, sending: bool = True, receiving: bool = True, refilling: bool = False, **facts: Any) -> BranchAction:
    branch = Branch("draft", facts.pop("here", "1"), facts.pop("there", "1"), **facts)
    return decide(branch, is_sending=sending, is_receiving=receiving, is_refilling=refilling)


@pytest.mark.parametrize(
    ("facts", "both", "push", "pull"),
    [
        ({"relation": Relation.EQUAL}, BranchAction.NOTHING, BranchAction.NOTHING, BranchAction.NOTHING),
        ({"relation": Relation.AHEAD}, BranchAction.SEND, BranchAction.SEND, BranchAction.NOTHING),
        ({"relation": Relation.BEHIND}, BranchAction.FAST_FORWARD, BranchAction.NOTHING, BranchAction.FAST_FORWARD),
        ({"relation": Relation.DIVERGED}, BranchAction.MERGE, BranchAction.MUST_PULL, BranchAction.MERGE),
        ({"here": None}, BranchAction.CREATE, BranchAction.NOTHING, BranchAction.CREATE),
        ({"there": None}, BranchAction.SEND, BranchAction.SEND, BranchAction.NOTHING),
        (
            {"there": None, "known": "1", "is_safe": True},
            BranchAction.DELETE,
            BranchAction.NOTHING,
            BranchAction.DELETE,
        ),
        ({"there": None, "known": "1"}, BranchAction.UNSAFE_GONE, BranchAction.NOTHING, BranchAction.UNSAFE_GONE),
        ({"here": None, "deleted_at": "1"}, BranchAction.DELETE_THERE, BranchAction.DELETE_THERE, BranchAction.NOTHING),
        (
            {"here": None, "deleted_at": "1", "has_moved_since_deletion": True},
            BranchAction.CREATE,
            BranchAction.NOTHING,
            BranchAction.CREATE,
        ),
        (
            {"here": None, "there": None, "deleted_at": "1"},
            BranchAction.NOTHING,
            BranchAction.NOTHING,
            BranchAction.NOTHING,
        ),
    ],
)
def test_each_case(facts: dict[str, Any], both: BranchAction, push: BranchAction, pull: BranchAction) -> None:
    assert act(**facts) is both
    assert act(receiving=False, **facts) is push
    assert act(sending=False, **facts) is pull


def test_a_rewritten_branch_waits_for_its_user() -> None:
    for relation in (Relation.AHEAD, Relation.DIVERGED):
        assert act(relation=relation, is_rewritten=True) is BranchAction.REWRITTEN
    for answer, diverged, ahead in (
        ("keep", BranchAction.MERGE, BranchAction.SEND),
        ("take", BranchAction.TAKE, BranchAction.TAKE),
        ("leave", BranchAction.LEFT, BranchAction.LEFT),
    ):
        assert act(relation=Relation.DIVERGED, is_rewritten=True, answer=answer) is diverged
        assert act(relation=Relation.AHEAD, is_rewritten=True, answer=answer) is ahead
    assert act(relation=Relation.AHEAD, is_rewritten=True, answer="take", receiving=False) is BranchAction.LEFT


def test_a_default_branch_with_another_name_on_the_server_waits_for_its_user() -> None:
    facts: dict[str, Any] = {"there": None, "known": "1", "is_principal": True, "renamed_to": "trunk"}
    assert act(**facts) is BranchAction.RENAMED
    assert act(**facts, answer="take") is BranchAction.TAKE
    assert act(**facts, answer="keep") is BranchAction.SEND
    assert act(**facts, answer="leave") is BranchAction.LEFT


def test_the_new_name_of_a_default_branch_is_found() -> None:
    assert renamed_default(["main", "draft"], ["trunk", "draft"], "trunk") == "main"
    assert renamed_default(["develop"], ["trunk"], "trunk") == "develop"
    assert renamed_default(["main", "trunk"], ["trunk"], "trunk") == "", "it was there before"
    assert renamed_default(["main"], ["main"], "main") == ""


def test_a_branch_that_went_is_sent_again_when_that_is_meant() -> None:
    assert act(there=None, known="1", is_safe=True, refilling=True) is BranchAction.SEND
    assert act(there=None, known="1", is_principal=True, refilling=True) is BranchAction.SEND


def combinations() -> Iterator[tuple[Branch, dict[str, bool]]]:
    bools = (False, True)
    for here, there, known, deleted_at in itertools.product((None, "1"), (None, "2"), (None, "3"), (None, "4")):
        relations = tuple(Relation) if here and there else (None,)
        for relation, flags in itertools.product(relations, itertools.product(bools, repeat=7)):
            rewritten, safe, first, moved, sending, receiving, refilling = flags
            branch = Branch("b", here, there, known, relation, rewritten, safe, first, deleted_at, moved)
            yield branch, {"is_sending": sending, "is_receiving": receiving, "is_refilling": refilling}


def test_what_holds_in_every_combination() -> None:
    for branch, how in combinations():
        action = decide(branch, **how)
        told = (branch, how, action)
        if action in (BranchAction.SEND, BranchAction.DELETE_THERE):
            assert how["is_sending"], told
        if action in (BranchAction.FAST_FORWARD, BranchAction.MERGE, BranchAction.CREATE, BranchAction.DELETE):
            assert how["is_receiving"], told
        if action is BranchAction.DELETE:
            assert branch.is_safe, told
            assert not branch.is_principal, told
            assert branch.known is not None, told
            assert branch.there is None, told
        if action is BranchAction.DELETE_THERE:
            assert branch.deleted_at is not None, told
            assert branch.here is None, told
            assert not branch.has_moved_since_deletion, told
        if action is BranchAction.CREATE:
            assert branch.here is None, told
            assert branch.there is not None, told
        if action is BranchAction.SEND and branch.there is not None:
            assert branch.relation is Relation.AHEAD, told


def test_the_principal_branch_is_main_or_master_or_what_the_server_says() -> None:
    assert principal({"a", "main", "master"}, "a") == "main"
    assert principal({"a", "master"}, "a") == "master"
    assert principal({"a", "b"}, "b") == "b"
    assert principal({"a", "b"}, "gone") == ""


def test_a_server_is_emptied_only_where_it_had_branches() -> None:
    assert is_emptied({}, {"main": "1"})
    assert not is_emptied({"main": "1"}, {"main": "1", "draft": "2"})
    assert not is_emptied({}, {})
