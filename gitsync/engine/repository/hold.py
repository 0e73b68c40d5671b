"""Which state a work tree is in, and what holds it there: a pause, a brake, its user's own operation.

Runs on the committer thread; owns `pause.json` in the repository's state directory.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path

from gitsync.clock import Clock
from gitsync.core.states import WorktreeEvent, WorktreeState, advance
from gitsync.engine.memory import PAUSE_FILE, Memory
from gitsync.engine.repository.consent import Consent
from gitsync.engine.repository.deletions import Deletions

# The brakes that `restore` releases.
MISSING = frozenset({"mass-deletion", "root-emptied", "home-emptied"})


class Hold:
    """The state of one work tree; instants are monotonic seconds."""

    def __init__(self, repo_state_dir: Path) -> None:
        self.state = WorktreeState.STARTING
        self.paused_until: float | None = None
        self.halt_code = ""
        self.look_again_at: float | None = None  # while busy or halted
        self.consent = Consent()
        self.deletions = Deletions(repo_state_dir)
        self.announced_branch = ""  # the branch that the exchanger knows of
        self._memory = Memory(repo_state_dir / PAUSE_FILE)

    def advance(self, event: WorktreeEvent) -> None:
        """Move the state; an illegal move is a bug and raises."""
        self.state = advance(self.state, event)

    # -- a pause ------------------------------------------------------------------------------------------------------

    def remember_pause(self, until: float | None, clock: Clock) -> None:
        """Remember a pause over a restart."""
        self._memory.remember_pause(None if until is None else clock.wall() + until - clock.now())

    def remembered_pause(self, clock: Clock) -> tuple[bool, float | None]:
        """Return whether a pause of before the restart goes on, and until when."""
        left = self._memory.pause_left(clock.wall())
        return left is not None, None if left is None or math.isinf(left) else clock.now() + left

    def pause(self, until: float | None) -> None:
        """Move to paused."""
        self.paused_until = until
        self.advance(WorktreeEvent.PAUSED)

    def resume(self, *, is_accepted: bool, ids: Collection[str] = ()) -> str:
        """End a pause or a halt; return the code of the halt that was accepted, "" for none.

        `ids` are the questions that are accepted; without them it is the one that is open.
        """
        self._memory.remember(is_paused=None, until=None)
        code, self.halt_code = self.halt_code, ""
        self.paused_until = None
        if not is_accepted:
            self.consent.drop()
            return ""
        return code if self.consent.take(ids) else ""

    # -- a brake, and the user's own operation ------------------------------------------------------------------------

    def halt(self, code: str, look_again_at: float | None) -> bool:
        """Move to halted; return whether it was not before."""
        self.halt_code, self.look_again_at = code, look_again_at
        is_new = self.state is not WorktreeState.HALTED
        if is_new:
            self.advance(WorktreeEvent.HALTED)
        return is_new

    @property
    def has_files_missing(self) -> bool:
        """Whether a brake holds because files are missing, which can be restored."""
        return self.state is WorktreeState.HALTED and self.halt_code in MISSING

    def look_later(self, look_again_at: float | None) -> None:
        """Stay halted, and look at the cause at this instant."""
        self.look_again_at = look_again_at

    def see_root(self) -> None:
        """The root that had vanished is there again, or the files that were missing."""
        self.advance(WorktreeEvent.ROOT_RETURNED)
        self.halt_code = ""
        self.consent.drop()

    def see_operation(self, look_again_at: float) -> None:
        """The user's own operation is open, or another branch is checked out."""
        self.look_again_at = look_again_at
        self.advance(WorktreeEvent.OPERATION_OPENED)

    def see_operation_end(self) -> None:
        """The user's own operation is over; what they committed is to be pushed."""
        self.advance(WorktreeEvent.OPERATION_ENDED)
        self.forget_branch()

    def announce(self, branch: str) -> None:
        """Note that the exchanger knows of `branch`."""
        self.announced_branch = branch

    def forget_branch(self) -> None:
        """Have the branch announced again."""
        self.announced_branch = ""
