"""Bugs to be planted into an engine on purpose, so that the convergence test can be seen to find them.

Each lies about one thing that the engine has to do; they are planted in a forked child and nowhere else.
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
from gitsync.git.applying.writer import Applier
from gitsync.git.merging.plan import Plan, PlanKind
from gitsync.git.staging.worktree import Worktree


def _unlooked() -> None:
    """What came out of an exchange is not compared with the base that the merge started from."""

    def judge(self: Applier, step: Any, came_out: str, surprise: Any) -> None:
        return None

    Applier._judge = judge
    Applier._keep = lambda self, step: atomic_replace.remove(self._root, step.temp)


def _forced() -> None:
    """The work tree is written by libgit2's checkout, with force."""

    def apply(worktree: Worktree, plan: Plan, *, message: str, author: str = "", probe: Any = None) -> Outcome:
        repo = worktree.repo
        target = plan.upstream
        changed = repo.diff(plan.head, plan.upstream) if plan.head else ()
        for delta in [patch.delta for patch in changed]:
            probe("before", os.fsencode(delta.new_file.path))
        if plan.kind is PlanKind.MERGE:
            person = repo.default_signature
            assert plan.tree is not None
            target = str(
                repo.create_commit(None, person, person, message, pygit2.Oid(hex=plan.tree), list(plan.parents))
            )
        repo.checkout_tree(repo[target], strategy=pygit2.enums.CheckoutStrategy.FORCE)
        for delta in [patch.delta for patch in changed]:
            probe("renamed", os.fsencode(delta.new_file.path))
        repo.references[f"refs/heads/{plan.branch}"].set_target(target)
        probe("", b"")
        repo.index.read()
        repo.index.read_tree(repo[target].tree)
        repo.index.write()
        return Outcome(OutcomeKind.DONE, (), target, worktree.last_commit())

    integrate.apply = apply


def _forgotten() -> None:
    """The journal of an interrupted pull is thrown away instead of being rolled forward."""

    def recover(worktree: Worktree, *, probe: Any = None) -> Recovered:
        journal.drop(worktree.repo_state_dir)
        return Recovered()

    handle.recover = recover


def _theirs() -> None:
    """A merge takes the remote's tree, whatever is here."""
    original = integrate.plan

    def plan(worktree: Worktree, upstream: str, *args: Any, **options: Any) -> Plan:
        made = original(worktree, upstream, *args, **options)
        if made.kind is not PlanKind.MERGE:
            return made
        return replace(made, tree=str(worktree.repo[upstream].peel(pygit2.Tree).id))

    integrate.plan = plan


BUGS: dict[str, Callable[[], None]] = {
    "unlooked": _unlooked,
    "forced": _forced,
    "forgotten": _forgotten,
    "theirs": _theirs,
}


def plant(bug: str) -> None:
    """Plant a bug; "" plants none."""
    if bug:
        BUGS[bug]()
