"""The trial: what taking in the upstream would come to, found out in memory.

Runs on the committer thread, with a Worktree's Repository; owns nothing and moves nothing.

Theory of operation. A pull is two things that fail in different ways, and only the second may touch what is the
user's. The first is this module: it looks how HEAD and the upstream stand to each other and, when both moved, merges
them into a tree (`threeway`), by the policies that the user configured. What it leaves behind is objects that no ref
leads to. The outcome is a `Plan`: the tree that the work tree is to have and the commits it comes from, or the reason
why there is none. A merge that waits for a person (policy `manual`) is not half a merge: there is no tree, only the
list of paths.

The second is `integrate.apply`: it brings the work tree from HEAD's tree to the plan's, under a journal, checks each
file against the version that the plan started from, and moves the branch last. A plan is therefore bound to the HEAD
it was made for: when HEAD or a file is not what it was, the plan is thrown away, whatever was edited is committed, and
the trial begins again. It costs nothing but time.

Two machines that merge the same two commits find the same tree, whichever calls which its own, unless there was a
conflict; the merge of both merges is the same in any case. So when both push their merge and one is rejected, the next
merge brings them together.

A remote whose history was rewritten is told by the commit it had at the last fetch, which is no ancestor of the one it
has now. When both sides have commits, merging would bring back what was taken away over there, which may have been the
point of the rewriting: that is a person's decision, and the plan says REWRITTEN.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from enum import StrEnum

import pygit2

from gitsync.core.conflict import Rules
from gitsync.errors import OperationError
from gitsync.git.merging.threeway import ResolvedConflict, merge
from gitsync.git.merging.unsafe_trees import faults
from gitsync.git.objects.refs import brings_back, is_ancestor
from gitsync.git.objects.store import said
from gitsync.git.remote.errors import clean
from gitsync.git.repository import Mergeable, head_of, tree_of


class PlanKind(StrEnum):
    """How HEAD and the upstream stand to each other, and so what there is to do."""

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
    """What taking in `upstream` comes to, for `branch` at commit `head` (None: unborn) and its tree `base_tree`.

    `tree` is what the work tree is to have: set for FAST_FORWARD, MERGE and COMMIT alone. `parents` are those of the
    commit to make, or the commit to go to (FAST_FORWARD). A COMMIT takes in nothing: its user asked for that tree on
    top of HEAD. `conflicts` are the paths that wait for a person, `settled` the conflicts that a policy decided. Where
    git tracks nothing at a path of `displaced`, the file that is there is kept by a backup ref and makes room; at one
    of `movable`, a commit was tried and left it out, so that it is moved aside.
    """

    kind: PlanKind
    branch: str
    head: str | None
    upstream: str
    base_tree: str | None = None
    tree: str | None = None
    parents: tuple[str, ...] = ()
    conflicts: tuple[bytes, ...] = ()
    settled: tuple[ResolvedConflict, ...] = ()
    displaced: frozenset[bytes] = frozenset()
    movable: frozenset[bytes] = frozenset()

    @property
    def changes_work_tree(self) -> bool:
        """Whether there is something to apply."""
        return self.kind in (PlanKind.FAST_FORWARD, PlanKind.MERGE, PlanKind.COMMIT)


DEFAULT_RULES = Rules()


def plan(
    worktree: Mergeable,
    upstream: str,
    previous: str | None,
    rules: Rules = DEFAULT_RULES,
    *,
    is_joining: bool = False,
) -> Plan:
    """Return what taking in the commit `upstream` comes to; `previous` is where the remote was at the last fetch.

    `rules` settle conflicts. Pass None as `previous` to take a rewritten remote as it is; `is_joining` merges histories
    that share nothing, as if every file were new on both sides. Raise OperationError when HEAD is detached or an object
    is missing.
    """
    repo = worktree.repo
    branch, head = head_of(repo)
    if branch is None:
        raise OperationError(
            f"{clean(worktree.root)}: HEAD is on no branch", "switch to a branch: git switch BRANCH", code="detached"
        )
    try:
        return _plan(worktree, Plan(PlanKind.EQUAL, branch, head, upstream), previous, rules, is_joining)
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise said(f"{clean(worktree.root)}: cannot work out the merge with {upstream[:10]}", error) from error


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
    # Before anything walks that tree: a bomb would never come to an end.
    refuse_unsafe(worktree, base, tree)
    if head is None or repo.descendant_of(upstream, head):
        # Whatever the remote took back, nothing of ours is gone by going along.
        return replace(bare, kind=PlanKind.FAST_FORWARD, tree=tree, parents=(upstream,))
    if previous is not None and not is_ancestor(repo, previous, upstream):
        return replace(bare, kind=PlanKind.REWRITTEN)
    if not is_joining and repo.merge_base(head, upstream) is None:
        return replace(bare, kind=PlanKind.UNRELATED)
    merged = merge(worktree, head, upstream, rules)
    if merged.tree is None:
        return replace(bare, kind=PlanKind.CONFLICT, conflicts=merged.waiting)
    refuse_unsafe(worktree, base, merged.tree)
    return replace(bare, kind=PlanKind.MERGE, tree=merged.tree, parents=(head, upstream), settled=merged.settled)


def refuse_unsafe(worktree: Mergeable, base: str | None, tree: str) -> None:
    """Raise OperationError "unsafe-content" for a tree that may not come into the work tree."""
    found = faults(worktree.store, base, tree, is_case_blind=_is_case_blind(worktree.repo))
    if found:
        path, why = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise OperationError(
            f"{clean(worktree.root)}: the remote has what must not be written here: "
            f"{clean(os.fsdecode(path)) or 'its tree'}: {why}{more}; nothing was taken in",
            "remove or rename it on the machine that it comes from, and sync there",
            code="unsafe-content",
        )


def _is_case_blind(repo: pygit2.Repository) -> bool:
    try:
        return bool(repo.config_snapshot.get_bool("core.ignorecase"))
    except (KeyError, ValueError, pygit2.GitError):
        return False
