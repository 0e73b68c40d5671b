"""Decides the action for one tracked home file from three versions of it.

Pure; any thread. The three are home's, the mirror's, and `base`, the last one that both had in common; `head` is the
version committed in the mirror. Home receives committed content only, so that anything replaced there can be compared
with history; the mirror receives home's content before it is committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FILE_MODE, EXECUTABLE_MODE, DIRECTORY_MODE = 0o644, 0o755, 0o755
# The permissions that machines share: never set-id bits, nor that others may write.
SHARED_BITS = 0o775


class FileKind(StrEnum):
    """What is at a path. HELD: a process is writing it. BLOCKED: it cannot be read, or must not be replaced."""

    ABSENT = "absent"
    FILE = "file"
    LINK = "link"
    HELD = "held"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The version at a path: `id` is the blob's, `mode` the permissions of a file (0 of anything else)."""

    kind: FileKind
    id: str = ""
    mode: int = 0

    @property
    def is_there(self) -> bool:
        """Whether there is a file or a link."""
        return self.kind in (FileKind.FILE, FileKind.LINK)

    def is_alike(self, other: Fingerprint) -> bool:
        """Whether both have the same kind and content; permissions are compared separately."""
        return (self.kind, self.id) == (other.kind, other.id)


ABSENT = Fingerprint(FileKind.ABSENT)


class MirrorAction(StrEnum):
    """What to do with a path.

    AGREE: both have the same content. FORGET: neither has it. TO_MIRROR, TO_HOME: copy the content, or the deletion.
    COMMIT_FIRST: commit the mirror's version, then decide again. MERGE: both were changed. WAIT: not now.
    """

    AGREE = "agree"
    FORGET = "forget"
    TO_MIRROR = "to-mirror"
    TO_HOME = "to-home"
    COMMIT_FIRST = "commit-first"
    MERGE = "merge"
    WAIT = "wait"
    BLOCKED = "blocked"


def decide(
    home: Fingerprint, mirror: Fingerprint, head: Fingerprint, base: Fingerprint, *, has_left: bool = False
) -> MirrorAction:
    """Return what to do; `base` is ABSENT when the two were never equal on this machine.

    An edit wins over a deletion. A file that was removed from the mirror without a commit is restored from home.
    With `has_left`, the mirror still has the file that home had before: home's previous version, which `base` is then.
    It is committed before home's present one, so that history has both.
    """
    for side in (home, mirror):
        if side.kind is FileKind.BLOCKED:
            return MirrorAction.BLOCKED
    if FileKind.HELD in (home.kind, mirror.kind):
        return MirrorAction.WAIT
    if home.is_alike(mirror):
        return MirrorAction.AGREE if home.is_there else MirrorAction.FORGET
    if not mirror.is_alike(head):
        if has_left and mirror.is_there and head.is_there:
            return MirrorAction.COMMIT_FIRST
        if not mirror.is_there or mirror.is_alike(base):
            return MirrorAction.TO_MIRROR
        return MirrorAction.COMMIT_FIRST
    if home.is_alike(base):
        return MirrorAction.TO_HOME
    if mirror.is_alike(base):
        return MirrorAction.TO_MIRROR
    if not home.is_there:
        return MirrorAction.TO_HOME
    return MirrorAction.TO_MIRROR if not mirror.is_there else MirrorAction.MERGE


def decide_mode(home: int | None, shared: int | None, base: int | None) -> int:
    """Return the permissions that a path should have on this machine and in the manifest.

    `home` is the current mode (None: no file yet), `shared` that of the manifest or git (None: not known yet), `base`
    the last common one (None: never). If both were changed, only the permissions that both grant remain.
    """
    if home is None or shared is None:
        found = home if shared is None else shared
        return FILE_MODE if found is None else found
    if home in (shared, base):
        return shared
    if shared == base:
        return home
    return (shared & 0o700) | (home & shared & 0o077)


def usual_mode(*, is_executable: bool) -> int:
    """Return the permissions for git's two file modes."""
    return EXECUTABLE_MODE if is_executable else FILE_MODE


class Letter(StrEnum):
    """What is wrong with a home file, as `status` shows it; the letters are those of TRAKK."""

    UNCOMMITTED = "A"
    UNLIKE = "B"
    ONLY_HOME = "C"
    ONLY_MIRROR = "D"
    NEITHER = "E"
    UNTRACKED = "F"


def letter(home: Fingerprint, mirror: Fingerprint, head: Fingerprint, *, is_linked_as_wanted: bool) -> Letter | None:
    """Return what is wrong with a tracked path, None when nothing is."""
    if not home.is_there and not mirror.is_there and FileKind.ABSENT in (home.kind, mirror.kind):
        return Letter.NEITHER
    if mirror.kind is FileKind.ABSENT:
        return Letter.ONLY_HOME
    if home.kind is FileKind.ABSENT:
        return Letter.ONLY_MIRROR
    if not home.is_alike(mirror) or not is_linked_as_wanted:
        return Letter.UNLIKE
    return None if mirror.is_alike(head) else Letter.UNCOMMITTED
