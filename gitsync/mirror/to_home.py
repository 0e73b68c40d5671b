"""Versions committed in the mirror are copied to home: a pull, a restore, an edit or a checkout in the mirror itself.

Runs on the committer thread. Home gets committed content only, and what is replaced there is in history or is kept on
its own before. Files that both sides changed are returned, to be merged like two branches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from gitsync.core.conflict import is_conflict_copy
from gitsync.core.coverage import parents
from gitsync.core.dotfiles import ABSENT, DIRECTORY_MODE, FileKind, Fingerprint, Letter, MirrorAction, decide_mode
from gitsync.core.manifest import NAME, Manifest, ManifestEntry
from gitsync.git.applying import atomic_replace, temporaries
from gitsync.git.applying.backup_blob import rescuer
from gitsync.git.objects.modes import MODE_GITLINK
from gitsync.git.objects.trees import TREE, NearLookup, diff, lookup
from gitsync.mirror.agreed_versions import tree_of
from gitsync.mirror.from_home import Brake, set_directory_mode, set_mode
from gitsync.mirror.judge import judge
from gitsync.mirror.mirror_sync import MirrorSync, PathFacts
from gitsync.mirror.place import Placement, obstacle
from gitsync.mirror.quick_look import QuickLook

# How many commits back a version of home is looked for before it is kept on its own: it was alike a moment ago.
RECENT = 50


@dataclass(frozen=True, slots=True)
class Followed:
    """What came of it: `changed` paths of home, `again` paths of home to look at, `waiting` ones to look at later.

    `merges` are what both sides changed, with the version that home has. `commit` are paths of the mirror to commit.
    """

    changed: frozenset[bytes] = frozenset()
    again: frozenset[bytes] = frozenset()
    waiting: frozenset[bytes] = frozenset()
    merges: tuple[PathFacts, ...] = ()
    commit: frozenset[bytes] = frozenset()


@dataclass(slots=True)
class _Work:
    placements: dict[bytes, Placement] = field(default_factory=dict)
    removals: dict[bytes, Placement] = field(default_factory=dict)
    unsettled: dict[bytes, Fingerprint] = field(default_factory=dict)
    chmods: dict[bytes, int] = field(default_factory=dict)
    again: set[bytes] = field(default_factory=set)
    waiting: set[bytes] = field(default_factory=set)
    commit: set[bytes] = field(default_factory=set)
    agreeing: set[bytes] = field(default_factory=set)
    merges: list[PathFacts] = field(default_factory=list)
    unseen: list[PathFacts] = field(default_factory=list)
    known: dict[bytes, PathFacts] = field(default_factory=dict)  # both sides have the same file


def follow(keeper: MirrorSync, brake: Brake) -> Followed:
    """Bring into home what HEAD of the mirror has since both were last alike.

    Raise what the brake raises, before anything was changed, and OperationError when home cannot be written.
    """
    with keeper:
        work, tree = _Work(), keeper.head_tree
        wanted = _paths(keeper, work, tree)
        quick = QuickLook(keeper, tree)
        in_order = {path for path in wanted if quick.is_in_order(path)}
        keeper.note_in_order(in_order)
        for path in sorted(wanted - in_order):
            _decide(keeper, work, keeper.facts(path, tree))
        if work.removals:
            brake(keeper.tracked_count(tree), len(work.removals))
        changed = _place(keeper, work)
        _modes_of_directories(keeper)
        keeper.agreed.settle(keeper.head, work.unsettled)
        keeper.wanting -= wanted
        judge(keeper, wanted - in_order, tree, work.known)
        keeper.shared.save()
        return Followed(
            changed,
            frozenset(work.again),
            frozenset(work.waiting),
            tuple(work.merges),
            frozenset(work.commit),
        )


def find_obstacles(keeper: MirrorSync) -> None:
    """Note why what is not in order cannot be brought over, where something is in the way; changes nothing."""
    for path, found in keeper.broken.items():
        if found in (Letter.ONLY_MIRROR, Letter.UNLIKE):
            seen = keeper.home.look(path, is_calm=True)
            why = seen.why or obstacle(keeper.home.handle, path)
            if why:
                keeper.notes[path] = why


def _paths(keeper: MirrorSync, work: _Work, tree: str | None) -> set[bytes]:
    """Return every path that may differ from what was last alike; adopt what came untracked and belongs to home."""
    before = keeper.agreed.manifest(keeper.worktree)
    changes = diff(keeper.worktree.store, _last_tree(keeper), tree)
    paths = {*changes, *keeper.agreed.unsettled, *keeper.wanting} - {NAME}
    # A file may be there although its entry came to say gone: another machine deleted what this one had changed.
    paths |= {at for at, entry in keeper.manifest.entries.items() if entry.is_gone and before.entries.get(at) != entry}
    settled = {
        old.id: at for at, (old, new) in changes.items() if old and new is None and is_conflict_copy(at) is not None
    }
    _adopt(keeper, work, paths, tree, settled)
    now = keeper.manifest
    for at in before.entries.keys() | now.entries.keys():
        was, entry = before.entries.get(at), now.entries.get(at)
        if entry is not None and entry != was:
            paths |= {*keeper.files_of(at, tree), *keeper.in_head(tree, at)} if not entry.is_gone else {at}
    for at in before.modes.keys() | now.modes.keys():
        if before.modes.get(at) != now.modes.get(at) and not at.endswith(b"/"):
            paths.add(at)
    return paths


def _last_tree(keeper: MirrorSync) -> str | None:
    commit = keeper.agreed.commit
    return tree_of(keeper.worktree, commit) if commit is not None and keeper.worktree.store.has(commit) else None


def _adopt(keeper: MirrorSync, work: _Work, paths: set[bytes], tree: str | None, settled: Mapping[str, bytes]) -> None:
    """Track what came into the mirror beside a tracked file: a conflict copy of it, or a file that was gone and is
    back.

    A copy has the permissions of its original: it may hold what nobody else is to read.
    """
    entries, modes = dict(keeper.manifest.entries), dict(keeper.manifest.modes)
    head = NearLookup(keeper.worktree.store, tree)
    for path in sorted(paths):
        found = head.of(path)
        if found is None or found.mode in (TREE, MODE_GITLINK):
            continue
        known = entries.get(path)
        copied = is_conflict_copy(path)
        if copied is None and found.id in settled:
            copied = is_conflict_copy(settled[found.id])  # it got another name when the conflict was resolved
        # The original may be deleted by now: the copy is all that is left of one side.
        original = keeper.coverage.entry(copied[0]) or entries.get(copied[0]) if copied is not None else None
        if copied is not None and original is not None and copied[0] in modes:
            modes.setdefault(path, modes[copied[0]])
        if keeper.coverage.entry(path) is not None:
            continue
        if known is not None and known.is_gone:
            entries[path] = replace(known, is_gone=False)
        elif known is None and original is not None:
            entries[path] = ManifestEntry(path, False, original.hosts)
    if (entries, modes) != (keeper.manifest.entries, keeper.manifest.modes):
        keeper.write(Manifest(entries, modes))
        work.commit.add(NAME)


def _decide(keeper: MirrorSync, work: _Work, facts: PathFacts) -> None:
    path = facts.path
    entry = keeper.coverage.entry(path)
    if entry is None:
        if keeper.coverage.offered(path) is None:
            _decide_gone(keeper, work, facts)
        else:
            _decide_offered(keeper, work, facts)
        return
    keeper.notes.pop(path, None)
    action = facts.action
    is_incoming = action in (MirrorAction.TO_HOME, MirrorAction.MERGE) and facts.mirror.version.is_there
    if is_incoming and keeper.asks_first(facts):
        work.unsettled[path] = facts.base
        return
    match action:
        case MirrorAction.AGREE | MirrorAction.FORGET:
            if facts.home.is_file and (not keeper.is_linked_as_wanted(facts) or _is_other_mode(keeper, facts)):
                work.again.add(path)
                work.unsettled[path] = facts.base
            if facts.home.is_file:
                work.known[path] = facts
        case MirrorAction.TO_HOME if facts.mirror.version.is_there:
            _to_home(keeper, work, facts)
        case MirrorAction.TO_HOME:
            _remove(keeper, work, facts)
        case MirrorAction.TO_MIRROR:
            work.again.add(path)
            work.unsettled[path] = facts.base
        case MirrorAction.COMMIT_FIRST:
            work.commit.add(path)
            work.unsettled[path] = facts.base
        case MirrorAction.MERGE:
            work.merges.append(facts)
            work.unsettled[path] = facts.base
        case MirrorAction.WAIT:
            work.waiting.add(path)
            work.unsettled[path] = facts.base
        case MirrorAction.BLOCKED:
            keeper.note_blocked(facts)
            work.unsettled[path] = facts.base


def _decide_offered(keeper: MirrorSync, work: _Work, facts: PathFacts) -> None:
    """A path that nobody agreed to here: it comes in where there is nothing yet, and what both have is tracked."""
    path, home, mirror = facts.path, facts.home.version, facts.mirror.version
    if not mirror.is_there or not mirror.is_alike(facts.head):
        return
    if home.is_alike(mirror):
        work.agreeing.add(path)
        work.again.add(path)
        work.unsettled[path] = ABSENT
    elif home.kind is FileKind.ABSENT and not keeper.is_directory_at_home(path) and not keeper.asks_first(facts):
        work.agreeing.add(path)
        _to_home(keeper, work, facts)


def _is_other_mode(keeper: MirrorSync, facts: PathFacts) -> bool:
    mode = keeper.mode_of(facts)
    return mode != facts.home.version.mode or mode != facts.head.mode


def _decide_gone(keeper: MirrorSync, work: _Work, facts: PathFacts) -> None:
    """A path that is not tracked here: deleted with its entry on another machine, it is deleted here as well."""
    entry = keeper.manifest.entries.get(facts.path)
    if entry is None or not entry.is_gone or not entry.is_for(keeper.host) or facts.mirror.version.is_there:
        return
    if not facts.home.version.is_there or not facts.base.is_there:
        return
    if facts.home.version.is_alike(facts.base):
        _remove(keeper, work, facts)
        return
    # Edited here meanwhile: that beats the deletion, and the file is tracked again.
    entries = {**keeper.manifest.entries, facts.path: replace(entry, is_gone=False)}
    keeper.write(Manifest(entries, keeper.manifest.modes))
    work.commit.add(NAME)
    work.again.add(facts.path)


def _to_home(keeper: MirrorSync, work: _Work, facts: PathFacts) -> None:
    path, mirror = facts.path, facts.mirror
    mode = keeper.mode_of(facts) if mirror.is_file else None
    is_linked = mirror.is_file and keeper.wants_link(path, mirror)
    _keep_unseen(keeper, work, facts)
    work.placements[path] = Placement(
        path,
        facts.home.fingerprint,
        mirror.fingerprint,
        source=(keeper.mirror.root, path),
        is_linked=is_linked,
        mode=mode,
    )
    if mode is not None and mode != mirror.version.mode:
        # Before the link is made, so that it has them at its first instant in home.
        work.chmods[path] = mode
    if mode is not None and mode != facts.head.mode:
        work.again.add(path)


def _remove(keeper: MirrorSync, work: _Work, facts: PathFacts) -> None:
    if not facts.home.version.is_there:
        return
    _keep_unseen(keeper, work, facts)
    work.removals[facts.path] = Placement(facts.path, facts.home.fingerprint, atomic_replace.ABSENT)


def _keep_unseen(keeper: MirrorSync, work: _Work, facts: PathFacts) -> None:
    if facts.home.version.is_there and not is_committed(keeper, facts.path, facts.home.version.id):
        work.unseen.append(facts)


def is_committed(keeper: MirrorSync, path: bytes, blob: str) -> bool:
    """Whether the recent history has this content at `path`; that an object is there says nothing of that."""
    worktree = keeper.worktree
    if (known := lookup(worktree.store, _last_tree(keeper), path)) is not None and known.id == blob:
        return True
    head = keeper.head
    if head is None:
        return False
    for commit in islice(worktree.repo.walk(head), RECENT):
        entry = lookup(worktree.store, str(commit.tree_id), path)
        if entry is not None and entry.id == blob:
            return True
    return False


def _place(keeper: MirrorSync, work: _Work) -> frozenset[bytes]:
    for facts in work.unseen:
        # It was alike on both sides, but for so short a time that no commit has it.
        root = keeper.home.handle
        rescuer(keeper.worktree)(facts.path, temporaries.read(root, facts.path))
    for path, mode in work.chmods.items():
        set_mode(keeper.mirror.root, path, mode)
    placements = [*work.placements.values(), *work.removals.values()]
    placed = keeper.into_home.place(placements, _directory_modes(keeper), _emptied(keeper, work.removals))
    keeper.renew()
    for path in placed.done:
        keeper.bare.pop(path, None)
    keeper.bare |= placed.bare
    for path, why in placed.left.items():
        if path in work.agreeing:
            continue  # it is asked about
        work.unsettled[path] = keeper.agreed.base(keeper.worktree, path)
        if why:
            keeper.notes[path] = why
        else:
            work.again.add(path)
    keeper.note_links(path for path, one in work.placements.items() if one.is_linked and path in placed.done)
    if agreed := work.agreeing - placed.left.keys():
        keeper.agree_placed(agreed)
    return placed.done


def _directory_modes(keeper: MirrorSync) -> dict[bytes, int]:
    return {path: mode for path, mode in keeper.manifest.modes.items() if path.endswith(b"/")}


def _emptied(keeper: MirrorSync, removals: Iterable[bytes]) -> set[bytes]:
    """Return the directories below a tracked one that may be empty after the removals."""
    return {
        above
        for path in removals
        for above in parents(path)
        if (entry := keeper.coverage.entry(above)) is not None and entry.path != above
    }


def _modes_of_directories(keeper: MirrorSync) -> None:
    """Give directories of home the permissions that another machine has given them."""
    before, now = keeper.agreed.manifest(keeper.worktree), keeper.manifest
    is_first = keeper.agreed.commit is None
    for key in before.modes.keys() | now.modes.keys():
        was = None if is_first else before.modes.get(key, DIRECTORY_MODE)
        shared = now.modes.get(key, DIRECTORY_MODE)
        directory = key.removesuffix(b"/")
        if was == shared or key == directory or not keeper.coverage.is_watched(directory):
            continue
        home = keeper.home.directory_mode(directory)
        if home is not None and (mode := decide_mode(home, shared, was)) != home:
            set_directory_mode(keeper.places.home, directory, mode)
