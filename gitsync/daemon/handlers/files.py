"""The answers about single files and their history.

Runs on connection threads, or in the control command while no daemon runs. Everything is read by the git program, in
children with deadlines, so nothing here holds up the committer or another connection.
"""

from __future__ import annotations

import base64
import os
from functools import partial
from pathlib import Path

from gitsync.clock import iso
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json, problem
from gitsync.daemon.handlers.resolve_path import ResolvedPath, locate, whole
from gitsync.errors import GitsyncError, OperationError, UsageError
from gitsync.git.history.diff import Changes, of
from gitsync.git.history.directory_names import directory_records
from gitsync.git.history.log import History
from gitsync.git.history.parent_here import parent_here
from gitsync.git.history.select_version import name_then, none_at
from gitsync.git.history.versions import Record, Touched, records, unknown
from gitsync.git.objects.modes import MODE_TREE
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.text import as_word, clean

LOG_COUNT = 20
NO_COMMIT = "no-commit"
# A file beyond this does not travel through the socket: the control command reads it from the repository itself.
CONTENT_MAX = 512 << 10


def answers(context: HandlerContext) -> dict[str, Answer]:
    """Return the answers, by method."""
    return {
        "log": partial(_log, context),
        "diff": partial(_diff, context),
        "show": partial(_show, context),
    }


# -- log --------------------------------------------------------------------------------------------------------------


def _log(context: HandlerContext, params: Json) -> Json:
    count = params.get("count") or LOG_COUNT
    path = params.get("path")
    if params.get("job"):
        return _runs(context, params["job"], path, count, params.get("conf"))
    if params.get("conf"):
        raise UsageError("-f is for the runs of a job", "gitsyncctl log --job NAME -f FILE")
    places = [locate(context, path)] if path else [whole(context, repo.name) for repo in context.config.repositories]
    found: list[tuple[ResolvedPath, Record]] = []
    problems: list[Json] = []
    for place in places:
        try:
            found += [(place, record) for record in _records(place.history(), place, count + 1)]
        except UNEXPECTED_ERRORS as trouble:
            error = as_error(place.repo, trouble)
            if path:
                raise error from trouble
            problems.append(problem(place.repo, error))
    found.sort(key=lambda item: item[1].at, reverse=True)
    commits = [commit_document(place, record) for place, record in found[:count]]
    return {"commits": commits, "more": len(found) > count, "problems": problems}


def _runs(context: HandlerContext, name: str, path: str | None, count: int, conf: str | None) -> Json:
    from gitsync.daemon.handlers.jobs import of_file  # late: it needs the engine, which a history does not

    if path:
        raise UsageError("--job shows runs, which have no path", f"gitsyncctl log --job {as_word(name)}")
    found = of_file({"conf": conf, "names": [name]})[0] if conf else context.targets([name], is_for_jobs=True).jobs
    past = [{"job": job.name, **run} for job in found for run in context.runtime.jobs.history(job, count + 1)]
    past.sort(key=lambda run: str(run.get("ended", "")), reverse=True)
    return {"runs": past[:count], "more": len(past) > count}


def _records(history: History, place: ResolvedPath, limit: int) -> list[Record]:
    head, is_directory = history.head_and_kind(place.path)
    if head is None and not place.path:
        return []
    if head is None:
        raise unknown(history, place.path)
    if is_directory and place.path:
        return [record for record, _ in directory_records(history, place.path, limit=limit)]
    found = records(history, place.path, start=head, limit=limit, follow=bool(place.path))
    if not place.path:
        return found
    if not found:
        raise unknown(history, place.path)
    if all(touched.path != place.path for touched in found[0].touched):  # a directory that is no longer there
        return [record for record, _ in directory_records(history, place.path, limit=limit)]
    return found


def commit_document(place: ResolvedPath, record: Record) -> Json:
    """Return a commit as `log` lists it."""
    return {
        "repo": place.repo,
        "id": record.commit,
        "time": iso(record.at),
        "author": clean(record.author),
        "machine": clean(record.machine),
        "this": record.machine == place.machine,
        "message": clean(record.subject),
        "files": [_file(touched) for touched in record.touched],
    }


def _file(touched: Touched) -> Json:
    found: Json = {"path": os.fsdecode(touched.path), "what": touched.what}
    return found | ({"from": os.fsdecode(touched.was)} if touched.was is not None else {})


# -- diff -------------------------------------------------------------------------------------------------------------


def _diff(context: HandlerContext, params: Json) -> Json:
    path, when, rev = params.get("path"), params.get("at"), params.get("rev")
    if when is not None and rev is not None:
        raise UsageError("--at and --rev say the same thing twice", "give one of them")
    places = [locate(context, path)] if path else [whole(context, repo.name) for repo in context.config.repositories]
    if rev is not None and len(places) > 1:
        raise UsageError("--rev is a commit of one repository", f"name it: gitsyncctl diff NAME --rev {as_word(rev)}")
    diffs: list[Json] = []
    problems: list[Json] = []
    for place in places:
        try:
            found = _since(context, place, when, rev, is_asked=path is not None)
        except UNEXPECTED_ERRORS as trouble:
            error = as_error(place.repo, trouble)
            if path or isinstance(error, UsageError):
                raise error from trouble
            if error.code != NO_COMMIT:
                problems.append(problem(place.repo, error))
        else:
            diffs.append(found)
    return {"diffs": diffs, "problems": problems}


