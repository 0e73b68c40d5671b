"""Bugs to be planted into an engine on purpose, so that the convergence test can be seen to find them.

Each lies about one thing that the engine has to do; they are planted in a forked child and nowhere else. This is the
one place where tests replace functions of gitsync's: what the program must never do is no parameter of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pygit2

from gitsync.engine.repository import handle, integrate
from gitsync.git.applying import atomic_replace, journal
from gitsync.git.applying.apply import Outcome, OutcomeKind, Recovered
from gitsync.git.applying.journal import JournalStep
from gitsync.git.applying.preflight import Surprise
from gitsync.git.applying.writer import Applier
from gitsync.git.merging import plan
from gitsync.git.merging.plan import Plan, PlanKind
from gitsync.git.remote import transport
from gitsync.git.remote.results import PushKind, PushResult
from gitsync.git.staging.worktree import Worktree
from gitsync.watch.buffer import ChangeBuffer, Noted


def _unlooked() -> None:
    """What came out of an exchange is not compared with the base that the merge started from."""

    def check(self: Applier, step: JournalStep, replaced: str, surprise: Surprise) -> None:
        return None

    def keep(self: Applier, step: JournalStep) -> None:
        atomic_replace.remove(self._root, step.temp)

    _replace(Applier, "_check_replaced", check)
    _replace(Applier, "_keep", keep)


def _forced() -> None:
    """The work tree is written by libgit2's checkout, with force."""

    def apply(worktree: Worktree, plan: Plan, *, message: str, author: str = "") -> Outcome:
        repo, probe = worktree.repo, worktree.probe
        target = plan.upstream
        changed = repo.diff(plan.head, plan.upstream) if plan.head else ()
        paths = [os.fsencode(patch.delta.new_file.path) for patch in changed if patch is not None]
        for path in paths:
            probe("before", path)
        if plan.kind is PlanKind.MERGE:
            person = repo.default_signature
            assert plan.tree is not None
            target = str(
                repo.create_commit(None, person, person, message, pygit2.Oid(hex=plan.tree), list(plan.parents))
            )
        force = pygit2.enums.CheckoutStrategy.FORCE
        repo.checkout_tree(repo[target], strategy=force)  # type: ignore[no-untyped-call]  # pygit2 has no types for it
        for path in paths:
            probe("renamed", path)
        repo.references[f"refs/heads/{plan.branch}"].set_target(target)
        probe("", b"")
        repo.index.read()
        repo.index.read_tree(repo[target].tree)
        repo.index.write()
        return Outcome(OutcomeKind.DONE, (), target, worktree.last_commit())

    _replace(integrate, "apply", apply)


def _forgotten() -> None:
    """The journal of an interrupted pull is thrown away instead of being rolled forward."""

    def recover(worktree: Worktree) -> Recovered:
        journal.drop(worktree.repo_state_dir)
        return Recovered()

    _replace(handle, "recover", recover)


def _theirs() -> None:
    """A merge takes the remote's tree, whatever is here."""

    def take_theirs(worktree: Worktree, upstream: str, *args: Any, **options: Any) -> Plan:
        made = plan.plan(worktree, upstream, *args, **options)
        if made.kind is not PlanKind.MERGE:
            return made
        return replace(made, tree=str(worktree.repo[upstream].peel(pygit2.Tree).id))

    _replace(integrate, "plan", take_theirs)


def _claimed() -> None:
    """A push is said to have been made, and was not."""

    def push(*arguments: object, **options: object) -> PushResult:
        return PushResult(PushKind.PUSHED)

    _replace(transport, "push", push)


def _dropped() -> None:
    """Of several changes that were noted together, one is forgotten."""
    steal = ChangeBuffer.steal

    def steal_less(self: ChangeBuffer) -> Noted:
        noted = steal(self)
        return replace(noted, paths=frozenset(sorted(noted.paths)[1:]), trees=frozenset(sorted(noted.trees)[1:]))

    _replace(ChangeBuffer, "steal", steal_less)


def _replace(owner: object, name: str, lie: Callable[..., object]) -> None:
    assert hasattr(owner, name), "a bug in what is not there would not be found"
    setattr(owner, name, lie)


BUGS: dict[str, Callable[[], None]] = {
    "unlooked": _unlooked,
    "forced": _forced,
    "forgotten": _forgotten,
    "theirs": _theirs,
    "claimed": _claimed,
    "dropped": _dropped,
}


def plant(bug: str) -> None:
    """Plant a bug; "" plants none."""
    if bug:
        BUGS[bug]()
