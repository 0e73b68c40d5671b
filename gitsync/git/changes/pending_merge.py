"""A merge that waits for a person (policy `manual`): both sides in refs, and the choices so far.

Runs on the committer thread; owns refs/gitsync/conflict/BRANCH/{ours,theirs} and `choices.json` in the state directory.
A choice is valid for the versions that it was made for: it is asked for again when the remote's version has changed,
and, if theirs was chosen, when ours was edited since.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace

import pygit2

from gitsync.core.conflict import Policy, Rules
from gitsync.errors import OperationError
from gitsync.git.applying.apply import put
from gitsync.git.files import write_durably
from gitsync.git.merging.merge_summary import merge_message
from gitsync.git.merging.plan import Plan, PlanKind, plan
from gitsync.git.merging.renames import entry_in
from gitsync.git.objects.ref_names import kept
from gitsync.git.objects.refs import sweep_locks
from gitsync.git.objects.store import said
from gitsync.git.repository import Mergeable, head_of
from gitsync.git.staging.worktree import Worktree
from gitsync.model import CommitInfo
from gitsync.text import clean

CONFLICTS = "refs/gitsync/conflict/"
_CHOICES = "choices.json"


@dataclass(frozen=True, slots=True)
class Waiting:
    """The two commits to be merged."""

    branch: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Decided:
    """The result of a choice: the paths that are `left` to choose, or the `commit` that merged both sides."""

    left: tuple[bytes, ...]
    commit: CommitInfo | None


def hold(worktree: Worktree, wanted: Plan) -> None:
    """Keep both sides of a pending merge reachable, whatever happens to the branches; raise OperationError."""
    assert wanted.head is not None
    sweep_locks(worktree.repo, CONFLICTS)
    for side, commit in (("ours", wanted.head), ("theirs", wanted.upstream)):
        ref = f"{CONFLICTS}{wanted.branch}/{side}"
        try:
            found = worktree.repo.references.get(kept(ref))
            if found is None or str(found.target) != commit:
                worktree.repo.references.create(ref, commit, force=True)
        except (pygit2.GitError, ValueError, OSError) as error:
            raise said(f"cannot write {ref} in {clean(worktree.root)}", error) from error


def release(worktree: Worktree) -> None:
    """Forget the pending merge of the current branch: it is done, or no longer needed."""
    branch, _ = head_of(worktree.repo)
    for side in ("ours", "theirs"):
        ref = f"{CONFLICTS}{branch}/{side}"
        if worktree.repo.references.get(kept(ref)) is not None:
            sweep_locks(worktree.repo, CONFLICTS)
            worktree.repo.references.delete(kept(ref))
    (worktree.repo_state_dir / _CHOICES).unlink(missing_ok=True)


def waiting(worktree: Mergeable) -> Waiting | None:
    """Return the pending merge of the current branch, None for none."""
    branch, _ = head_of(worktree.repo)
    ours, theirs = (worktree.repo.references.get(kept(f"{CONFLICTS}{branch}/{side}")) for side in ("ours", "theirs"))
    if branch is None or ours is None or theirs is None:
        return None
    return Waiting(branch, str(ours.target), str(theirs.target))


def with_choices(worktree: Mergeable, rules: Rules, upstream: str) -> Rules:
    """Return `rules` with the choices that a person made for the versions that `upstream` has."""
    path = worktree.repo_state_dir / _CHOICES
    try:
        document = json.loads(path.read_bytes())
        seen, before = str(document["theirs"]), str(document["ours"])
        found = {os.fsencode(at): Policy(to) for at, to in document["chosen"].items()}
    except FileNotFoundError:
        return rules
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return rules  # without the choices, the person is asked again
    _, now = head_of(worktree.repo)
    if now is None:
        return rules

    def is_valid(at: bytes, to: Policy) -> bool:
        is_theirs_same = entry_in(worktree, seen, before, at) == entry_in(worktree, upstream, now, at)
        return is_theirs_same and (
            to is Policy.OURS or entry_in(worktree, before, seen, at) == entry_in(worktree, now, upstream, at)
        )

    chosen = {at: to for at, to in found.items() if is_valid(at, to)}
    return replace(rules, chosen=chosen)


def decide(worktree: Worktree, path: bytes, policy: Policy, rules: Rules, *, author: str = "") -> Decided:
    """Resolve one path of the pending merge by `policy`; with the last path, make the merge.

    Raise OperationError "not-in-conflict" when the path does not wait, and what `apply.put` raises.
    """
    held = waiting(worktree)
    if held is None:
        raise OperationError(f"{clean(worktree.root)}: there is no pending merge", code="not-in-conflict")
    # A choice can be changed until the merge is made.
    if path not in open_paths(worktree, held, rules):
        name = clean(os.fsdecode(path))
        raise OperationError(f"{clean(worktree.root)}: {name} is not in conflict", code="not-in-conflict")
    rules = with_choices(worktree, rules, held.theirs)
    rules = replace(rules, chosen={**rules.chosen, path: policy})
    document = {
        "theirs": held.theirs,
        "ours": head_of(worktree.repo)[1],
        "chosen": {os.fsdecode(at): str(to) for at, to in rules.chosen.items()},
    }
    write_durably(worktree.repo_state_dir / _CHOICES, json.dumps(document).encode("ascii"))
    wanted = plan(worktree, held.theirs, None, rules, is_joining=True)
    if wanted.kind is not PlanKind.MERGE or wanted.tree is None:
        return Decided(wanted.conflicts, None)
    message = merge_message(held.theirs[:10], wanted.resolved)
    done = put(worktree, wanted.tree, message=message, reason="merge", author=author, merging=held.theirs)
    release(worktree)
    return Decided((), done.commit)


def open_paths(worktree: Mergeable, held: Waiting, rules: Rules) -> tuple[bytes, ...]:
    """Return the paths that a person may resolve: those left, and those chosen already, whose choice can be changed.

    A choice may add another path: a file that is kept where the other side has a directory.
    """
    chosen = with_choices(worktree, rules, held.theirs)
    return tuple(sorted({*left(worktree, held, rules), *left(worktree, held, chosen)}))


def left(worktree: Mergeable, held: Waiting, rules: Rules) -> tuple[bytes, ...]:
    """Return the paths that a person must still resolve; `rules` contain the choices so far."""
    return plan(worktree, held.theirs, None, rules, is_joining=True).conflicts
