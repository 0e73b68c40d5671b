"""One branch of a git job and what is to be done with it here. Runs on the thread that owns the work tree.

No checkout: a branch that is not checked out is a ref, which is moved by compare-and-swap to a commit that contains
what it was at; the one that is checked out goes through the trial and the applier of every pull.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import gitsync.git.remote.local_branches as refs
from gitsync.backends.base import Halt, Item, Level, Order
from gitsync.backends.git.conflicts import Kept
from gitsync.backends.git.questions import matter, renamed, rewritten
from gitsync.core.branches import Branch, BranchAction, Relation
from gitsync.git.applying.apply import Outcome, OutcomeKind, apply
from gitsync.git.merging.merge_summary import merge_message
from gitsync.git.merging.plan import Plan, PlanKind, plan, refuse_unsafe
from gitsync.git.merging.threeway import ResolvedConflict, merge
from gitsync.git.remote.branches_in_use import BranchUse
from gitsync.git.repository import tree_of
from gitsync.git.staging.worktree import Worktree
from gitsync.model import Question
from gitsync.text import as_word, escape, shown

NAMED = 5
# Actions that move or delete a branch here, and actions that change nothing on either side.
_MOVING_HERE = (BranchAction.FAST_FORWARD, BranchAction.MERGE, BranchAction.DELETE, BranchAction.TAKE)
_ASKING = (BranchAction.NOTHING, BranchAction.LEFT, BranchAction.REWRITTEN, BranchAction.RENAMED)


@dataclass(slots=True)
class Local:
    """The result for the branches here: commits to send, branches to delete on the server, and more.

    `taken` is where the server's branches are that are contained here now, `gone` are branches that are on neither side
    any more, `missing` went from the server and are kept here, `revived` are no longer to be deleted. `matters` are the
    ids of all that was asked and is not resolved, answered or not; `questions` are those without an answer. `kept` are
    the copies of conflicts, `moved` where each branch that moved was before and is now.
    """

    items: list[Item] = field(default_factory=list)
    sends: dict[str, str] = field(default_factory=dict)
    deletes: dict[str, str] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    revived: set[str] = field(default_factory=set)
    conflicts: tuple[str, ...] = ()
    halt: Halt | None = None
    matters: set[str] = field(default_factory=set)
    questions: list[Question] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    moved: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)


class BranchStep:
    """One branch and what is to be done with it."""

    def __init__(
        self,
        worktree: Worktree,
        order: Order,
        branch: Branch,
        local: Local,
        current: str,
        use: BranchUse | None,
        there: Mapping[str, str],
    ) -> None:
        self._worktree = worktree
        self._order = order
        self._branch = branch
        self._local = local
        self._is_current = branch.name == current
        self._use = use
        self._there = there
        self._shown = escape(branch.name)

    def take(self, action: BranchAction) -> None:
        """Do it."""
        branch, local = self._branch, self._local
        if branch.there is None and branch.known is not None and branch.here is not None:
            local.missing.add(branch.name)
        if (branch.is_rewritten and branch.relation is not Relation.EQUAL) or branch.renamed_to:
            local.matters.add(matter(branch))
        if self._is_in_use(action):
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
            case BranchAction.TAKE:
                self._take_name() if branch.renamed_to else self._take_rewritten()
            case BranchAction.LEFT:
                pass
            case BranchAction.REWRITTEN:
                local.questions.append(rewritten(self._worktree, self._order, branch))
            case BranchAction.RENAMED:
                local.questions.append(renamed(self._order, branch))
            case _:
                self._ask(action)

    def _is_in_use(self, action: BranchAction) -> bool:
        """Report that a branch is in use and therefore not changed; return whether it is."""
        use = self._use
        if action in _ASKING or use is None:
            return False
        if use.operation:
            how = f"finish it: git -C {as_word(use.place)} status"
            self._local.items.append(
                Item(self._branch.name, "busy", f"{self._shown} is {use.text}, and is left alone", how, Level.WAITING)
            )
            return True
        if action not in _MOVING_HERE:
            return False
        text = f"{self._shown} is {use.text}, and stays as it is"
        self._tell("checked-out", text, f"to bring it up to date: git -C {as_word(use.place)} pull")
        return True

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
        message = merge_message(f"{order.job.remote}/{branch.name}", merged.resolved)
        commit = refs.commit(self._worktree, merged.tree, [branch.here, branch.there], message)
        refs.move(self._worktree, branch.name, branch.here, commit, "merge")
        self._merged(commit, merged.resolved)

    def _take_rewritten(self) -> None:
        """Have the server's rewritten branch; what was here stays under a backup ref."""
        branch = self._branch
        assert branch.here is not None
        assert branch.there is not None
        if self._is_current:
            base, tree = tree_of(self._worktree, branch.here), tree_of(self._worktree, branch.there)
            refuse_unsafe(self._worktree, base, tree)
            bare = Plan(PlanKind.FAST_FORWARD, branch.name, branch.here, branch.there, base, tree, (branch.there,))
            self._take_outcome(
                bare, apply(self._worktree, bare, message="take the rewritten branch", reason="rewritten")
            )
            return
        refs.replace(self._worktree, branch.name, branch.here, branch.there, "rewritten")
        self._local.taken[branch.name] = branch.there
        text = f"{self._shown} is the server's now; what was here, {branch.here[:10]}, is kept under a backup ref"
        self._done("taken", text)

    def _take_name(self) -> None:
        """Call the default branch as the server does, once it has what the server's has."""
        branch, new = self._branch, self._branch.renamed_to
        assert branch.here is not None
        there = self._there[new]
        if not refs.is_ancestor(self._worktree.repo, there, branch.here):
            BranchStep(
                self._worktree,
                self._order,
                replace(branch, there=there, relation=refs.relation(self._worktree, branch.here, there), renamed_to=""),
                self._local,
                branch.name if self._is_current else "",
                None,
                self._there,
            ).take(BranchAction.MERGE)
            self._local.sends.pop(branch.name, None)
            self._local.taken.pop(branch.name, None)
        at = refs.branches(self._worktree)[branch.name]
        if not refs.is_ancestor(self._worktree.repo, there, at):
            return  # edits or a conflict prevent it, and are reported
        refs.rename(self._worktree, branch.name, new, at)
        self._local.gone.add(branch.name)
        self._local.missing.discard(branch.name)
        self._local.taken[new] = there
        self._local.matters.discard(matter(branch))
        if at != there and self._order.direction.is_sending:
            self._local.sends[new] = at
        self._done("renamed", f"{self._shown} is called {escape(new)} now, as on the server")

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
            message = merge_message(f"{order.job.remote}/{branch.name}", wanted.resolved)
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
            self._merged(outcome.head, wanted.resolved)
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
        self._local.kept += [
            Kept(branch.name, os.fsdecode(item.path), os.fsdecode(item.copy))
            for item in settled
            if item.copy is not None
        ]
        if self._order.direction.is_sending:
            self._local.sends[branch.name] = commit

    def _conflict(self, paths: tuple[bytes, ...]) -> None:
        prefix = "" if self._is_current else f"{self._branch.name}:"
        names = tuple(prefix + os.fsdecode(path) for path in paths)
        self._local.conflicts = tuple(sorted({*self._local.conflicts, *names}))
        told = ", ".join(map(escape, names[:NAMED]))
        place = as_word(str(self._order.job.path))
        what = f"git -C {place} merge {as_word(f'{self._order.job.remote}/{self._branch.name}')}"
        if not self._is_current:
            what = f"git -C {place} switch {as_word(self._branch.name)}, then: {what}"
        self._tell(
            "conflict", f"{self._shown}: changed on both sides, and left alone: {told}", f"to resolve it: {what}"
        )

    def _delete(self) -> None:
        branch = self._branch
        assert branch.here is not None
        # Asked again: the branch that had its commits, too, may have been deleted a moment ago.
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
        if action is BranchAction.MUST_PULL:
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
