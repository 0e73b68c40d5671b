"""Selects the version of a path that a person wants back, and what restoring it would change. Read-only.

Runs on the calling thread; owns nothing. The selection is exact: a commit, and a blob for each file. Later changes of
the files do not alter it; they are checked again when the version is restored.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from gitsync.clock import local
from gitsync.errors import OperationError
from gitsync.git.history.directory_names import directory_name_in, directory_versions
from gitsync.git.history.log import History
from gitsync.git.history.versions import TOGETHER_S, FileVersion, Record, is_removal, records, unknown, versions
from gitsync.git.objects.modes import MODE_GITLINK, MODE_TREE
from gitsync.git.objects.trees import TreeEntry
from gitsync.text import as_word, clean


@dataclass(frozen=True, slots=True)
class SelectedVersion:
    """A version of `path`, and how to restore it: write every file in `entries`, remove those in `gone`.

    `what` lists each file as "added", "changed", "removed" or "unchanged". `source` is the path in that version, and
    `state` the last commit in which the path had this version, from which related data is read. `nested` are the
    directories that are git repositories of their own by now: nothing is written below them.
    """

    path: bytes
    is_directory: bool
    commit: str
    state: str
    at: float
    subject: str
    source: bytes
    entries: dict[bytes, TreeEntry]
    gone: frozenset[bytes]
    what: dict[bytes, str]
    nested: frozenset[bytes] = frozenset()

    def is_nested(self, path: bytes) -> bool:
        """Return whether `path` lies in a git repository of its own."""
        return any(path == above or path.startswith(above + b"/") for above in self.nested)

    @property
    def is_there(self) -> bool:
        """Whether the work tree has this version already."""
        return all(what == "unchanged" for path, what in self.what.items() if not self.is_nested(path))


def choose(history: History, path: bytes, *, commit: str | None = None, when: str | None = None) -> SelectedVersion:
    """Return the version of `path` in `commit`, at `when`, or with neither the last one that differs from the disk.

    Raise OperationError "unknown-path", "no-version" (none at that time) or "only-version" (no earlier one), and
    UsageError "when".
    """
    # All questions refer to this one commit: the committer may create another at any moment.
    head = history.head()
    if head is None:
        raise OperationError(f"{history.label} has no commit yet", "", code="unknown-path")
    is_directory = _is_directory(history, head, path)
    instant = history.instant(when) if when is not None else None
    if instant is not None:
        commit = history.commit_at(instant, path) if is_directory else _saved_by(history, path, instant)
    if is_directory is None and commit is not None and instant is None:
        found = history.entry(commit, path)  # the commit is of another branch
        is_directory = None if found is None else found.mode == MODE_TREE
    if is_directory is None:
        raise unknown(history, path)
    if commit is not None or instant is not None:
        version = _named(history, head, path, commit, is_directory, when or "", instant)
        return _resolved(history, head, path, version, commit or head)
    version, newer = _last_directory(history, head, path) if is_directory else _last_file(history, head, path)
    return _resolved(history, head, path, version, head if newer is None else history.commit(f"{newer}^"))


def _saved_by(history: History, path: bytes, instant: float) -> str | None:
    """Return the commit that was checked out at `instant`; when unknown, that of the file's last version by then."""
    found = history.checked_out_at(instant)
    if found is not None:
        return found
    return next((item.commit for item in versions(history, path) if item.at <= instant), None)


def _is_directory(history: History, head: str, path: bytes) -> bool | None:
    """Return whether `path` is a directory, or was one last; None when it never existed."""
    found = history.entry(head, path)
    if found is not None:
        return found.mode == MODE_TREE
    last = records(history, path, start=head, limit=1)
    return all(touched.path != path for touched in last[0].touched) if last else None


def _last_file(history: History, head: str, path: bytes) -> tuple[FileVersion, str | None]:
    """Return the version, and the commit that ended it; None if it is the current one."""
    told = versions(history, path, start=head)
    last = next((place for place, version in enumerate(told) if version.entry is not None), None)
    if last is None:
        raise unknown(history, path)
    present = history.present(path)
    if present is None or not history.is_same(present, told[last].entry):
        return told[last], told[last - 1].commit if last else None
    for newer, version in zip(told[last:], [*told[last + 1 :], None], strict=True):
        if (directory := _directory_before(history, path, newer)) is not None:
            return directory, newer.commit
        if version is not None and version.entry not in (None, told[last].entry):
            return version, newer.commit
    raise OperationError(
        f"{clean(os.fsdecode(path))} has only one version, which is the current one",
        see_versions(history, path),
        code="only-version",
    )


