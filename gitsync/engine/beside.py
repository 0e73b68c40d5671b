"""What a repository may have beside its work tree. Runs on the committer thread; owns nothing.

An ordinary one has nothing: its pending changes are those of its buffer, and a commit asks for nothing more. The mirror
of home files has home.
"""

from __future__ import annotations

from gitsync.watch.buffer import ChangeBuffer, Noted, Pending


class Beside:
    """The hooks of the slices, as an ordinary repository answers them."""

    buffer: ChangeBuffer

    @property
    def is_behind(self) -> bool:
        """Whether the branch has a head that is to be followed somewhere else."""
        return False

    def peek(self) -> Pending:
        """Return how much is noted, and since when."""
        return self.buffer.peek()

    def holds(self, path: bytes) -> bool:
        """Whether a look at `path` is noted."""
        return self.buffer.holds(path)

    def gather(self, noted: Noted, now: float) -> Noted:
        """Return what is to be staged for what was noted."""
        return noted

    def scan_beside(self) -> bool:
        """Have everything compared that is not the work tree's; return whether there is anything."""
        return False

    def follow(self, now: float) -> None:
        """Do what the branch's new head asks for outside the work tree."""
