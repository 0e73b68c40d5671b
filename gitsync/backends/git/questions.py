"""Questions of a git job about one branch, and the words that answer them. Runs on the thread that owns the work tree.

The id of a question is derived from the commits: when the server's branch moves again, it is another question.
"""

from __future__ import annotations

import os

from gitsync.backends.base import Halt, Item, Level, Order
from gitsync.config.options import JobConfig
from gitsync.core.branches import Branch, Relation
from gitsync.core.questions import commands, id_of
from gitsync.git.objects.trees import diff
from gitsync.git.repository import tree_of
from gitsync.git.staging.worktree import Worktree
from gitsync.model import Problem, Question
from gitsync.text import as_word, escape

NAMED = 20
TAKE, KEEP, LEAVE = "take", "keep", "leave"
_REWRITTEN = {
    TAKE: "have the server's; what is here stays under a backup ref",
    KEEP: "merge the two and send the result",
    LEAVE: "change it neither here nor there",
}
_RENAMED = {
    TAKE: "rename it here, too",
    KEEP: "send it there again under its old name",
    LEAVE: "keep both names here",
}


def matter(branch: Branch) -> str:
    """Return the id of the question about a rewritten or renamed branch."""
    if branch.renamed_to:
        return id_of("branch", branch.name, branch.renamed_to)
    return id_of("rewritten", branch.name, branch.known or "", branch.there or "")


def rewritten(worktree: Worktree, order: Order, branch: Branch) -> Question:
    """Return the question about a branch of the server that lacks commits that it had before."""
    assert branch.here is not None
    assert branch.there is not None
    remote = f"{order.job.remote}/{branch.name}"
    count = worktree.repo.ahead_behind(branch.here, branch.there)[0]
    commits = f"{count} {'commit' if count == 1 else 'commits'}"
    changed = diff(worktree.store, tree_of(worktree, branch.there), tree_of(worktree, branch.here))
    return Question(
        matter(branch),
        "rewritten",
        f"{order.job.name}: the history of {escape(remote)} was rewritten: {commits} of {escape(branch.name)} "
        "here are not on the server any more",
        branch.name,
        count,
        tuple(sorted(map(os.fsdecode, changed)))[:NAMED],
        _answers(order.job, branch),
    )


def renamed(order: Order, branch: Branch) -> Question:
    """Return the question about a default branch that was renamed on the server."""
    old, new = escape(branch.name), escape(branch.renamed_to)
    answers = (TAKE, KEEP, LEAVE) if order.job.mode == "both" else (TAKE, LEAVE)
    return Question(
        matter(branch),
        "branch",
        f"{order.job.name}: the default branch {old} is called {new} on the server now",
        branch.name,
        1,
        (),
        answers if order.job.mode != "push" else (KEEP, LEAVE),
    )


def _answers(job: JobConfig, branch: Branch) -> tuple[str, ...]:
    """Return the answers that the job's mode can carry out."""
    if job.mode == "push":
        return (KEEP, LEAVE) if branch.relation is Relation.AHEAD else (LEAVE,)
    if job.mode == "pull" and branch.relation is Relation.AHEAD:
        return (TAKE, LEAVE)
    return (TAKE, KEEP, LEAVE)


def asked(order: Order, question: Question, *, is_only: bool) -> Item:
    """Return the item that asks a question, with the command of each answer."""
    words = _RENAMED if question.kind == "branch" else _REWRITTEN
    told = commands(order.job.name, question, is_only=is_only)
    hint = "; ".join(f"{command} ({words[word]})" for command, word in zip(told, question.answers, strict=True))
    if question.kind == "rewritten":
        hint = f"git -C {as_word(str(order.job.path))} log {as_word(f'{order.job.remote}/{question.branch}')}; {hint}"
    code = "remote-renamed" if question.kind == "branch" else "remote-rewritten"
    return Item(question.branch, code, question.message, hint, Level.ATTENTION)


def too_many(order: Order, names: list[str]) -> Halt:
    """Return the halt of more branches that went from the server than a run may delete here."""
    job = order.job
    problem = Problem(
        "mass-deletion",
        f"{job.name}: {len(names)} branches went from the server, more than max_deletes = {job.max_deletes}; "
        "nothing was deleted",
        f"if that is right: gitsyncctl resume {as_word(job.name)} --accept",
    )
    paths = tuple(sorted(names))
    question = Question(id_of("branches", *paths), "deletions", problem.message, "", len(names), paths[:NAMED])
    return Halt(problem, question)


def emptied(order: Order, known: int) -> Halt:
    """Return the halt of a server that had `known` branches and has none."""
    job = order.job
    problem = Problem(
        "remote-emptied",
        f"{job.name}: {job.remote} has no branch any more; nothing was touched",
        f"look at the server; to send everything there again: gitsyncctl resume {as_word(job.name)} --accept",
    )
    return Halt(problem, Question(id_of("emptied", job.remote), "deletions", problem.message, "", known))
