"""Integrating what was fetched: trial merge first, then the work tree, then the ref.

Runs on the committer thread, between commits, when nothing is pending. What is reported of a merge is decided
here; how it is done without losing an edit is `gitsync.git.applying.apply`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import replace

from gitsync.core.conflict import Rules
from gitsync.core.states import WorktreeEvent
from gitsync.engine import heap
from gitsync.engine.exchange import halt_reasons
from gitsync.engine.messages import Committed, Fetched, HeadWanted
from gitsync.engine.repository.repository import LocalRepository
from gitsync.errors import TransientError
from gitsync.git.applying.apply import Outcome, OutcomeKind, apply
from gitsync.git.changes import pending_merge
from gitsync.git.merging.merge_summary import conflict_event, merge_message
from gitsync.git.merging.plan import Plan, PlanKind, plan
from gitsync.git.objects import refs
from gitsync.git.objects.refs import brings_back, is_ancestor
from gitsync.git.staging.worktree import Worktree
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.model import Problem
from gitsync.redaction import redact
from gitsync.text import as_word, shown

logger = logging.getLogger(__name__)

E_ = WorktreeEvent
PATIENT_TRIES = 10


def integrate(repository: LocalRepository, now: float) -> None:
    """Bring the branch and the work tree to what the last fetch asks for, and answer the exchanger."""
    if answer_at_once(repository):
        return
    fetched = repository.integration.wanted
    assert isinstance(fetched, Fetched)
    worktree = repository.open()
    if repository.config.verify != "off" and not fetched.is_verified:
        text = f"{repository.name}: the signatures of {_source(fetched)} were not checked; nothing was taken in"
        repository.integration.answer(repository.context, None, problem=Problem("not-verified", text))
        return
    with worktree.store.keeping_trees(), heap.growing():
        _integrate(repository, worktree, fetched, now)


def _integrate(repository: LocalRepository, worktree: Worktree, fetched: Fetched, now: float) -> None:
    assert fetched.upstream is not None
    repository.advance(E_.INTEGRATION_BEGUN)
    try:
        rules = _rules(repository, worktree, fetched.upstream)
        wanted = plan(
            worktree,
            fetched.upstream,
            fetched.was,
            rules,
            is_joining=fetched.is_joining,
            is_taking=fetched.is_taking,
        )
        outcome = None
        if wanted.changes_work_tree:
            message = merge_message(_source(fetched), wanted.resolved, is_taking=fetched.is_taking)
            _note_arrivals(repository, worktree, wanted, _source(fetched))
            reason = "rewritten" if fetched.is_taking else ""
            outcome = apply(worktree, wanted, message=message, author=repository.config.author, reason=reason)
            again_at = repository.batch.patience_for(outcome.paths, now)
            if outcome.kind in (OutcomeKind.EDITED, OutcomeKind.BLOCKED) and again_at is not None:
                # A file that a program has open is neither moved nor replaced: it is committed once it is closed.
                repository.integration.wait(again_at)
                repository.advance(E_.INTEGRATION_REFUSED)
                return
            if outcome.kind is OutcomeKind.EDITED and _has_met(repository, wanted, outcome):
                # Looking at them committed nothing: one is in quarantine, or cannot be read.
                wanted = replace(wanted, movable=frozenset(outcome.paths))
                outcome = apply(worktree, wanted, message=message, author=repository.config.author)
            _report_aside(repository, outcome, _source(fetched))
            _report_held(repository, outcome, _source(fetched))
        elif wanted.kind is PlanKind.CONFLICT:
            pending_merge.hold(worktree, wanted)
    except UNEXPECTED_ERRORS as trouble:
        repository.advance(E_.INTEGRATION_REFUSED)
        error = as_error(repository.name, trouble)
        if error.code == "half-applied":
            # Opening it again rolls the journal on, before anything of the half is staged.
            repository.close_worktree()
        if isinstance(error, TransientError) and repository.retry.failures < PATIENT_TRIES:
            raise  # a moment's collision: tried again here, and the exchanger goes on waiting
        repository.integration.answer(repository.context, None, problem=Problem(error.code, error.message, error.hint))
        raise
    if outcome is not None:
        _take_outcome(repository, worktree, wanted, outcome, fetched)
        return
    repository.advance(E_.INTEGRATION_REFUSED)
    problem = _problem(repository.name, wanted, fetched)
    conflict = problem if wanted.kind is PlanKind.CONFLICT else None
    if repository.integration.see_conflict(conflict, fetched.via):
        conflicts = tuple(os.fsdecode(path) for path in wanted.conflicts)
        repository.context.show(conflicts=conflicts, error=conflict)
    repository.integration.distance.count_to(repository.config, worktree, fetched)
    repository.integration.answer(repository.context, wanted.head, problem=problem)


def answer_at_once(repository: LocalRepository) -> bool:
    """Answer the exchanger when there is nothing to take in; return whether it is answered."""
    fetched = repository.integration.wanted
    assert fetched is not None
    worktree = repository.open()
    facts = worktree.facts()
    if facts.branch != fetched.branch or isinstance(fetched, HeadWanted) or fetched.upstream is None:
        # Another branch is checked out by now (the next exchange asks about that one), or there is nothing to merge.
        is_ours = facts.branch == fetched.branch
        repository.integration.answer(
            repository.context, facts.head if is_ours else None, is_ahead=is_ours and facts.head is not None
        )
        return True
    if facts.head is None or not is_ancestor(worktree.repo, fetched.upstream, facts.head):
        return False
    if facts.head != fetched.upstream and brings_back(worktree.repo, fetched.was, fetched.upstream, facts.head):
        return False
    was = fetched.was if fetched.was is not None and fetched.was in worktree.repo else None
    if was is not None and facts.head == fetched.upstream and not is_ancestor(worktree.repo, was, facts.head):
        # Amended and force-pushed by the user: what was there before is kept.
        refs.backup(worktree.repo, "rewritten", commit=was)
    _settle(repository, worktree, fetched)
    repository.integration.distance.count_to(repository.config, worktree, fetched)
    repository.integration.answer(repository.context, facts.head, is_ahead=facts.head != fetched.upstream)
    return True


def _take_outcome(
    repository: LocalRepository, worktree: Worktree, wanted: Plan, outcome: Outcome, fetched: Fetched
) -> None:
    name, source = repository.name, _source(fetched)
    if outcome.kind is OutcomeKind.EDITED:
        if _has_met(repository, wanted, outcome):
            # Not even moving them helped: asking again would not either.
            repository.advance(E_.INTEGRATION_REFUSED)
            repository.integration.answer(repository.context, None, problem=_in_the_way(name, source, outcome.paths))
            return
        # Somebody saved one of these files a moment ago: that is committed first, then the merge is tried again.
        repository.integration.see_edits(wanted.head, frozenset(outcome.paths))
        repository.buffer.note(outcome.paths)
        repository.advance(E_.OVERTAKEN)
        return
    if outcome.kind is OutcomeKind.BLOCKED:
        repository.advance(E_.INTEGRATION_REFUSED)
        problem = outcome.problem or Problem("blocked", f"{name}: {source} cannot be taken in")
        repository.integration.answer(repository.context, None, problem=problem)
        return
    repository.advance(E_.INTEGRATED)
    is_merge = wanted.kind is PlanKind.MERGE
    # Answered first: whatever goes wrong in reporting it, the branch has moved.
    repository.integration.answer(repository.context, outcome.head, is_ahead=is_merge)
    _settle(repository, worktree, fetched)
    if outcome.head is not None:
        repository.handle.copies.pass_over(wanted.head, outcome.head, outcome.paths)
        # The other remotes, where there are some, have not got it yet.
        repository.context.send(Committed(name, wanted.branch, outcome.head, taken_via=fetched.via))
    verb, count = "merged" if is_merge else "pulled", len(outcome.paths)
    text = f"{verb} {source} into {name}: {count} {'file' if count == 1 else 'files'}"
    repository.context.show(last_commit=outcome.commit, head=outcome.head)
    repository.board.publish(verb, name, text, commit=outcome.head)
    if wanted.resolved:
        _report_conflicts(repository, wanted, source)
    repository.integration.distance.count_to(repository.config, worktree, fetched)


def _note_arrivals(repository: LocalRepository, worktree: Worktree, wanted: Plan, source: str) -> None:
    assert wanted.tree is not None
    repository.integration.stale.note(worktree, wanted.base_tree, wanted.tree, source, repository.clock.wall())


def _in_the_way(name: str, source: str, paths: Iterable[bytes]) -> Problem:
    shown_paths = ", ".join(shown(path) for path in sorted(paths)[:5])
    return Problem(
        "blocked",
        f"{name}: {source} cannot be taken in while these are not committed: {shown_paths}",
        f"move them away or commit them (git add, git commit), then: gitsyncctl sync {as_word(name)}",
    )


def _rules(repository: LocalRepository, worktree: Worktree, upstream: str) -> Rules:
    configured = Rules.of(repository.config.conflict, repository.config.conflict_paths)
    return pending_merge.with_choices(worktree, configured, upstream)


def _has_met(repository: LocalRepository, wanted: Plan, outcome: Outcome) -> bool:
    """Whether the same paths were met before, with the same HEAD."""
    return repository.integration.has_seen(wanted.head, frozenset(outcome.paths))


def _report_aside(repository: LocalRepository, outcome: Outcome, source: str) -> None:
    for item in outcome.aside:
        text = f"{shown(item.path)} was in the way of {source} and cannot be committed: it is {shown(item.name)} now"
        details = {"file": os.fsdecode(item.path), "copy": os.fsdecode(item.name)}
        text = f"{repository.name}: {text}"
        repository.board.publish("moved-aside", repository.name, text, level=logging.WARNING, **details)


def _report_held(repository: LocalRepository, outcome: Outcome, source: str) -> None:
    if outcome.held:
        names, count = ", ".join(map(shown, outcome.held[:5])), len(outcome.held)
        more = f" and {count - 5} more" if count > 5 else ""
        text = f"{repository.name}: not written from {source}, inside another repository: {names}{more}"
        details = {"files": [os.fsdecode(path) for path in outcome.held]}
        repository.board.publish("held-path", repository.name, text, level=logging.WARNING, **details)
        repository.context.show(notes=repository.notes())


def _report_conflicts(repository: LocalRepository, wanted: Plan, source: str) -> None:
    details = conflict_event(wanted.resolved, source)
    count = len(wanted.resolved)
    text = f"{repository.name}: {count} {'file was' if count == 1 else 'files were'} changed here and in {source}"
    kept = ", ".join(shown(item.copy) for item in wanted.resolved[:5] if item.copy is not None)
    text += f"; both versions are kept: {kept}" if kept else f"; resolved by policy ({details['policy']})"
    repository.board.publish("conflict", repository.name, text, commit=wanted.upstream, **details)


def _settle(repository: LocalRepository, worktree: Worktree, fetched: Fetched) -> None:
    """Nothing of the remote's is missing here: a conflict with it is over."""
    if not repository.integration.see_conflict(None, fetched.via):
        held, head = pending_merge.waiting(worktree), worktree.facts().head
        if held is not None and not (head is not None and is_ancestor(worktree.repo, held.theirs, head)):
            return  # the conflict with another remote
        repository.integration.end_conflict()
    if repository.board.local(repository.name).conflicts:
        repository.context.show(conflicts=(), error=None)
    pending_merge.release(worktree)


def _source(fetched: Fetched) -> str:
    # It gets into history, events and hooks: a URL may hold a password.
    return fetched.label or redact(f"{fetched.remote}/{fetched.branch}")


def _ref(fetched: Fetched) -> str:
    return fetched.ref or _source(fetched)


def _problem(name: str, wanted: Plan, fetched: Fetched) -> Problem | None:
    source = _source(fetched)
    if wanted.kind is PlanKind.CONFLICT:
        count = len(wanted.conflicts)
        files = "a file was" if count == 1 else f"{count} files were"
        return Problem(
            "conflict",
            f"{name}: {files} changed here and in {source}; nothing was touched, commits go on and wait to be pushed",
            f"to see the versions and resolve each: gitsyncctl conflicts {as_word(name)}; "
            f"or all with git: git merge {_ref(fetched)}",
        )
    if wanted.kind is PlanKind.UNRELATED:
        return halt_reasons.unrelated(name, source)
    if wanted.kind is PlanKind.REWRITTEN:
        return halt_reasons.rewritten(name, source, _ref(fetched))
    return None