def _directory_before(history: History, path: bytes, version: FileVersion) -> FileVersion | None:
    """Return the directory that had the name of a file until this version took it, None where there was none."""
    if version.path != path or version.what not in ("added", "renamed"):
        return None
    before = f"{version.commit}^"
    entry = history.entry(before, path) if history.try_ask("rev-parse", "--verify", "--quiet", before) else None
    if entry is None or entry.mode != MODE_TREE:
        return None
    [last] = records(history, path, start=before, limit=1)
    return FileVersion(last.commit, last.at, last.subject, path, "changed", entry)


def _last_directory(history: History, head: str, path: bytes) -> tuple[FileVersion, str | None]:
    there = history.entry(head, path)
    found = records(history, path, start=head)
    if there is not None and there.mode == MODE_TREE and history.dirty(path, head):
        return FileVersion(found[0].commit, found[0].at, found[0].subject, path, "changed", there), None
    first = max(1, len(_removals(found))) if there is None else 1
    for newer, item in zip(found[first - 1 :], found[first:], strict=False):
        entry = history.entry(item.commit, path)
        if entry is not None and entry.mode == MODE_TREE and entry != there:
            return FileVersion(item.commit, item.at, item.subject, path, "changed", entry), newer.commit
    raise OperationError(
        f"{clean(os.fsdecode(path)) or history.label} has only one version, which is the current one",
        see_versions(history, path),
        code="only-version",
    )


def _removals(found: list[Record]) -> list[Record]:
    """Return the newest commits that removed the directory together; a large removal may take several."""
    gone: list[Record] = []
    for item in found:
        if not is_removal(item) or (gone and gone[-1].at - item.at > TOGETHER_S):
            break
        gone.append(item)
    return gone


def _named(
    history: History,
    head: str,
    path: bytes,
    commit: str | None,
    is_directory: bool,
    when: str,
    instant: float | None,
) -> FileVersion:
    entry = history.entry(commit, path) if commit is not None else None
    source = path
    if entry is None and commit is not None:
        source = _name_then(history, head, commit, path, is_directory=is_directory)
        entry = history.entry(commit, source)
    if entry is not None and entry.mode == MODE_GITLINK:
        raise OperationError(f"{clean(os.fsdecode(path))} is a repository of its own", "", code="no-version")
    if entry is None or commit is None:
        raise _none_then(history, path, commit, is_directory, when, instant)
    last = records(history, source, start=commit, limit=1)
    item = last[0] if last else records(history, b"", start=commit, limit=1)[0]
    return FileVersion(item.commit, item.at, item.subject, source, "changed", entry)


def name_then(history: History, commit: str, path: bytes) -> bytes:
    """Return what the file or directory that is, or was last, at `path` was called in `commit`; `path` itself when it
    was not there under any name.
    """
    head = history.head()
    is_directory = _is_directory(history, head, path) if head is not None else None
    if head is None or is_directory is None or not path or history.entry(commit, path) is not None:
        return path
    return _name_then(history, head, commit, path, is_directory=is_directory)


def _name_then(history: History, head: str, commit: str, path: bytes, *, is_directory: bool) -> bytes:
    if is_directory:
        return directory_name_in(history, commit, head, path) or path
    return _file_name_in(history, head, commit, path)


def _file_name_in(history: History, head: str, commit: str, path: bytes) -> bytes:
    """Return the path in `commit` of the file whose current or last path is `path`; `path` itself when it had none."""
    names = dict.fromkeys(version.path for version in versions(history, path))
    above, _, last = path.rpartition(b"/")
    # A file that was rewritten as its directory was renamed is not followed by git.
    if above and (then := directory_name_in(history, commit, head, above)) is not None:
        names[then + b"/" + last] = None
    return next((name for name in names if name != path and history.entry(commit, name) is not None), path)


def see_versions(history: History, path: bytes) -> str:
    """Return the hint with the command that lists all versions of a path."""
    place = os.path.join(history.above, os.fsdecode(path)) if path else history.above
    return f"to list the versions: gitsyncctl restore {as_word(place)} --list"


