"""Changes in home are copied to the mirror, and committed there by the caller.

Runs on the committer thread. A deletion in home takes the file out of the mirror, as far as the brake lets it; a file
that somebody took out of the mirror by hand comes back from home. `to_home` changes home.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from gitsync.core.coverage import Coverage, parents
from gitsync.core.dotfiles import ABSENT, DIRECTORY_MODE, FileKind, Fingerprint, MirrorAction, decide_mode
from gitsync.core.incoming import why_asked
from gitsync.core.manifest import NAME, Manifest, ManifestEntry
from gitsync.git.applying import atomic_replace
from gitsync.git.applying.directories import parent_of
from gitsync.mirror.judge import judge
from gitsync.mirror.mirror_sync import MirrorSync, PathFacts
from gitsync.mirror.observe import Seen
from gitsync.mirror.place import UNREAD, Placement
from gitsync.mirror.quick_look import QuickLook
from gitsync.model import Quarantined

# Called with how many files are tracked and how many are about to go; raises HaltError to stop it.
Brake = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Brought:
    """What came of it: `paths` of the mirror to commit, `held` paths of home that somebody is writing.

    `known` are facts of paths that hold afterwards, too; nothing is to be done about those `in_order`.
    """

    paths: frozenset[bytes] = frozenset()
    held: frozenset[bytes] = frozenset()
    quarantined: tuple[Quarantined, ...] = ()
    known: Mapping[bytes, PathFacts] = field(default_factory=dict)
    in_order: frozenset[bytes] = frozenset()


@dataclass(slots=True)
class _Work:
    paths: set[bytes] = field(default_factory=set)
    held: set[bytes] = field(default_factory=set)
    quarantined: list[Quarantined] = field(default_factory=list)
    placements: dict[bytes, Placement] = field(default_factory=dict)
    removals: dict[bytes, Placement] = field(default_factory=dict)
    alike: dict[bytes, Fingerprint] = field(default_factory=dict)
    modes: dict[bytes, int] = field(default_factory=dict)
    in_order: set[bytes] = field(default_factory=set)  # nothing is to be done about them
    linked: set[bytes] = field(default_factory=set)  # what is new, and has its second name by now
    gone: set[bytes] = field(default_factory=set)
    chmods: dict[bytes, int] = field(default_factory=dict)
    known: dict[bytes, PathFacts] = field(default_factory=dict)  # both sides have the same file


def bring(
    keeper: MirrorSync,
    paths: Iterable[bytes],
    brake: Brake,
    *,
    is_calm: bool,
    max_size: int | None,
    is_judged_later: bool = False,
) -> Brought:
    """Bring what changed at these tracked paths into the mirror; `is_calm` takes what is being written as it is.

    With `is_judged_later` the list of what is not in order is left to the caller, who brings all of it up to date.

    Raise what the brake raises, before anything was changed, and OperationError when the mirror cannot be written.
    """
    with keeper:
        work, tree = _Work(), keeper.head_tree
        wanted = sorted(path for path in set(paths) if keeper.coverage.entry(path) is not None)
        for path in [path for path in wanted if path.endswith(b"/.gitignore")]:
            _decide(keeper, work, keeper.facts(path, tree, is_calm=is_calm), max_size)
        _place_rules(keeper, work)
        others = [path for path in wanted if not path.endswith(b"/.gitignore")]
        _pass_over(keeper, work, QuickLook(keeper, tree), others)
        for path in others:
            if path not in work.in_order and path not in work.linked:
                _decide(keeper, work, keeper.facts(path, tree, is_calm=is_calm), max_size)
        if work.removals:
            brake(keeper.tracked_count(tree), len(work.removals))
        _place(keeper, work)
        _record(keeper, work, wanted)
        if not is_judged_later:
            judge(keeper, [path for path in wanted if path not in work.in_order], tree, work.known)
        keeper.shared.save()
        return Brought(
            frozenset(work.paths),
            frozenset(work.held),
            tuple(work.quarantined),
            work.known,
            frozenset(work.in_order),
        )


def _pass_over(keeper: MirrorSync, work: _Work, quick: QuickLook, paths: list[bytes]) -> None:
    """Give what is new its second name, and find what is in order: neither has to be read to be decided."""
    new: dict[bytes, Seen] = {}
    for path in paths:
        seen = quick.new_file(path)
        if seen is not None:
            if path in keeper.coverage.files or not keeper.worktree.ignores.is_ignored(path, False):
                new[path] = seen
        elif quick.is_in_order(path) and quick.is_agreed(path):
            work.in_order.add(path)
    keeper.note_in_order(work.in_order)
    home = keeper.places.home
    work.linked |= keeper.into_mirror.link(
        Placement(path, atomic_replace.ABSENT, UNREAD, (home, path), is_linked=True, file=seen.moment)
        for path, seen in new.items()
    )
    if not work.linked:
        return
    keeper.renew()
    for path in work.linked:
        seen = new[path]
        keeper.shared.note(path, seen.file[1], is_linked=True)
        _want_mode(work, facts := PathFacts(path, seen, seen, ABSENT, ABSENT), seen.version.mode)
        work.known[path] = facts
        keeper.notes.pop(path, None)
        keeper.left_out.pop(path, None)
    _agree_to_doors(keeper, work.linked)


def _agree_to_doors(keeper: MirrorSync, sent: Iterable[bytes]) -> None:
    """What this machine has sent does not ask when it comes back."""
    if doors := [path for path in sent if why_asked(path)]:
        keeper.agree_placed(doors)


def _decide(keeper: MirrorSync, work: _Work, facts: PathFacts, max_size: int | None) -> None:
    path, home, mirror = facts.path, facts.home, facts.mirror
    keeper.notes.pop(path, None)
    keeper.left_out.pop(path, None)
    if path in keeper.coverage.directories:
        if home.version.kind is FileKind.LINK:
            keeper.notes[path] = "it is a symbolic link by now, and what it leads to is not followed"
        return  # its files have paths of their own
    match facts.action:
        case MirrorAction.AGREE:
            _agree(keeper, work, facts)
        case MirrorAction.FORGET:
            if facts.base.is_there or facts.head.is_there:
                work.gone.add(path)
            # Else it is another machine's that holds it back, or it was deleted before anybody had it.
            work.alike[path] = ABSENT
            if facts.head.is_there:
                work.paths.add(path)
        case MirrorAction.TO_MIRROR if home.version.is_there:
            if not _is_wanted(keeper, work, facts, max_size):
                return
            mode = keeper.mode_of(facts) if home.is_file else None
            work.placements[path] = Placement(
                path,
                mirror.fingerprint,
                home.fingerprint,
                source=(keeper.places.home, path),
                is_linked=home.is_file and keeper.wants_link(path, home),
                mode=mode,
                file=home.moment,
            )
            work.alike[path] = replace(home.version, mode=mode or 0)
            _want_mode(work, facts, mode)
            work.known[path] = replace(facts, mirror=home)
        case MirrorAction.TO_MIRROR:
            work.removals[path] = Placement(path, mirror.fingerprint, atomic_replace.ABSENT)
            work.gone.add(path)
            work.alike[path] = ABSENT
        case MirrorAction.COMMIT_FIRST:
            work.paths.add(path)
            if facts.has_left:
                work.alike[path] = mirror.version
        case MirrorAction.TO_HOME | MirrorAction.MERGE:
            keeper.wanting.add(path)
        case MirrorAction.WAIT:
            work.held.add(path)
        case MirrorAction.BLOCKED:
            keeper.note_blocked(facts)


def _agree(keeper: MirrorSync, work: _Work, facts: PathFacts) -> None:
    """Both have the same content: see to permissions and to the link."""
    path = facts.path
    if facts.home.is_file:
        mode = keeper.mode_of(facts)
        _want_mode(work, facts, mode)
        if not keeper.is_linked_as_wanted(facts):
            work.placements[path] = Placement(
                path,
                facts.mirror.fingerprint,
                facts.home.fingerprint,
                source=(keeper.places.home, path),
                is_linked=keeper.wants_link(path, facts.home),
                mode=mode,
                file=facts.home.moment,
            )
        work.alike[path] = replace(facts.home.version, mode=mode)
        work.known[path] = replace(facts, mirror=facts.home) if path in work.placements else facts
    else:
        work.alike[path] = facts.home.version
    if not facts.mirror.version.is_alike(facts.head):
        work.paths.add(path)


def _want_mode(work: _Work, facts: PathFacts, mode: int | None) -> None:
    if mode is None:
        return
    if mode != facts.head.mode or not facts.head.is_there:
        work.modes[facts.path] = mode
        work.paths.add(facts.path)  # git keeps whether it is executable
    if mode != facts.home.version.mode or (facts.mirror.is_file and mode != facts.mirror.version.mode):
        work.chmods[facts.path] = mode


def _is_wanted(keeper: MirrorSync, work: _Work, facts: PathFacts, max_size: int | None) -> bool:
    """Whether a file that is new in a tracked directory is to be in the mirror at all."""
    if facts.mirror.version.is_there or facts.head.is_there or facts.path in keeper.coverage.files:
        return True
    if keeper.worktree.ignores.is_ignored(facts.path, False):
        return False
    if max_size is not None and facts.home.size > max_size and not keeper.wants_link(facts.path, facts.home):
        # Not copied only to be left out by the next commit: the mirror may be on a smaller disk.
        work.quarantined.append(Quarantined(os.fsdecode(facts.path), f"too large: {facts.home.size} bytes"))
        return False
    return True


def _place_rules(keeper: MirrorSync, work: _Work) -> None:
    """Place the .gitignore files of tracked directories before the files that they rule are looked at."""
    if not work.placements:
        return
    removals, work.removals = work.removals, {}
    _place(keeper, work)
    work.placements, work.removals, work.chmods = {}, removals, {}
    keeper.worktree.ignores.rest()  # what was asked before them must not be remembered


def _place(keeper: MirrorSync, work: _Work) -> None:
    emptied = {above for path in work.removals for above in parents(path)}
    placed = keeper.into_mirror.place([*work.placements.values(), *work.removals.values()], gone=emptied)
    keeper.renew()
    for path, why in placed.left.items():
        work.alike.pop(path, None)
        work.modes.pop(path, None)
        work.gone.discard(path)
        if why:
            keeper.notes[path] = why
        else:
            work.held.add(path)
    work.paths |= placed.done
    linked = keeper.note_links(path for path, one in work.placements.items() if one.is_linked and path in placed.done)
    for path in (*(work.placements.keys() - linked), *work.chmods):
        work.known.pop(path, None)  # what was made there has not been looked at
    _agree_to_doors(keeper, placed.done & work.placements.keys())
    for path, mode in work.chmods.items():
        if path not in placed.left:
            for root in (keeper.places.home, keeper.mirror.root):
                set_mode(root, path, mode)
            work.paths.add(path)


def _record(keeper: MirrorSync, work: _Work, wanted: list[bytes]) -> None:
    """Write down permissions, what is gone, and what is alike now."""
    there = work.in_order | work.linked
    directories = _directory_modes(
        keeper, [path for path in wanted if path in there or work.alike.get(path, ABSENT).is_there]
    )
    manifest = keeper.record_modes(work.modes, directories)
    manifest = forget_files(keeper.coverage, manifest, work.gone)
    if manifest != keeper.manifest:
        keeper.write(manifest)
        work.paths.add(NAME)
    keeper.agreed.note(work.alike)


def _directory_modes(keeper: MirrorSync, paths: list[bytes]) -> dict[bytes, int]:
    """Return the permissions of the directories above these paths that the manifest is to have; set home's."""
    found: dict[bytes, int] = {}
    agreed = keeper.agreed.manifest(keeper.worktree)
    known = keeper.agreed.commit is not None
    for directory in keeper.directories_above(paths):
        home = keeper.home.directory_mode(directory)
        if home is None:
            continue
        key = directory + b"/"
        is_listed = known or key in keeper.manifest.modes
        shared = keeper.manifest.modes.get(key, DIRECTORY_MODE) if is_listed else None
        mode = decide_mode(home, shared, agreed.modes.get(key, DIRECTORY_MODE) if known else None)
        found[directory] = mode
        if mode != home:
            set_directory_mode(keeper.places.home, directory, mode)
    return found


