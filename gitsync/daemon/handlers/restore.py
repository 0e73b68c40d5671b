"""The handler of restore: selects a version, reports what it changes, and restores it by one commit per repository.

Runs on connection threads, or in the control command while no daemon runs. Selection only reads, and is complete for
every path before the first file is changed.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from gitsync.clock import iso, local
from gitsync.config.options import MIRROR_NAME
from gitsync.core import manifest
from gitsync.core.coverage import Coverage
from gitsync.core.manifest import Manifest, ManifestEntry
from gitsync.daemon.handlers import init_mirror
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json
from gitsync.daemon.handlers.home import bring_home
from gitsync.daemon.handlers.resolve_path import ResolvedPath, locate
from gitsync.engine.messages import Track
from gitsync.errors import GitsyncError, OperationError, UsageError
from gitsync.git.changes.export import copy, place_for
from gitsync.git.changes.restore import Restoring, message_for
from gitsync.git.history.directory_names import directory_versions
from gitsync.git.history.log import History
from gitsync.git.history.select_version import SelectedVersion, choose
from gitsync.git.history.versions import FileVersion, records, unknown, versions
from gitsync.git.objects.modes import MODE_LINK, MODE_TREE
from gitsync.git.objects.trees import TreeEntry
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.mirror.host import host_name
from gitsync.mirror.metadata import is_mirror_metadata
from gitsync.mirror.relist import listed_below, relisted
from gitsync.text import as_word, clean

TRACK_S = 60.0


def answers(context: HandlerContext) -> dict[str, Answer]:
    """Return the answer, by method."""
    return {"restore": partial(restore, context)}


@dataclass(slots=True)
class _Group:
    """The request for one repository."""

    history: History
    chosen: list[tuple[ResolvedPath, SelectedVersion]] = field(default_factory=list)


def restore(context: HandlerContext, params: Json) -> Json:
    """Restore, copy or list versions; `control/rows/files.py` defines the options."""
    when, rev = params.get("at"), params.get("rev")
    if when is not None and rev is not None:
        raise UsageError("--at and --rev exclude each other", "give one of them")
    places = [locate(context, path) for path in params["paths"]]
    if params.get("list"):
        return {"versions": [version for place in places for version in _listed(place)]}
    if params.get("to") is None and not params.get("dry_run"):
        bring_home(context, [place.path for place in places if place.repo == MIRROR_NAME])
    groups: dict[str, _Group] = {}
    for place in places:
        try:
            group = groups.get(place.root) or _Group(place.history())
            commit = group.history.commit(rev) if rev is not None else None
            if rev is None and when is None and params.get("to") is None:
                commit = _as_it_was(place, group.history)
            choice = choose(group.history, place.path, commit=commit, when=when)
            if params.get("to") is None:
                _check_nested(place, choice)
            group.chosen.append((place, choice))
        except UNEXPECTED_ERRORS as trouble:
            raise _told(place, trouble) from trouble
        groups[place.root] = group
    dest = params.get("to")
    answer: Json = {
        "restored": [
            _item(place, choice, is_copy=dest is not None)
            for group in groups.values()
            for place, choice in group.chosen
        ],
        "commit": None,
        "commits": [],
        "failed": [],
        "dry_run": bool(params.get("dry_run")),
        "to": dest,
    }
    if dest is not None:
        answer["to"] = _copy(list(groups.values()), dest, is_dry=answer["dry_run"])
    elif not answer["dry_run"]:
        for group in groups.values():
            _bring_back(context, group, answer, is_only=len(groups) == 1)
        answer["commit"] = answer["commits"][0]["commit"] if answer["commits"] else None
    return answer


def _check_nested(place: ResolvedPath, choice: SelectedVersion) -> None:
    """Raise where everything that would be restored lies in a git repository of its own by now."""
    if choice.nested and all(choice.is_nested(path) for path in choice.what):
        where = ", ".join(clean(os.fsdecode(path)) for path in sorted(choice.nested))
        raise OperationError(
            f"nothing is restored into {where}: it is a git repository of its own now",
            f"to get the files elsewhere: gitsyncctl restore {shlex.quote(clean(place.absolute))}"
            f" --rev {choice.commit[:10]} --to DIRECTORY",
            code="nested-repository",
        )


def _told(place: ResolvedPath, trouble: Exception) -> GitsyncError:
    error = as_error(place.repo, trouble)
    if error.code == "unknown-path" and place.is_at_home and os.path.lexists(place.absolute):
        where = shlex.quote(clean(place.absolute))
        error = OperationError(
            f"{clean(place.absolute)} was never tracked, so there is no other version of it",
            f"to keep its versions from now on: gitsyncctl add {where}",
            code=error.code,
        )
    return error


def _as_it_was(place: ResolvedPath, history: History) -> str | None:
    """Return the commit of the last version of a home file that is not tracked any more and is still that version."""
    path = Path(place.absolute)
    if not (place.is_at_home and _is_untracked(place) and (path.is_symlink() or path.is_file())):
        return None
    last = next((version for version in versions(history, place.path) if version.entry is not None), None)
    present = history.present(place.path)
    is_same = last is not None and present is not None and history.is_same(present, last.entry)
    return last.commit if last is not None and is_same else None


def _is_untracked(place: ResolvedPath) -> bool:
    return Coverage(init_mirror.manifest(Path(place.root)), host_name()).entry(place.path) is None


def _bring_back(context: HandlerContext, group: _Group, answer: Json, *, is_only: bool) -> None:
    """Make one repository's commit; a failure does not prevent the commits of the other repositories."""
    place, first = group.chosen[0]
    if all(choice.is_there for _, choice in group.chosen):
        _track_again(context, group)
        return
    entries: dict[bytes, TreeEntry] = {}
    gone: set[bytes] = set()
    for _, choice in group.chosen:
        entries |= {path: entry for path, entry in choice.entries.items() if not choice.is_nested(path)}
        gone |= {path for path in choice.gone if not choice.is_nested(path)}
    source = f"{first.commit[:7]} of {local(first.at)[:16]}"
    paths = [choice.path for _, choice in group.chosen]
    act = Restoring(entries, frozenset(gone - entries.keys()), message_for(paths, source), place.author)
    try:
        if place.is_at_home:
            _bring_home(context, group, act)
        done = context.perform(place.repo, act, revives=frozenset(entries))
    except GitsyncError as error:
        if is_only:
            raise
        problem = {"code": error.code, "message": error.message, "hint": error.hint}
        answer["failed"].append({"repo": place.repo, "error": problem})
        return
    if done.commit is not None:
        kept = [os.fsdecode(path) for path in done.kept]
        made = {"repo": place.repo, "commit": done.commit.id, "message": done.commit.message, "kept": kept}
        answer["commits"].append({**made, "undo": f"gitsyncctl undo {as_word(place.repo)}"})