def _since(context: HandlerContext, place: ResolvedPath, when: str | None, rev: str | None, *, is_asked: bool) -> Json:
    history = place.history()
    head = history.head()
    if head is None:
        raise OperationError(
            f"{place.repo} has no commit yet", f"gitsyncctl status {as_word(place.repo)}", code=NO_COMMIT
        )
    commit: str | None = head
    if rev is not None:
        commit = history.commit(rev)
    elif when is not None:
        commit = history.commit_at(history.instant(when), place.path)
    if commit is None:
        raise none_at(history, place.path, when or "")
    is_there = os.path.lexists(Path(place.root, os.fsdecode(place.path)))
    if is_asked and not is_there and not records(history, place.path, limit=1):
        raise unknown(history, place.path)
    paths = [place.path] if place.path else []
    if place.path and history.entry(commit, place.path) is None:
        paths = sorted({place.path, name_then(history, commit, place.path)})
    from gitsync.daemon.handlers.pending import uncommitted  # late: it needs the ignore rules, and those libgit2

    changes = uncommitted(context, place, commit, paths)
    record = records(history, b"", start=commit, limit=1)[0]
    base = {"commit": commit, "time": iso(record.at), "message": clean(record.subject)}
    return {"repo": place.repo, "path": os.fsdecode(place.path), "from": base, **_changes(changes)}


def _changes(changes: Changes) -> Json:
    return {
        "files": [_file(touched) for touched in changes.files],
        "patch": os.fsdecode(changes.patch),
        "is_cut": changes.is_cut,
    }


# -- show -------------------------------------------------------------------------------------------------------------


def _show(context: HandlerContext, params: Json) -> Json:
    rev, colon, path = params["what"].partition(":")
    within = params.get("within")
    place, history, commit = _found(context, rev, within)
    try:
        if colon:
            return _content(place, history, commit, path)
        record = records(history, b"", start=commit, limit=1)[0]
        parent = parent_here(history, commit, record.parents)
        changes = of(history, commit, parent)
        message = history.ask("show", "--no-patch", "--format=%B", commit).decode("utf-8", "replace").strip()
    except UNEXPECTED_ERRORS as trouble:
        raise as_error(place.repo, trouble) from trouble
    shown = {
        "message": "\n".join(clean(line) for line in message.splitlines()),
        "parents": list(record.parents),
        "since": parent,
    }
    return {**commit_document(place, record), **shown, **_changes(changes)}


def _found(context: HandlerContext, rev: str, within: str | None) -> tuple[ResolvedPath, History, str]:
    """Return the repository that is asked, and the commit there: the given one, else the only one that has it."""
    places = [_here(context, within)] if within else [whole(context, repo.name) for repo in context.config.repositories]
    found: list[tuple[ResolvedPath, History, str]] = []
    first: GitsyncError | None = None
    for place in places:
        try:
            history = place.history()
            found.append((place, history, history.commit(rev)))
        except UNEXPECTED_ERRORS as trouble:
            first = first or as_error(place.repo, trouble)
    if len(found) == 1:
        return found[0]
    if not found and (first is not None and len(places) == 1):
        raise first
    if not found:
        hint = f"name the repository: gitsyncctl show {as_word(rev)} --in NAME; commits: gitsyncctl log"
        raise OperationError(f"no repository has a revision {rev!r}", hint, code="unknown-revision")
    names = ", ".join(place.repo for place, _, _ in found)
    raise OperationError(
        f"{rev!r} is a revision of several repositories: {names}",
        f"name one: gitsyncctl show {as_word(rev)} --in {as_word(found[0][0].repo)}",
        code="ambiguous-revision",
    )


def _here(context: HandlerContext, within: str) -> ResolvedPath:
    return locate(context, within) if "/" in within else whole(context, within)


def _content(place: ResolvedPath, history: History, commit: str, named: str) -> Json:
    """Return a file of a commit: named as from the working directory where that is in the repository, else from its
    top, or by an absolute path."""
    path, was, entry = b"", b"", None
    for candidate in (Path(place.absolute, named), Path(place.above, named)):
        below = os.path.relpath(candidate, place.above)
        if below.split("/")[0] != "..":
            path = os.fsencode(below)
            was = b"" if path == b"." else name_then(history, commit, path)
            entry = history.entry(commit, was)
            if entry is not None:
                break
    if entry is None:
        error = unknown(history, path or os.fsencode(named))
        hint = error.hint
        if os.fsdecode(path) in hint.removeprefix("did you mean: ").split(", "):  # it was there, but not then
            hint = f"when it was there: gitsyncctl log {as_word(str(Path(place.above, os.fsdecode(path))))}"
        raise OperationError(f"{clean(named)} is not in {commit[:10]} of {place.repo}", hint, code="no-version")
    if entry.mode == MODE_TREE:
        names = sorted(os.fsdecode(name) for name in history.entries_below(entry.id, b""))
        raise UsageError(
            f"{clean(named)} is a directory there, of {len(names)} files",
            f"bring a copy: gitsyncctl restore {as_word(f'{place.repo}:{named}')} --rev {commit[:10]} --to DEST",
            code="is-directory",
        )
    size = history.sizes([entry.id]).get(entry.id, 0)
    document = {
        "repo": place.repo,
        "root": place.root,
        "commit": commit,
        "path": os.fsdecode(path),
        "from": os.fsdecode(was),
        "blob": entry.id,
        "mode": f"{entry.mode:o}",
        "size": size,
        "content": None,
    }
    if size > CONTENT_MAX:
        return document
    data = history.content(was, entry)
    document["size"] = len(data)
    try:
        document["content"] = data.decode("utf-8")
    except UnicodeDecodeError:
        document["content_base64"] = base64.b64encode(data).decode("ascii")
    return document
