"""One mirror and the home that it mirrors: what is tracked, what both have, what was last alike.

Runs on the committer thread, which owns it; bound to one open `Worktree`. `core.dotfiles` decides what to do; from home
into the mirror `bringing` does it, from the mirror into home `following`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from gitsync.core import manifest as manifests
from gitsync.core.agreement import Agreement, to_all
from gitsync.core.conflict import is_conflict_copy
from gitsync.core.coverage import Coverage, parents
from gitsync.core.dotfiles import (
    ABSENT,
    DIRECTORY_MODE,
    FileKind,
    Fingerprint,
    Letter,
    MirrorAction,
    decide,
    decide_mode,
    usual_mode,
)
from gitsync.core.incoming import why_asked
from gitsync.core.manifest import Manifest
from gitsync.git.applying.backup_blob import rescuer
from gitsync.git.applying.temporaries import Content
from gitsync.git.objects.modes import MODE_GITLINK
from gitsync.git.objects.trees import TREE, lookup, walk
from gitsync.git.probe import Probe, no_probe
from gitsync.git.repository import head_of
from gitsync.git.staging.worktree import Worktree
from gitsync.mirror import agreement_file
from gitsync.mirror.agreed_versions import AgreedVersions, tree_of, version_of
from gitsync.mirror.home_paths import Places
from gitsync.mirror.manifests import ManifestFile, mend, trakk_entries
from gitsync.mirror.metadata import TRAKK_INDEX
from gitsync.mirror.observe import Looker, Seen
from gitsync.mirror.place import Placement, Placer
from gitsync.mirror.shared_files import SharedFiles
from gitsync.mirror.walk import files_below

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PathFacts:
    """Everything that is known of one path."""

    path: bytes
    home: Seen
    mirror: Seen
    head: Fingerprint
    base: Fingerprint
    has_left: bool = False  # home has another file than before, or none, and the mirror still has the former one

    @property
    def action(self) -> MirrorAction:
        """Return what is to be done about the path."""
        return decide(self.home.version, self.mirror.version, self.head, self.base, has_left=self.has_left)


class MirrorSync:
    """Knows both sides; a context manager that holds both roots open while something is done."""

    def __init__(
        self,
        worktree: Worktree,
        places: Places,
        link: str,
        repo_state_dir: Path,
        host: str,
        *,
        probe: Probe = no_probe,
        is_reading: bool = False,
        incoming: str = "ask",
    ) -> None:
        """Mend what a death left, unless it is for reading only."""
        self.worktree = worktree
        self.places = places
        self.link = link
        self.host = host
        self.agreed = AgreedVersions(repo_state_dir, host, probe)
        self.shared = SharedFiles(repo_state_dir, is_reading=is_reading)
        self.contents = worktree.remember_contents()
        self.home = Looker(places.home, self.contents)
        self.mirror = Looker(os.fsencode(worktree.root), self.contents)
        self.wanting: set[bytes] = set()  # paths that the next following looks at, whatever was committed
        self.broken: dict[bytes, Letter] = {}
        self.notes: dict[bytes, str] = {}  # what cannot be done, and waits for a person
        self.left_out: dict[bytes, str] = {}  # what in tracked directories cannot be tracked
        self.nested: set[bytes] = set()  # other repositories in tracked directories
        self.bare: dict[bytes, str] = {}  # what was replaced without its extended attributes
        rescue = rescuer(worktree)
        self.into_home = Placer(places.home, repo_state_dir / "into-home", rescue, probe, keeps_attributes=True)
        self.into_mirror = Placer(self.mirror.root, repo_state_dir / "into-mirror", rescue, probe)
        self._file = ManifestFile(self.mirror.root)
        self._unlinkable: set[bytes] = set()
        self._home_is = _identity(places.home)
        self._counted: tuple[tuple[str | None, Coverage] | None, int] = None, 0
        self._stack: ExitStack | None = None
        self._repo_state_dir = repo_state_dir
        self._is_reading = is_reading
        self._asks = incoming == "ask"
        self.coverage = Coverage(Manifest(), host, places.apart)
        self.agreement = self._first_agreement()
        if not is_reading:
            self.into_home.recover()
            self.into_mirror.recover()
        self.load(is_reading=is_reading)

    def __enter__(self) -> MirrorSync:
        with ExitStack() as stack:
            stack.enter_context(self.home)
            stack.enter_context(self.mirror)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stack, self._stack = self._stack, None
        if stack is not None:
            stack.close()

    def renew(self) -> None:
        """Look for the directories of both sides again: something was changed there."""
        self.home.renew()
        self.mirror.renew()

    # -- the manifest -------------------------------------------------------------------------------------------------

    @property
    def manifest(self) -> Manifest:
        """Return what is tracked, as the work tree says."""
        return self._file.manifest

    def load(self, *, is_reading: bool = False) -> bool:
        """Read the manifest if it has changed, and repair it; return whether something else is tracked now."""
        has_changed = self._file.read()
        if not self._file.is_whole and (self._file.manifest != Manifest() or self._is_listed):
            mended = mend(self.worktree, self._file.manifest, is_every_file_tracked=False)
            if is_reading:
                self._file.manifest = mended
            else:
                logger.warning("%s: the manifest was damaged or missing; writing it again", self.worktree.root)
                self.write(mended)
            has_changed = True
        if not has_changed:
            return False
        before = self.coverage.active
        self._cover()
        return self.coverage.active != before

    def _cover(self) -> None:
        self.coverage = Coverage(self.manifest, self.host, self.places.apart, self.agreement, self.places.own)
        rules = self.worktree.ignores
        rules.exempt = self.coverage.files
        # In home it rules a repository of its user's there, if any: not what is tracked here.
        rules.passes_over_top = b".gitignore" in self.coverage.files

    @property
    def _is_listed(self) -> bool:
        """Whether HEAD has a manifest, or what TRAKK had for one."""
        tree = self.head_tree
        is_in_head = any(lookup(self.worktree.store, tree, name) for name in (manifests.NAME, TRAKK_INDEX))
        return is_in_head or trakk_entries(self.worktree.root) is not None

    def write(self, manifest: Manifest) -> None:
        """Put a manifest into the work tree; raise OperationError when it cannot be, or is being edited."""
        data = manifests.render(manifest)
        with self.mirror:
            seen = self.mirror.look(manifests.NAME, is_calm=True)
        content = Content(data)
        if seen.fingerprint != content.fingerprint:
            self.into_mirror.place(
                [Placement(manifests.NAME, seen.fingerprint, content.fingerprint, data=content, mode=0o644)]
            )
        self._file.read()
        self._cover()

    # -- what was agreed to -------------------------------------------------------------------------------------------

    def _first_agreement(self) -> Agreement:
        """Return what is agreed to; what home and mirror shared before anybody was asked counts."""
        found = agreement_file.read(self._repo_state_dir)
        if found is None:
            found = to_all(self.agreed.manifest(self.worktree))
            if not self._is_reading:
                agreement_file.write(self._repo_state_dir, found)
        return found

    def set_agreement(self, agreement: Agreement) -> None:
        """Let this be what is agreed to, and remember it; raise OperationError."""
        if agreement != self.agreement:
            agreement_file.write(self._repo_state_dir, agreement)
            self.agreement = agreement
            self._cover()

    def agree(
        self, files: Iterable[bytes], directories: Iterable[bytes] = (), versions: Mapping[bytes, str] | None = None
    ) -> None:
        """Agree to files and directories, and to versions of files; what is new by that is decided next."""
        tops = {*files, *directories}
        tree = self.head_tree
        new = {path for top in tops for path in self.in_head(tree, top) if not self.agreement.holds(path)}
        # They count as never alike, whatever the commit says that home was last compared with.
        self.agreed.note(dict.fromkeys(new, ABSENT))
        self.wanting |= {path for top in tops for path in self.in_head(tree, top)}
        self.set_agreement(self.agreement.agree(files, directories, versions))

    def agree_placed(self, paths: Iterable[bytes]) -> None:
        """Agree to files that are alike on both sides now."""
        self.set_agreement(self.agreement.agree(paths))

    def asks_first(self, facts: PathFacts) -> bool:
        """Whether the mirror's version of a path is not put into home before a person has agreed to it."""
        path = facts.path
        if self.coverage.is_own(path):
            return self.agreement.versions.get(path) != facts.mirror.version.id
        if not self._asks or facts.base.is_there or path in self.agreement.paths:
            return False
        return bool(why_asked(path))

    # -- facts --------------------------------------------------------------------------------------------------------

    @property
    def head(self) -> str | None:
        """Return the mirror's HEAD commit."""
        return head_of(self.worktree.repo)[1]

    @property
    def head_tree(self) -> str | None:
        """Return the tree of the mirror's HEAD."""
        return tree_of(self.worktree, self.head)

    def facts(self, path: bytes, head_tree: str | None, *, is_calm: bool = False) -> PathFacts:
        """Return what home, mirror, HEAD and the base have at `path`."""
        home = self.home.look(path, is_calm=is_calm)
        mirror = self.mirror.look(path, is_calm=is_calm)
        head = version_of(lookup(self.worktree.store, head_tree, path), self.manifest.modes.get(path))
        has_left = self._has_left(path, home, mirror)
        # A version written through either name since they were last equal is on both sides.
        base = mirror.version if has_left else self.base(path)
        return PathFacts(path, home, mirror, head, base, has_left)

    def base(self, path: bytes) -> Fingerprint:
        """Return what both sides last had in common at a path; where nobody agreed to it, home never had it."""
        return self.agreed.base(self.worktree, path) if self.agreement.holds(path) else ABSENT

    def _has_left(self, path: bytes, home: Seen, mirror: Seen) -> bool:
        """Remember which file both names share; return whether home has left it, and the mirror has not."""
        if FileKind.HELD in (home.version.kind, mirror.version.kind) or home.version.kind is FileKind.BLOCKED:
            return False
        is_linked = mirror.is_file and home.file == mirror.file
        if is_linked or (home.is_file and home.version.is_alike(mirror.version)):
            self.shared.note(path, home.file[1], is_linked=is_linked)
            return False
        inode = self.shared.of(path)
        if inode is None or inode not in (home.file[1], mirror.file[1]):
            self.shared.forget(path)
            return False
        return mirror.is_file and mirror.file[1] == inode != home.file[1]

    def names_of(self, path: bytes) -> frozenset[bytes]:
        """Return every tracked path that is, or was until now, the same file in home as `path`, with `path` itself."""
        inodes = self.home.inode_of(path), self.shared.inode_of(path)
        return frozenset({path}).union(*map(self.shared.names_of, inodes))

    def is_home_there(self) -> bool:
        """Whether home is the directory that it was."""
        return _identity(self.places.home) == self._home_is is not None

    def files_of(self, directory: bytes, head_tree: str | None) -> set[bytes]:
        """Return the tracked files at and below `directory` (b"": all), of home and of HEAD."""
        found = {path for path in self.coverage.files if _is_in(path, directory)}
        for entry in self.coverage.directories:
            if _is_in(entry, directory) or _is_in(directory, entry):
                at = directory if _is_in(directory, entry) else entry
                self.nested = {path for path in self.nested if not _is_in(path, at)}
                found.update(files_below(self.places.home, at, self.coverage, self._is_pruned, self.nested.add))
                found.update(path for path in self.in_head(head_tree, at) if self.coverage.entry(path))
        return found

    def in_head(self, head_tree: str | None, top: bytes = b"") -> Iterator[bytes]:
        """Yield what HEAD has at and below `top`, submodules left out."""
        for path, entry in walk(self.worktree.store, head_tree, top):
            if entry.mode != MODE_GITLINK:
                yield path

    def _is_pruned(self, directory: bytes) -> bool:
        return self.worktree.ignores.is_prunable(directory)

    def is_directory(self, path: bytes) -> bool:
        """Whether `path` is a directory in home, or in HEAD."""
        found = lookup(self.worktree.store, self.head_tree, path)
        with self:
            return self.is_directory_at_home(path) or (found is not None and found.mode == TREE)

    def is_directory_at_home(self, path: bytes) -> bool:
        """Whether `path` is a directory in home, and no link."""
        return self.home.directory_mode(path) is not None

    # -- links and permissions ----------------------------------------------------------------------------------------

    def wants_link(self, path: bytes, seen: Seen) -> bool:
        """Whether the two sides of a file, one of which was `seen`, are to be one file with two names."""
        return seen.is_file and self.wants_link_on(seen.file[0], path)

    def wants_link_on(self, device: int, path: bytes) -> bool:
        """Whether a file on this file system is to be one with the mirror's."""
        return device == self.mirror.device and self.link != "copy" and path not in self._unlinkable

    def is_linked_as_wanted(self, facts: PathFacts) -> bool:
        """Whether the two sides are one file, or two, as they should be."""
        are_files = facts.home.is_file and facts.mirror.is_file
        return not are_files or (facts.home.file == facts.mirror.file) == self.wants_link(facts.path, facts.home)

    def note_links(self, paths: Iterable[bytes]) -> set[bytes]:
        """Return which of these are one file; remember the others, so that linking them is not tried for ever."""
        self.renew()
        linked = set()
        for path in paths:
            home, mirror = self.home.file_of(path), self.mirror.file_of(path)
            if home is not None and home == mirror:
                self.shared.note(path, home[1], is_linked=True)
                linked.add(path)
            elif home is not None and mirror is not None:
                self._unlinkable.add(path)
        return linked

    def mode_of(self, facts: PathFacts) -> int:
        """Return the permissions that a file is to have, here and in the manifest."""
        base = facts.base.mode if facts.base.kind is FileKind.FILE else None
        home = facts.home.version.mode if facts.home.is_file else None
        shared = facts.head.mode if facts.head.kind is FileKind.FILE else None
        return decide_mode(home, shared, base)

    def record_modes(self, files: Mapping[bytes, int], directories: Mapping[bytes, int]) -> Manifest:
        """Return the manifest with these permissions; of a file git keeps whether it is executable."""
        modes = {**files, **{path + b"/": mode for path, mode in directories.items()}}
        return manifests.with_modes(
            self.manifest,
            modes,
            lambda path: DIRECTORY_MODE if path.endswith(b"/") else usual_mode(is_executable=bool(modes[path] & 0o100)),
        )

    def directories_above(self, paths: Iterable[bytes]) -> set[bytes]:
        """Return the directories of home that hold these tracked paths, and the tracked directories themselves."""
        found = {above for path in paths for above in parents(path)}
        return found | {entry for entry in self.coverage.directories if any(_is_in(path, entry) for path in paths)}

    # -- what is not in order -----------------------------------------------------------------------------------------

    def note_in_order(self, paths: Iterable[bytes]) -> None:
        """Note that nothing is to be done about these paths."""
        for path in paths:
            for found in (self.broken, self.notes, self.left_out):
                found.pop(path, None)

    def note_blocked(self, facts: PathFacts) -> None:
        """Note why a path cannot be looked at; what is new in a tracked directory is left out of it."""
        is_new = facts.path not in self.coverage.files and not (facts.head.is_there or facts.mirror.version.is_there)
        (self.left_out if is_new else self.notes)[facts.path] = facts.home.why or facts.mirror.why

    def tracked_count(self, head_tree: str | None) -> int:
        """Return how many files are tracked on this machine; counted again only where that may have changed."""
        key = (head_tree, self.coverage)
        if self._counted[0] != key:
            tracked = (path for path in self.in_head(head_tree) if self.coverage.entry(path) is not None)
            # A copy that a conflict left beside a file does not count as another file.
            found = self.coverage.files.union(tracked)
            self._counted = (
                key,
                sum((copied := is_conflict_copy(path)) is None or copied[0] not in found for path in found),
            )
        return self._counted[1]


def _is_in(path: bytes, directory: bytes) -> bool:
    return directory == b"" or path == directory or path.startswith(directory + b"/")


def _identity(path: bytes) -> tuple[int, int] | None:
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
