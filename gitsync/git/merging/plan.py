"""Plans how to integrate the upstream: compares the histories and merges them in memory.

Runs on the committer thread, with a Worktree's Repository; owns nothing and moves no ref.

Theory of operation. A pull has two parts that fail in different ways, and only the second may change the user's files.
The first part is this module: it compares HEAD with the upstream and, when both have new commits, merges them into a
tree (`threeway`) by the configured policies. It writes only unreferenced objects. The result is a `Plan`: the tree that
the work tree is to have and the commits that it comes from, or the reason why there is none. A merge that waits for a
person (policy `manual`) is not half a merge: it has no tree, only the list of paths.

The second part is `apply.apply`: it changes the work tree from HEAD's tree to the plan's, under a journal, compares
each file with the version that the plan started from, and moves the branch last. A plan is therefore valid only for the
HEAD that it was made for: when HEAD or a file has changed, the plan is discarded, the edits are committed, and a new
plan is made. That costs nothing but time.

Two machines that merge the same two commits get the same tree, whichever side each of them calls ours, unless there was
a conflict; the merge of both merges is the same in any case. So when both push their merge and one is rejected, the
next merge joins them.

A rewritten remote is detected when its commit at the last fetch is not an ancestor of the current one.
When both sides have commits, merging would restore what was removed there, possibly on purpose: that is a person's
decision, and the plan is REWRITTEN.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import pygit2

from gitsync.core.conflict import Rules
from gitsync.errors import OperationError
from gitsync.git.merging.threeway import ResolvedConflict, merge, merge_from
from gitsync.git.merging.unsafe_trees import faults
from gitsync.git.objects.reflog import replaced_tip
from gitsync.git.objects.refs import brings_back, is_ancestor
from gitsync.git.objects.store import said
from gitsync.git.repository import Mergeable, head_of, tree_of
from gitsync.git.rules import config
from gitsync.text import clean


class PlanKind(StrEnum):
    """How HEAD and the upstream are related, and so what there is to do."""

    EQUAL = "equal"
    AHEAD = "ahead"
    FAST_FORWARD = "fast-forward"
    MERGE = "merge"
    CONFLICT = "conflict"
    UNRELATED = "unrelated"
    REWRITTEN = "rewritten"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True)
class Plan:
    """What integrating `upstream` changes, for `branch` at commit `head` (None: unborn) with tree `base_tree`.

    `tree` is the new tree of the work tree: set for FAST_FORWARD, MERGE and COMMIT only. `parents` are those of the
    commit to create, or the commit to move to (FAST_FORWARD). A COMMIT integrates nothing: the user asked for its tree
    on top of HEAD. `conflicts` are the paths that wait for a person, `resolved` the conflicts that a policy decided. An
    untracked file at one of the `displaced` paths is kept by a backup ref and replaced. One of the `movable` paths was
    not included by an attempted commit, and is moved aside. Of the `forgotten` paths the file stays on disk.
    """

    kind: PlanKind
    branch: str
    head: str | None
    upstream: str
    base_tree: str | None = None
    tree: str | None = None
    parents: tuple[str, ...] = ()
    conflicts: tuple[bytes, ...] = ()
    resolved: tuple[ResolvedConflict, ...] = ()
    displaced: frozenset[bytes] = frozenset()
    movable: frozenset[bytes] = frozenset()
    forgotten: frozenset[bytes] = frozenset()

    @property
    def changes_work_tree(self) -> bool:
        """Whether the plan changes files."""
        return self.kind in (PlanKind.FAST_FORWARD, PlanKind.MERGE, PlanKind.COMMIT)


DEFAULT_RULES = Rules()


def plan(
    worktree: Mergeable,
    upstream: str,
    previous: str | None,
    rules: Rules = DEFAULT_RULES,
    *,
    is_joining: bool = False,
    is_taking: bool = False,
) -> Plan:
    """Return the plan for integrating the commit `upstream`; `previous` is where the remote was at the last fetch.

    `rules` resolve conflicts. Pass None as `previous` to accept a rewritten remote. `is_joining` merges unrelated
    histories, as if every file were new on both sides. With `is_taking`, a rewritten history takes the place of the
    one here, and what was changed here since `previous` comes on top. Raise OperationError when HEAD is detached or an
    object is missing.
    """
    repo = worktree.repo
    branch, head = head_of(repo)
    if branch is None:
        raise OperationError(
            f"{clean(worktree.root)}: HEAD is on no branch", "switch to a branch: git switch BRANCH", code="detached"
        )
    try:
        bare = Plan(PlanKind.EQUAL, branch, head, upstream)
        if is_taking and head is not None and previous is not None and not repo.descendant_of(head, upstream):
            return _taking(worktree, bare, head, previous, rules)
        return _plan(worktree, bare, previous, rules, is_joining)
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise said(f"{clean(worktree.root)}: cannot compute the merge with {upstream[:10]}", error) from error


def _taking(worktree: Mergeable, bare: Plan, head: str, previous: str, rules: Rules) -> Plan:
    """Return the plan for having `upstream` in place of a history that was at `previous` when it was rewritten."""
    upstream, base = bare.upstream, tree_of(worktree, head)
    tree = tree_of(worktree, upstream)
    refuse_unsafe(worktree, base, tree)
    before = tree_of(worktree, previous)
    merged = merge_from(worktree, before, head, upstream, rules)
    if merged.tree is None:  # nothing of it may wait, or it would be resolved by a merge with the old history
        merged = merge_from(worktree, before, head, upstream, DEFAULT_RULES)
    assert merged.tree is not None
    refuse_unsafe(worktree, base, merged.tree)
    kind = PlanKind.FAST_FORWARD if merged.tree == tree else PlanKind.MERGE
    return replace(bare, kind=kind, base_tree=base, tree=merged.tree, parents=(upstream,), resolved=merged.resolved)


def _plan(worktree: Mergeable, bare: Plan, previous: str | None, rules: Rules, is_joining: bool) -> Plan:
    repo, head, upstream = worktree.repo, bare.head, bare.upstream
    tree = tree_of(worktree, upstream)
    base = None if head is None else tree_of(worktree, head)
    bare = replace(bare, base_tree=base)
    if head == upstream:
        return bare
    if head is not None and repo.descendant_of(head, upstream):
        is_ahead = not brings_back(repo, previous, upstream, head)
        return replace(bare, kind=PlanKind.AHEAD if is_ahead else PlanKind.REWRITTEN)
    # Before anything walks that tree: a tree bomb would take forever.
    refuse_unsafe(worktree, base, tree)
    if head is None or repo.descendant_of(upstream, head):
        # Whatever the remote removed from its history, a fast-forward loses no local commit.
        return replace(bare, kind=PlanKind.FAST_FORWARD, tree=tree, parents=(upstream,))
    if previous is not None and not is_ancestor(repo, previous, upstream):
        return replace(bare, kind=PlanKind.REWRITTEN)
    if not is_joining and repo.merge_base(head, upstream) is None:
        return replace(bare, kind=PlanKind.UNRELATED)
    replaced = replaced_tip(repo, bare.branch, head, upstream)
    if replaced is None:
        merged = merge(worktree, head, upstream, rules)
    else:
        merged = merge_from(worktree, tree_of(worktree, replaced), head, upstream, rules)
    if merged.tree is None:
        return replace(bare, kind=PlanKind.CONFLICT, conflicts=merged.waiting)
    refuse_unsafe(worktree, base, merged.tree)
    return replace(bare, kind=PlanKind.MERGE, tree=merged.tree, parents=(head, upstream), resolved=merged.resolved)


def refuse_unsafe(worktree: Mergeable, base: str | None, tree: str) -> None:
    """Raise OperationError "unsafe-content" for a tree that must not be checked out."""
    found = faults(
        worktree.store, base, tree, is_case_blind=config.read(Path(worktree.root)).is_true("core.ignorecase")
    )
    if found:
        path, why = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise OperationError(
            f"{clean(worktree.root)}: the remote has a path that must not be written here: "
            f"{clean(os.fsdecode(path)) or 'its tree'}: {why}{more}; nothing was pulled",
            "remove or rename it on the machine that it comes from, and sync there",
            code="unsafe-content",
        )
