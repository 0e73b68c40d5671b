"""Files that both home and the mirror changed are merged like two branches, by the same policies.

Runs on the committer thread. Home's versions are committed first, so that history has them whatever the merge makes of
them; the outcome is the commit after that. Only then does home get what came out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from gitsync.core.conflict import Rules
from gitsync.core.manifest import NAME, render
from gitsync.core.states import WorktreeEvent
from gitsync.engine.messages import Committed
from gitsync.engine.repository.home_trouble import CONTESTED
from gitsync.engine.repository.repository import LocalRepository
from gitsync.errors import OperationError, TransientError
from gitsync.git.applying import temporaries
from gitsync.git.applying.apply import Outcome, OutcomeKind, apply
from gitsync.git.merging.plan import Plan, PlanKind
from gitsync.git.merging.threeway import merge
from gitsync.git.objects.ancestry import changed_at
from gitsync.git.objects.commits import write_commit
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_FILE, MODE_LINK
from gitsync.git.objects.store import BLOB
from gitsync.git.objects.trees import TreeEntry, diff, edit_tree, lookup
from gitsync.git.repository import head_of
from gitsync.git.rules.identity import identity_of
from gitsync.git.staging.worktree import Worktree
from gitsync.git.unexpected import UNEXPECTED_ERRORS
from gitsync.mirror.agreed_versions import tree_of
from gitsync.mirror.mirror_sync import MirrorSync, PathFacts
from gitsync.text import shown

logger = logging.getLogger(__name__)
E_ = WorktreeEvent


def merge_home(repo: LocalRepository, keeper: MirrorSync, contested: Iterable[PathFacts]) -> None:
    """Merge these paths into the mirror, and let home's versions count as seen; raise one of UNEXPECTED_ERRORS."""
    worktree = keeper.worktree
    mine = _read(keeper, contested)
    changes: dict[bytes, TreeEntry | None] = {}
    rules = Rules.of(repo.config.conflict, repo.config.conflict_paths)
    done: dict[bytes, PathFacts] = {}
    modes: dict[bytes, int] = {}
    for path, (facts, entry, wall) in mine.items():
        merged = _merge_one(worktree, path, facts, entry, wall, rules)
        if merged is None:
            keeper.notes[path] = CONTESTED
        else:
            changes |= merged
            done[path] = facts
            # A file that either side made private stays private, also as a conflict copy.
            modes |= dict.fromkeys((at for at, new in merged.items() if new is not None), keeper.mode_of(facts))
            modes[path] = keeper.mode_of(facts)
    if not done:
        return
    manifest = keeper.record_modes(modes, {})
    if manifest != keeper.manifest:
        changes[NAME] = TreeEntry(MODE_FILE, worktree.store.write(BLOB, render(manifest)))
    head = keeper.head
    before = tree_of(worktree, head)
    theirs = edit_tree(worktree.store, before, {path: mine[path][1] for path in done})
    who = identity_of(worktree.root, repo.config.author)
    names = ", ".join(f"~/{shown(path)}" for path in sorted(done)[:3]) + (" and more" if len(done) > 3 else "")
    kept = write_commit(
        worktree.store,
        theirs,
        [head] if head else [],
        f"Keep {names} as in home",
        who.author,
        who.committer,
        repo.clock.wall(),
    )
    tree = edit_tree(worktree.store, before, changes)
    repo.advance(E_.INTEGRATION_BEGUN)
    try:
        outcome = _apply(worktree, tree, kept, f"Merge {names} from home", repo.config.author)
        if outcome.problem is not None:
            raise OperationError(outcome.problem.message, outcome.problem.hint, code=outcome.problem.code)
    except UNEXPECTED_ERRORS:
        repo.advance(E_.INTEGRATION_REFUSED)
        raise
    if outcome.kind is OutcomeKind.EDITED:
        # Somebody saved one of these in the mirror a moment ago: that is committed first.
        repo.buffer.note(outcome.paths)
        repo.advance(E_.OVERTAKEN)
        return
    repo.advance(E_.INTEGRATED)
    keeper.agreed.note({path: facts.home.version for path, facts in done.items()})
    repo.context.show(last_commit=outcome.commit, head=outcome.head)
    repo.board.publish("merged", repo.name, f"merged what home and the mirror both changed: {names}")
    repo.count(worktree)
    assert outcome.head is not None
    repo.context.send(Committed(repo.name, repo.context.local.branch, outcome.head))


def _apply(worktree: Worktree, tree: str, kept: str, message: str, author: str) -> Outcome:
    """Put the tree into the mirror as a commit on top of the kept one: in a line, so that `git log FILE` shows both."""
    branch, head = head_of(worktree.repo)
    if branch is None:
        raise TransientError("home: HEAD of the mirror is on no branch", "switch to one: git switch BRANCH")
    plan = Plan(PlanKind.COMMIT, branch, head, head or "", tree_of(worktree, head), tree, (kept,))
    return apply(worktree, plan, message=message, author=author, reason="home")


def _read(keeper: MirrorSync, contested: Iterable[PathFacts]) -> dict[bytes, tuple[PathFacts, TreeEntry, float]]:
    """Store home's versions; return each with its entry and when it was written. Later changes wait."""
    found: dict[bytes, tuple[PathFacts, TreeEntry, float]] = {}
    with keeper:
        for facts in contested:
            content = temporaries.read(keeper.home.handle, facts.path)
            mode = MODE_LINK if content.is_link else MODE_EXECUTABLE if content.is_executable else MODE_FILE
            entry = TreeEntry(mode, keeper.worktree.store.write(BLOB, content.data))
            if entry.id == facts.home.version.id:
                wall = keeper.home.changed_at(facts.path)
                found[facts.path] = facts, entry, wall
            else:
                keeper.wanting.add(facts.path)
    return found


def _merge_one(
    worktree: Worktree, path: bytes, facts: PathFacts, entry: TreeEntry, wall: float, rules: Rules
) -> dict[bytes, TreeEntry | None] | None:
    """Return what the merge of one path changes in the mirror's tree, None when the policy decides nothing.

    Home is ours: theirs, which other machines have already, keeps the name when both are kept.
    """
    store, repo = worktree.store, worktree.repo
    head = str(repo.head.target)
    tree = tree_of(worktree, head)
    theirs = lookup(store, tree, path)
    base = facts.base
    old = None
    if base.is_there and store.has(base.id):
        old = TreeEntry(entry.mode if theirs is None else theirs.mode, base.id)
    who = identity_of(worktree.root)

    def commit(of: str, parents: list[str], at: float) -> str:
        return write_commit(store, of, parents, "For a merge", who.author, who.committer, at)

    origin = commit(edit_tree(store, tree, {path: old}), [], 0)
    since = changed_at(store, (head,), path, theirs) if theirs is not None else wall
    one = commit(edit_tree(store, tree, {path: entry}), [origin], wall)
    other = commit(str(tree), [origin], since)
    merged = merge(worktree, one, other, rules)
    if merged.tree is None:
        return None
    return {at: new for at, (_, new) in diff(store, tree, merged.tree).items()}
