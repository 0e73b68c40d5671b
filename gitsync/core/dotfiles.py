"""What becomes of one tracked home file: three versions in, one action out.

Pure, so on no thread and owner of nothing. The three are home's, the mirror's and `base`, what both had when they were
last seen alike; `head` is what is committed in the mirror. Home gets committed content only, so that whatever is
replaced there can be compared with history; the mirror gets home's content before it is committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FILE_MODE, EXECUTABLE_MODE, DIRECTORY_MODE = 0o644, 0o755, 0o755


class FileKind(StrEnum):
    """What is at a path. HELD: somebody is writing it. BLOCKED: it cannot be looked at, or may not be replaced."""

    ABSENT = "absent"
    FILE = "file"
    LINK = "link"
    HELD = "held"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is at a path: `id` is the blob's, `mode` the permissions of a file (0 of anything else)."""

    kind: FileKind
    id: str = ""
    mode: int = 0

    @property
    def is_there(self) -> bool:
        """Whether there is a file or a link."""
        return self.kind in (FileKind.FILE, FileKind.LINK)

    def is_alike(self, other: Fingerprint) -> bool:
        """Whether both are of one kind and content; permissions are decided apart."""
        return (self.kind, self.id) == (other.kind, other.id)


ABSENT = Fingerprint(FileKind.ABSENT)


class MirrorAction(StrEnum):
    """What is to be done about a path.

    AGREE: both have the same content. FORGET: neither has it. TO_MIRROR, TO_HOME: bring a content over, or a deletion.
    COMMIT_FIRST: what the mirror has is committed, then it is decided anew. MERGE: both were changed. WAIT: not now.
    """

    AGREE = "agree"
    FORGET = "forget"
    TO_MIRROR = "to-mirror"
    TO_HOME = "to-home"
    COMMIT_FIRST = "commit-first"
    MERGE = "merge"
    WAIT = "wait"
    BLOCKED = "blocked"


def decide(home: Fingerprint, mirror: Fingerprint, head: Fingerprint, base: Fingerprint) -> MirrorAction:
    """Return what to do; `base` is ABSENT also when these two were never seen alike on this machine.

    An edit beats a deletion. A file that was taken out of the mirror by hand, not by a commit, comes back from home.
    """
    for side in (home, mirror):
        if side.kind is FileKind.BLOCKED:
            return MirrorAction.BLOCKED
    if FileKind.HELD in (home.kind, mirror.kind):
        return MirrorAction.WAIT
    if home.is_alike(mirror):
        return MirrorAction.AGREE if home.is_there else MirrorAction.FORGET
    if not mirror.is_alike(head):
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
    """Return the permissions that a path is to have on this machine and in the manifest.

    `home` is what it has (None: nothing there yet), `shared` what the manifest and git say (None: not known yet),
    `base` what both were when last alike (None: never). Where both were changed, nobody gets in whom either kept out.
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
    """Return the permissions that git's own two modes stand for."""
    return EXECUTABLE_MODE if is_executable else FILE_MODE


class Letter(StrEnum):
    """What is not in order with a home file, as `status` shows it; the letters are TRAKK's."""

    UNCOMMITTED = "A"
    UNLIKE = "B"
    ONLY_HOME = "C"
    ONLY_MIRROR = "D"
    NEITHER = "E"
    UNTRACKED = "F"


def letter(home: Fingerprint, mirror: Fingerprint, head: Fingerprint, *, is_linked_as_wanted: bool) -> Letter | None:
    """Return what is not in order with a tracked path, None when all is."""
    if not home.is_there and not mirror.is_there and FileKind.ABSENT in (home.kind, mirror.kind):
        return Letter.NEITHER
    if mirror.kind is FileKind.ABSENT:
        return Letter.ONLY_HOME
    if home.kind is FileKind.ABSENT:
        return Letter.ONLY_MIRROR
    if not home.is_alike(mirror) or not is_linked_as_wanted:
        return Letter.UNLIKE
    return None if mirror.is_alike(head) else Letter.UNCOMMITTED