def none_at(history: History, path: bytes, when: str) -> OperationError:
    """Return the error for a path that was not there at a time before its first version."""
    head = history.head()
    is_directory = head is not None and _is_directory(history, head, path) is not False
    return _none_then(history, path, None, is_directory, when, history.instant(when))


def _none_then(
    history: History, path: bytes, commit: str | None, is_directory: bool, when: str, instant: float | None
) -> OperationError:
    name = clean(os.fsdecode(path)) or history.label
    known = directory_versions(history, path) if is_directory else versions(history, path)
    if instant is None and commit is not None:
        instant = records(history, b"", start=commit, limit=1)[0].at
    before = [version for version in known if instant is not None and version.at <= instant]
    then = f"at {when!r}" if when else f"in {(commit or '')[:10]}"
    last = next((version for version in before if version.what != "removed"), None)
    if last is not None and before[0].what == "removed":
        place = os.path.join(history.above, os.fsdecode(path))
        return OperationError(
            f"{name} did not exist {then}: it was deleted at {local(before[0].at)[:16]} ({before[0].commit[:7]})",
            f"the version before: gitsyncctl restore {as_word(place)} --rev {last.commit[:10]}",
            code="no-version",
        )
    first = known[-1] if known else None
    earliest = f"; its first version is from {local(first.at)[:16]} ({first.commit[:7]})" if first else ""
    return OperationError(
        f"{name} did not exist {then}{earliest}",
        see_versions(history, path),
        code="no-version",
    )


def _resolved(history: History, head: str, path: bytes, version: FileVersion, state: str) -> SelectedVersion:
    entry = version.entry
    assert entry is not None
    is_directory = entry.mode == MODE_TREE
    here = _files_at(history, head, path)
    wanted = {path: entry}
    if is_directory:
        below = history.entries_below(entry.id, path)
        wanted = {name: item for name, item in below.items() if item.mode != MODE_GITLINK}
    gone = frozenset(name for name in here if name not in wanted and here[name].mode != MODE_GITLINK)
    dirty = _dirty(history, path, head, here)
    what = {name: _what(history, name, item, here.get(name), dirty) for name, item in wanted.items()}
    what |= dict.fromkeys(sorted(gone), "removed")
    # A file that is as it should be is a file, so that no repository of its own is there.
    nested = _nested(history, what, (name for name, word in what.items() if word != "unchanged"))
    return SelectedVersion(
        path, is_directory, version.commit, state, version.at, version.subject, version.path, wanted, gone, what, nested
    )


def _dirty(history: History, path: bytes, head: str, here: dict[bytes, TreeEntry]) -> frozenset[bytes]:
    """Return the paths whose content on disk differs from HEAD; for an unedited file, without a look at all others."""
    there = here.get(path)
    if there is not None and there.mode != MODE_GITLINK:
        present = history.present(path)
        if present is not None and history.is_same(present, there):
            return frozenset()
    return history.dirty(path, head)


def _nested(history: History, paths: Iterable[bytes], places: Iterable[bytes]) -> frozenset[bytes]:
    """Return what is a git repository of its own, outermost only: directories above `paths`, and `places`."""
    directories: set[bytes] = set()
    for path in paths:
        above = path.rpartition(b"/")[0]
        while above and above not in directories:
            directories.add(above)
            above = above.rpartition(b"/")[0]
    directories.update(places)
    found = {one for one in directories if one and os.path.lexists(os.path.join(history.place(one), b".git"))}
    return frozenset(one for one in found if not any(one.startswith(other + b"/") for other in found))


def _files_at(history: History, head: str, path: bytes) -> dict[bytes, TreeEntry]:
    """Return the files of HEAD at `path`, below it, and at the directories above it."""
    found = history.entry(head, path)
    if found is not None:
        if found.mode == MODE_TREE:
            return history.entries_below(found.id, path)
        return {path: found}
    above = path
    while above := above.rpartition(b"/")[0]:
        entry = history.entry(head, above)
        if entry is not None:
            return {above: entry} if entry.mode != MODE_TREE else {}
    return {}


def _what(history: History, path: bytes, wanted: TreeEntry, here: TreeEntry | None, dirty: frozenset[bytes]) -> str:
    if here is None or path in dirty:
        if not os.path.lexists(history.place(path)):
            return "added"
        present = history.present(path)
        return "unchanged" if present is not None and history.is_same(present, wanted) else "changed"
    return "unchanged" if history.is_same(here, wanted) else "changed"
