"""One branch of a git job and what is to be done with it here. Runs on the thread that owns the work tree.

No checkout: a branch that is not checked out is a ref, which is moved by compare-and-swap to a commit that contains
what it was at; the one that is checked out goes through the trial and the applier of every pull.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import gitsync.git.remote.local_branches as refs
from gitsync.backends.base import Item, Level, Order
from gitsync.core.branches import Branch, BranchAction
from gitsync.core.names import as_word, shown, shown_text
from gitsync.git.applying.apply import Outcome, OutcomeKind, apply
from gitsync.git.merging.merge_summary import merge_message
from gitsync.git.merging.plan import Plan, PlanKind, plan, refuse_unsafe
from gitsync.git.merging.threeway import ResolvedConflict, merge
from gitsync.git.repository import tree_of
from gitsync.git.staging.worktree import Worktree
from gitsync.model import Problem

NAMED = 5


@dataclass(slots=True)
class Local:
    """What became of the branches here: commits to send, branches to delete there (at what they must be), and more.

    `taken` is where the server's branches are that are contained here now, `gone` are branches that are on neither side
    any more, `missing` went from the server and are kept here, `revived` are no longer to be deleted.
    """

    items: list[Item] = field(default_factory=list)
    sends: dict[str, str] = field(default_factory=dict)
    deletes: dict[str, str] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    revived: set[str] = field(default_factory=set)
    conflicts: tuple[str, ...] = ()
    halt: Problem | None = None


class BranchStep:
    """One branch and what is to be done with it."""

    def __init__(
        self,
        worktree: Worktree,
        order: Order,
        branch: Branch,
        local: Local,
        current: str,
        elsewhere: Mapping[str, str],
        there: Mapping[str, str],
    ) -> None:
        self._worktree = worktree
        self._order = order
        self._branch = branch
        self._local = local
        self._is_current = branch.name == current
        self._elsewhere = elsewhere.get(branch.name, "")
        self._there = there
        self._shown = shown_text(branch.name)

    def take(self, action: BranchAction) -> None:
        """Do it."""
        branch, local = self._branch, self._local
        if branch.there is None and branch.known is not None and branch.here is not None:
            local.missing.add(branch.name)
        changes_here = action in (BranchAction.FAST_FORWARD, BranchAction.MERGE, BranchAction.DELETE)
        if changes_here and self._elsewhere:
            text = f"{self._shown} is checked out in {self._elsewhere}, and stays as it is"
            self._tell("checked-out", text, f"to bring it up to date: git -C {self._elsewhere} pull")
            return
        match action:
            case BranchAction.NOTHING:
                if branch.here and branch.there and refs.is_ancestor(self._worktree.repo, branch.there, branch.here):
                    local.taken[branch.name] = branch.there
                elif branch.here is None and branch.there is None:
                    local.gone.add(branch.name)
            case BranchAction.SEND:
                assert branch.here is not None
                local.sends[branch.name] = branch.here
            case BranchAction.CREATE:
                self._create()
            case BranchAction.FAST_FORWARD | BranchAction.MERGE:
                self._receive(action)
            case BranchAction.DELETE:
                self._delete()
            case BranchAction.DELETE_THERE:
                assert branch.there is not None
                local.deletes[branch.name] = branch.there
            case _:
                self._ask(action)

    def _create(self) -> None:
        branch = self._branch
        assert branch.there is not None
        if self._is_current:  # HEAD names it already, and it is not born: its files come with it
            self._receive(BranchAction.FAST_FORWARD)
            return
        refs.move(self._worktree, branch.name, None, branch.there, "created from the server")
        self._local.taken[branch.name] = branch.there
        self._done("created", f"created {self._shown} as on the server")
        if branch.deleted_at is not None:
            self._tell("revived", f"{self._shown} was deleted here, and somebody worked on it since: it is back", "")

    def _receive(self, action: BranchAction) -> None:
        if self._is_current:
            self._receive_checked_out()
            return
        branch, order = self._branch, self._order
        assert branch.there is not None
        if action is BranchAction.FAST_FORWARD:
            refs.move(self._worktree, branch.name, branch.here, branch.there, "fast-forward")
            self._local.taken[branch.name] = branch.there
            self._done("fast-forwarded", f"{self._shown} is where the server's is now")
            return
        assert branch.here is not None
        refuse_unsafe(self._worktree, tree_of(self._worktree, branch.here), tree_of(self._worktree, branch.there))
        merged = merge(self._worktree, branch.here, branch.there, order.rules)
        if merged.tree is None:
            self._conflict(merged.waiting)
            return
        message = merge_message(f"{order.job.remote}/{branch.name}", merged.settled)
        commit = refs.commit(self._worktree, merged.tree, [branch.here, branch.there], message)
        refs.move(self._worktree, branch.name, branch.here, commit, "merge")
        self._merged(commit, merged.settled)

    def _receive_checked_out(self) -> None:
        branch, order = self._branch, self._order
        assert branch.there is not None
        wanted = plan(self._worktree, branch.there, None, order.rules)
        if wanted.kind is PlanKind.CONFLICT:
            self._conflict(wanted.conflicts)
        elif wanted.kind is PlanKind.UNRELATED:
            join = f"git merge --allow-unrelated-histories {order.job.remote}/{branch.name}"
            hint = f"check the address; to join the two: {join}"
            self._tell("unrelated-histories", f"{self._shown} shares no history with the server's", hint)
        elif wanted.changes_work_tree:
            message = merge_message(f"{order.job.remote}/{branch.name}", wanted.settled)
            self._take_outcome(wanted, apply(self._worktree, wanted, message=message))

    def _take_outcome(self, wanted: Plan, outcome: Outcome) -> None:
        if outcome.kind is OutcomeKind.EDITED:
            names = ", ".join(shown(path) for path in outcome.paths[:NAMED])
            if self._order.is_watched:
                text = f"{self._shown} was being edited ({names}); it is tried again"
                self._local.items.append(Item(self._branch.name, "edited", text, level=Level.WAITING))
            else:
                text = f"{self._shown} has edits that are not committed, and the server changed the same files: {names}"
                path = self._order.job.path
                self._tell(
                    "edited",
                    text,
                    f"commit them (or let gitsync: gitsyncctl watch {as_word(str(path))}), then sync again",
                )
        elif outcome.kind is OutcomeKind.BLOCKED:
            problem = outcome.problem
            self._tell("blocked", problem.message if problem else self._shown, problem.hint if problem else "")
        elif wanted.kind is PlanKind.MERGE:
            assert outcome.head is not None
            self._merged(outcome.head, wanted.settled)
        else:
            self._local.taken[self._branch.name] = wanted.upstream
            count = len(outcome.paths)
            files = f"{count} {'file' if count == 1 else 'files'}"
            self._done("fast-forwarded", f"{self._shown} is where the server's is now: {files}")

    def _merged(self, commit: str, settled: tuple[ResolvedConflict, ...]) -> None:
        branch = self._branch
        assert branch.there is not None
        self._local.taken[branch.name] = branch.there
        self._done("merged", f"merged {self._order.job.remote}/{self._shown} into {self._shown}")
        kept = [os.fsdecode(item.copy) for item in settled if item.copy is not None]
        if kept:
            names = ", ".join(map(shown_text, kept[:NAMED]))
            text = f"{self._shown}: changed on both sides; both versions are kept: {names}"
            self._tell("conflict", text, "compare them, then delete the one that you do not want")
        if self._order.direction.is_sending:
            self._local.sends[branch.name] = commit

    def _conflict(self, paths: tuple[bytes, ...]) -> None:
        names = tuple(os.fsdecode(path) for path in paths)
        self._local.conflicts = tuple(sorted({*self._local.conflicts, *names}))
        told = ", ".join(map(shown_text, names[:NAMED]))
        what = f"git merge {self._order.job.remote}/{self._branch.name}"
        self._tell("conflict", f"{self._shown}: changed on both sides, and left alone: {told}", f"settle it: {what}")

    def _delete(self) -> None:
        branch = self._branch
        assert branch.here is not None
        # Asked anew: the branch that had its commits, too, may have been deleted a moment ago.
        if not refs.is_kept(self._worktree, branch.name, branch.here, self._there.values()):
            self._ask(BranchAction.UNSAFE_GONE)
            return
        if self._is_current:
            text = f"{self._shown} was deleted on the server; it is checked out here, and stays"
            again = f"git push {self._order.job.remote} {branch.name}"
            self._tell("gone", text, f"git switch to another branch, and it goes with the next run; or: {again}")
            return
        refs.delete(self._worktree, branch.name, branch.here)
        self._local.gone.add(branch.name)
        self._local.missing.discard(branch.name)
        text = f"deleted {self._shown}, as on the server; it was at {branch.here[:10]}, which other branches contain"
        self._done("deleted", text)

    def _ask(self, action: BranchAction) -> None:
        job, name = self._order.job, self._branch.name
        remote = f"{job.remote}/{name}"
        if action is BranchAction.REWRITTEN:
            self._local.halt = Problem(
                "remote-rewritten",
                f"{job.name}: the history of {shown_text(remote)} was rewritten: commits that were there are gone",
                f"look: git log {remote}; "
                f"to merge it with what is here: gitsyncctl resume {as_word(job.name)} --accept",
            )
            self._tell("remote-rewritten", self._local.halt.message, self._local.halt.hint)
        elif action is BranchAction.MUST_PULL:
            text = f"{self._shown} has commits on the server that are not here, so it was not sent"
            self._tell("fetch-first", text, f"gitsyncctl pull {as_word(job.name)}, then push again")
        elif action is BranchAction.PRINCIPAL_GONE:
            text = f"{self._shown}, the principal branch, is gone from the server; it stays here"
            self._tell("gone", text, f"to send it there again: git push {job.remote} {name}")
        else:
            text = f"{self._shown} is gone from the server, and has commits that are nowhere else; it stays here"
            drop = f"gitsyncctl delete-branch {as_word(job.name)} {as_word(name)}"
            hint = f"to send it again: git push {job.remote} {name}; to delete it: {drop}"
            self._tell("gone", text, hint)

    def _done(self, code: str, text: str) -> None:
        self._local.items.append(Item(self._branch.name, code, text))

    def _tell(self, code: str, text: str, hint: str) -> None:
        self._local.items.append(Item(self._branch.name, code, text, hint, Level.ATTENTION))