def _track_again(context: HandlerContext, group: _Group) -> None:
    """Track home files that are restored where nothing has to be written: what is restored is kept from now on."""
    paths = [place.path for place, choice in group.chosen if choice.is_there and _untracked(place, choice)]
    if paths:
        context.runtime.committer.ask(Track(_entries(group)), TRACK_S)
        bring_home(context, paths)


def _untracked(place: ResolvedPath, choice: SelectedVersion) -> list[bytes]:
    """Return the files of a version that are in home and not tracked."""
    if not place.is_at_home:
        return []
    coverage = Coverage(init_mirror.manifest(Path(place.root)), host_name())
    return [
        path
        for path in choice.entries
        if coverage.entry(path) is None
        and not is_mirror_metadata(path)
        and not choice.is_nested(path)
        and os.path.lexists(Path(place.above, os.fsdecode(path)))
    ]


def _entries(group: _Group) -> tuple[ManifestEntry, ...]:
    """Return the entries by which the untracked files of home are tracked again: a directory as a whole, if it was."""
    found: dict[bytes, ManifestEntry] = {}
    for place, choice in group.chosen:
        then = _manifest(group.history, choice.state)
        for path in _untracked(place, choice):
            entry = listed_below(then, path, place.path)
            found[entry.path] = entry
    return tuple(found.values())


