"""core.sharedRepository: the modes that objects, refs and the index get in a repository of several people.

Any thread. git's own children see to theirs; this is for what gitsync and libgit2 write. Where nothing is set, the
umask decides, as for every other file.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gitsync.git.rules import config

_GROUP, _EVERYBODY = 0o660, 0o664
_WORDS = {"group": _GROUP, "true": _GROUP, "yes": _GROUP, "on": _GROUP, "1": _GROUP, "all": _EVERYBODY}
_WORDS |= {"world": _EVERYBODY, "everybody": _EVERYBODY, "2": _EVERYBODY}


@dataclass(frozen=True, slots=True)
class Sharing:
    """Permission bits: those that are added to what the umask leaves, or, if `is_exact`, those that are set."""

    bits: int
    is_exact: bool = False

    def mode(self, mode: int) -> int:
        """Return the permissions of a file or directory that has `mode`, as git's `adjust_shared_perm` does."""
        bits = self.bits
        if not mode & stat.S_IWUSR:
            bits &= ~0o222
        if stat.S_ISDIR(mode) or mode & stat.S_IXUSR:
            bits |= (bits & 0o444) >> 2
        shared = bits if self.is_exact else stat.S_IMODE(mode) | bits
        return shared | stat.S_ISGID if stat.S_ISDIR(mode) else shared

    def apply(self, path: str | int) -> None:
        """Give a file, a handle or a directory its permissions; what belongs to somebody else keeps its own."""
        with suppress(FileNotFoundError, PermissionError):
            found = os.stat(path).st_mode
            if (wanted := self.mode(found)) != stat.S_IMODE(found):
                os.chmod(path, wanted)

    def apply_below(self, top: str, path: str) -> None:
        """Give `path` its permissions, and every directory from it up to and without `top`."""
        while path.startswith(top + os.sep):
            self.apply(path)
            path = os.path.dirname(path)


def sharing_of(root: str | Path) -> Sharing | None:
    """Return what core.sharedRepository asks for, None where the umask decides."""
    settings = config.read(Path(root))
    values = settings.values.get("core.sharedrepository")
    if not values:
        return None
    word = "true" if values[-1] is None else values[-1].strip().lower()
    if word in _WORDS:
        return Sharing(_WORDS[word])
    try:
        number = int(word, 8)
    except ValueError:
        return None
    return Sharing(number & 0o666, is_exact=True) if number & 0o600 == 0o600 else None


def share_ref(root: str | Path, git_dir: str, ref: str) -> None:
    """Give a ref, its log and the log of HEAD, and the directories they are in, their permissions."""
    sharing = sharing_of(root)
    if sharing is None:
        return
    shared = str(config.common_dir(Path(git_dir)))
    sharing.apply_below(os.path.join(shared, "refs"), os.path.join(shared, ref))
    sharing.apply_below(os.path.join(shared, "logs"), os.path.join(shared, "logs", ref))
    sharing.apply(os.path.join(git_dir, "logs/HEAD"))
