"""Which paths may be tracked, and what they are called: relative to the real home directory. On its caller's thread."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from gitsync import places
from gitsync.core.coverage import parents
from gitsync.core.manifest import ManifestEntry, is_sound
from gitsync.core.temporary import TEMP_PREFIX
from gitsync.errors import UsageError
from gitsync.git.rules.ignores import is_work_tree
from gitsync.text import as_word, escape

# What `service install` writes.
_INSTALLED = (
    b".config/systemd/user/gitsync.service",
    b".config/systemd/user/gitsync.service.d",
    b".config/systemd/user/default.target.wants/gitsync.service",
    b"Library/LaunchAgents/org.gitsync.gitsync.plist",
)
HOW = "see: gitsyncctl add --help"


@dataclass(frozen=True, slots=True)
class Places:
    """Home and the mirror, as real paths; `apart` are gitsync's own places below home, relative to it.

    `own` are its configuration and what it installs, which are this machine's unless they are tracked by name.
    """

    home: bytes
    mirror: bytes
    apart: tuple[bytes, ...]
    own: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, mirror: Path, own: tuple[Path, ...] = ()) -> Places:
        """Return the places of this user; `own` are directories of gitsync's that are never tracked."""
        home = os.path.realpath(os.fsencode(os.path.expanduser("~")))
        roots = [os.path.realpath(os.fsencode(path)) for path in (mirror, *own)]
        inside = tuple(root[len(home) + 1 :] for root in roots if root.startswith(home.rstrip(b"/") + b"/"))
        config = os.path.realpath(os.fsencode(places.user_config_dir()))
        is_inside = config.startswith(home.rstrip(b"/") + b"/")
        return cls(home, roots[0], inside, (*((config[len(home) + 1 :],) if is_inside else ()), *_INSTALLED))

    def relative(self, path: str) -> bytes:
        """Return what an absolute path of home, or of the mirror, is called below home.

        Links on the way are resolved, the last name is not: a link itself can be tracked. Raise UsageError with the
        reason why it cannot be a home file.
        """
        given = os.path.normpath(os.fsencode(path))
        above, name = os.path.split(given)
        real = os.path.join(os.path.realpath(above), name)
        if os.path.realpath(given) == self.home or real == self.home:
            raise UsageError(
                "all of your home directory cannot be tracked", "name the files or directories in it that matter"
            )
        for root in (self.mirror, self.home):
            if real == root:
                raise UsageError(f"{_text(given)} is the mirror itself", HOW)
            if real.startswith(root.rstrip(b"/") + b"/"):
                return self._checked(given, real[len(root.rstrip(b"/")) + 1 :])
        where = f" (it is {_text(real)})" if real != given else ""
        raise UsageError(
            f"{_text(given)} is not below your home directory {_text(self.home)}{where}",
            f"to watch a git work tree elsewhere: gitsyncctl watch {as_word(_text(given))}",
        )

    def _checked(self, given: bytes, relative: bytes) -> bytes:
        if any(relative == at or relative.startswith(at + b"/") for at in self.apart):
            raise UsageError(f"{_text(given)} is where gitsync keeps its own files: it is never tracked", HOW)
        if not is_sound(relative) or any(part.startswith(TEMP_PREFIX) for part in relative.split(b"/")):
            raise UsageError(f"{_text(given)} has a name that cannot be tracked (.git, or one of gitsync's own)", HOW)
        return relative

    def repository_above(self, relative: bytes) -> bytes | None:
        """Return the directory below home that is a git work tree and holds `relative`, or is it; the nearest one."""
        for at in (relative, *parents(relative)):
            if is_work_tree(self.home + b"/" + at):
                return at
        return None

    def target(self, path: str) -> str | None:
        """Return what a symbolic link in home leads to, as an absolute path; None for anything else."""
        given = Path(self.home_path(self.relative(path)))
        return os.path.realpath(given) if given.is_symlink() else None

    def home_path(self, relative: bytes) -> str:
        """Return where a path of home is."""
        return os.fsdecode(self.home + b"/" + relative)

    def entry(self, path: str, hosts: frozenset[str]) -> ManifestEntry:
        """Return the entry for a path of home that is to be tracked; raise UsageError for what cannot be."""
        relative = self.relative(path)
        place = self.home + b"/" + relative
        try:
            # A file that only the mirror has can be tracked too: then home gets it.
            facts = os.lstat(place if os.path.lexists(place) else self.mirror + b"/" + relative)
        except OSError as error:
            raise UsageError(f"cannot track {_text(place)}: {error.strerror}", "check the name: ls -a") from error
        if stat.S_ISDIR(facts.st_mode):
            if self.mirror == place or self.mirror.startswith(place + b"/"):
                raise UsageError(
                    f"{_text(place)} holds the mirror itself ({_text(self.mirror)})",
                    "name the files or directories in it that matter",
                )
            if is_work_tree(place):
                raise UsageError(
                    f"{_text(place)} is a git repository of its own",
                    f"to watch it: gitsyncctl watch {as_word(_text(place))}",
                )
            return ManifestEntry(relative, True, hosts)
        if not (stat.S_ISREG(facts.st_mode) or stat.S_ISLNK(facts.st_mode)):
            kinds = {stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a FIFO"}
            kind = kinds.get(stat.S_IFMT(facts.st_mode), "a device")
            raise UsageError(f"{_text(place)} is {kind}: only files, links and directories can be tracked", HOW)
        return ManifestEntry(relative, False, hosts)


def _text(path: bytes) -> str:
    return escape(os.fsdecode(path))


def places_of(mirror: Path) -> Places:
    """Return the places of this user, with what gitsync itself keeps below home."""
    return Places.of(mirror, (places.state_dir(),))