def forget_files(coverage: Coverage, manifest: Manifest, paths: Iterable[bytes]) -> Manifest:
    """Return the manifest after files went: their permissions go, and their own entries become ones that are gone."""
    gone = set(paths)
    if not gone:
        return manifest
    entries: Mapping[bytes, ManifestEntry] = manifest.entries
    named = gone & coverage.files
    if named:
        entries = {at: replace(entry, is_gone=True) if at in named else entry for at, entry in entries.items()}
    modes = {path: mode for path, mode in manifest.modes.items() if path not in gone}
    return Manifest(entries, modes)


def set_mode(root: bytes, path: bytes, mode: int) -> None:
    """Give a file these permissions, if it is one still; never through a link."""
    _change_mode(root, path, mode, stat.S_ISREG, os.O_RDONLY | os.O_NONBLOCK)


def set_directory_mode(root: bytes, path: bytes, mode: int) -> None:
    """Give a directory these permissions, if it is one still; never through a link."""
    _change_mode(root, path, mode, stat.S_ISDIR, os.O_RDONLY | os.O_DIRECTORY)


def _change_mode(root: bytes, path: bytes, mode: int, is_kind: Callable[[int], bool], flags: int) -> None:
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with parent_of(top, path) as (at, name):
            handle = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            try:
                facts = os.fstat(handle)
                if is_kind(facts.st_mode) and stat.S_IMODE(facts.st_mode) != mode:
                    os.fchmod(handle, mode)
            finally:
                os.close(handle)
    except OSError as error:
        if not atomic_replace.is_missing(error):
            raise
    finally:
        os.close(top)
