"""A committer that asks every repository when it has work, too, and finds that it knew."""

from __future__ import annotations

from gitsync.engine.committer import Committer


class CheckedCommitter(Committer):
    """Never later than the slow way: to ask all of them, at each step."""

    def wake_at(self) -> float | None:
        """Return the earliest instant at which a repository has work."""
        known, now = super().wake_at(), self.clock.now()
        wanted = [repository.wake_at(now) for repository in self._repos.values()]
        asked = min((at for at in wanted if at is not None), default=None)
        # What was noted since is in a message that is not taken yet.
        if asked is not None and self.inbox.empty():
            assert known is not None, f"there is work at {asked}, and nobody knows"
            assert known <= max(asked, now), f"there is work at {asked}, not at {known}"
        return known
