"""Everything that an integration needs to know before it writes its first byte, in one value.

Runs on the committer thread; owns the renderer until it is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from gitsync.git.aside import Moved, move_aside
from gitsync.git.content import MODE_GITLINK
from gitsync.git.journal import Journal, Phase
from gitsync.git.merge import Plan, PlanKind
from gitsync.git.opening import is_set
from gitsync.git.render import Renderer
from gitsync.git.surprise import Surprise
from gitsync.git.survey import UNTRACKED, Changes, Survey, Surveyor
from gitsync.git.temporaries import Content
from gitsync.git.trees import diff
from gitsync.git.worktree import Worktree


@dataclass(frozen=True, slots=True)
class Prepared:
    """The changes, what the survey found, and the contents to come."""

    changes: Changes
    survey: Survey
    has_modes: bool
    renderer: Renderer
    aside: tuple[Moved, ...] = ()

    @property
    def surprise(self) -> Surprise:
        """Return what is in the way already."""
        return Surprise(list(self.survey.edited or self.survey.aside), dict(self.survey.blocked))

    def content(self, path: bytes) -> Content:
        """Return what is to be on disk at `path`."""
        return self.renderer.content(path)

    def journal(self, plan: Plan, target: str, reason: str) -> Journal:
        """Return the journal of the integration that ends at commit `target`."""
        assert plan.tree is not None
        return Journal(
            Phase.STAGING,
            f"refs/heads/{plan.branch}",
            plan.head,
            target,
            plan.base_tree,
            plan.tree,
            self.has_modes,
            tuple(self.survey.steps),
            tuple(sorted(self.survey.made)),
            tuple(sorted(self.survey.gone)),
            reason,
        )

    def close(self) -> None:
        """Let go of the renderer."""
        self.renderer.close()


def prepare(worktree: Worktree, plan: Plan) -> Prepared:
    """Look at every path that `plan` changes, and move aside what is in the way and can never be committed.

    Nothing is moved while something else is in the way. Raise OperationError when it cannot be rendered or moved.
    """
    assert plan.tree is not None
    worktree.recover()
    changes = diff(worktree.store, plan.base_tree, plan.tree)
    coming = {path: new for path, (_, new) in changes.items() if new is not None and new.mode != MODE_GITLINK}
    renderer = Renderer(worktree, plan.tree, coming)
    try:
        has_modes = is_set(worktree.repo, "core.filemode", True)
        surveyor = partial(
            Surveyor,
            worktree,
            plan.base_tree,
            plan.tree,
            changes,
            renderer,
            has_modes=has_modes,
            is_case_blind=is_set(worktree.repo, "core.ignorecase", False),
            displaced=plan.displaced,
            movable=plan.movable,
        )
        survey = surveyor().look()
        moved: tuple[Moved, ...] = ()
        if plan.kind is PlanKind.COMMIT and len(plan.parents) < 2:
            # Whoever asked for a change is there, and can say what is to become of what is in the way of it.
            survey.blocked |= dict.fromkeys(survey.aside, UNTRACKED)
        elif survey.aside and not survey.edited and not survey.blocked:
            moved = move_aside(worktree, plan.tree, survey.aside, survey.linkable)
            survey = surveyor(beside={item.path: item.name for item in moved if item.is_linked}).look()
        return Prepared(changes, survey, has_modes, renderer, moved)
    except BaseException:
        renderer.close()
        raise