def _manifest(history: History, commit: str) -> Manifest:
    listed = history.try_ask("cat-file", "blob", f"{commit}:{os.fsdecode(manifest.NAME)}")
    return manifest.parse(listed or b"")[0]


def _bring_home(context: HandlerContext, group: _Group, act: Restoring) -> None:
    """Track home files that are restored, with their permissions, before any file in home is replaced.

    An untracked home file at such a path is tracked first, so that it is in history when it is replaced.
    """
    place, _ = group.chosen[0]
    wanted = tuple((path, asked.path, choice.state) for asked, choice in group.chosen for path in choice.entries)
    host = host_name()
    coverage = Coverage(init_mirror.manifest(Path(place.root)), host)
    if unlisted := _entries(group):
        context.runtime.committer.ask(Track(unlisted), TRACK_S)
    act.beside = lambda worktree, tree: relisted(worktree, tree, wanted, host)
    act.edited = lambda: frozenset(path for path in group.history.dirty(b"") if coverage.entry(path) is not None)


def _copy(groups: list[_Group], dest: str, *, is_dry: bool) -> str:
    if len(groups) != 1 or len(groups[0].chosen) != 1:
        raise UsageError("--to accepts one PATH only", "copy them one by one")
    place, choice = groups[0].chosen[0]
    try:
        where = place_for(choice.path, place.above, dest)
        if not is_dry:
            history, modes = groups[0].history, {}
            if place.repo == MIRROR_NAME:
                modes = dict(_manifest(history, choice.commit).modes)
            copy(history, choice.source, choice.path, choice.entries, where, modes)
    except UNEXPECTED_ERRORS as trouble:
        raise as_error(place.repo, trouble) from trouble
    return where


def _item(place: ResolvedPath, choice: SelectedVersion, *, is_copy: bool) -> Json:
    is_tracked_again = not is_copy and choice.is_there and bool(_untracked(place, choice))
    kinds = {"tracked"} if is_tracked_again else set(choice.what.values())
    return {
        "repo": place.repo,
        "path": os.fsdecode(choice.path),
        "absolute": place.absolute,
        "kind": "directory" if choice.is_directory else "file",
        "what": kinds.pop() if len(kinds) == 1 else "changed",
        "commit": choice.commit,
        "time": iso(choice.at),
        "message": choice.subject,
        "from": os.fsdecode(choice.source),
        "files": [
            {"path": os.fsdecode(path), "what": what}
            for path, what in choice.what.items()
            if what != "unchanged" and not choice.is_nested(path)
        ],
        "nested": [os.fsdecode(path) for path in sorted(choice.nested)],
    }


def _listed(place: ResolvedPath) -> list[Json]:
    try:
        history = place.history()
        head = history.head()
        there = history.entry(head, place.path) if head is not None else None
        last = records(history, place.path, limit=1)
        if not last:
            raise unknown(history, place.path)
        is_file = there.mode != MODE_TREE if there else any(item.path == place.path for item in last[0].touched)
        found = versions(history, place.path) if is_file else directory_versions(history, place.path)
        ids = sorted({version.entry.id for version in found if version.entry is not None})
        sizes = history.sizes(ids)
    except UNEXPECTED_ERRORS as trouble:
        raise as_error(place.repo, trouble) from trouble
    return [_version(place, version, sizes) for version in found]


def _version(place: ResolvedPath, version: FileVersion, sizes: dict[str, int]) -> Json:
    entry = version.entry
    return {
        "repo": place.repo,
        "path": os.fsdecode(place.path),
        "commit": version.commit,
        "time": iso(version.at),
        "what": version.what,
        "size": None if entry is None else sizes.get(entry.id),
        "kind": "directory" if entry is None and version.what != "removed" else _kind(entry),
        "message": clean(version.subject),
        "from": os.fsdecode(version.path),
    }


def _kind(entry: TreeEntry | None) -> str:
    if entry is None:
        return ""
    return "link" if entry.mode == MODE_LINK else "program" if entry.mode == 0o100755 else "file"
