"""The handler of explain: why a path is committed or not.

Runs on connection threads, or in the control command while no daemon runs. It examines the path itself, and asks the
committer for what only that knows; while the committer is busy, the status board has to suffice.
"""

from __future__ import annotations

import os
import shlex
from functools import partial
from pathlib import Path

from gitsync.clock import iso, local
from gitsync.config.options import RepoConfig
from gitsync.core.coverage import Coverage, parents
from gitsync.core.explain import COMING, COMMITTED, NOT, Explanation, Facts, explanation_of
from gitsync.core.secrets import secret_in
from gitsync.daemon.handlers import init_mirror
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json
from gitsync.daemon.handlers.resolve_path import ResolvedPath, locate
from gitsync.engine.messages import Explain
from gitsync.engine.offline_status import show
from gitsync.engine.repository.perform import PathStatus
from gitsync.errors import OperationError, UsageError
from gitsync.git.history import path_facts
from gitsync.git.history.versions import Record
from gitsync.git.rules.ignores import IgnoreRules, is_work_tree
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.mirror.host import host_name
from gitsync.model import FILTER, REFUSED, RepoStatus
from gitsync.redaction import redact
from gitsync.text import clean, counted

# How long to wait for the committer, which may be making a large commit.
ASK_S = 0.1


def explain(context: HandlerContext, params: Json) -> Json:
    """Explain why a path is committed or not."""
    given = params["path"]
    try:
        place = locate(context, given)
    except UsageError as error:
        if error.code != "outside":
            raise
        return _document(given, None, Explanation(NOT, "outside", error.message, error.hint))
    config = next(repo for repo in context.config.repositories if repo.name == place.repo)
    if not context.is_daemon:
        show(context.runtime.board, config, context.runtime.repo_state_dir(config))
    status = context.runtime.board.status(place.repo)
    try:
        facts, record, is_pushed = _facts(context, place, config)
    except UNEXPECTED_ERRORS as trouble:
        if status.state not in ("halted", "error"):
            raise as_error(place.repo, trouble) from trouble
        # The repository cannot be read: its error is the answer.
        held = Explanation(NOT, str(status.state), status.reason, status.error.hint if status.error else "")
        return _document(given, place, held)
    found = explanation_of(facts)
    answer = _document(given, place, found)
    if record is not None:
        answer["commit"] = {"id": record.commit, "time": iso(record.at), "message": clean(record.subject)}
        answer["pushed"] = is_pushed
    answer["facts"] = _told(facts, status, is_committed=found.verdict == COMMITTED)
    if found.verdict == COMING:
        rule = f"quiet for {config.quiet:g} s, or {config.max_wait:g} s after the first change"
        answer["facts"].append(f"it is committed when unchanged, {rule}")
    return answer


def _document(given: str, place: ResolvedPath | None, found: Explanation) -> Json:
    return {
        "path": given if place is None else os.fsdecode(place.path),
        "absolute": given if place is None else place.absolute,
        "repo": None if place is None else place.repo,
        "verdict": found.verdict,
        "code": found.code,
        "reason": found.reason,
        "hint": found.hint,
        "commit": None,
        "pushed": None,
        "facts": [],
    }


def _facts(
    context: HandlerContext, place: ResolvedPath, config: RepoConfig
) -> tuple[Facts, Record | None, bool | None]:
    history = place.history()
    path = place.path
    is_listed = not place.is_at_home or not path or _is_listed(place)
    found = path_facts.disk(history.place(path))
    is_dir = found.kind == "directory"
    known = path_facts.tracked(history, path, found.kind)
    record = path_facts.last(history, path)
    # A problem of the remote does not delay commits.
    status, here = context.runtime.board.status(place.repo), context.runtime.board.local(place.repo)
    live = _live(context, place)
    with IgnoreRules(config.path, config.include, config.exclude) as rules:
        listed = Coverage(init_mirror.manifest(Path(place.root)), host_name()) if place.is_at_home else None
        rules.passes_over_top = listed is not None and b".gitignore" in listed.files
        nested = _nested(place, rules, listed)
        ignored_by = clean(rules.ignored_by(path, is_dir)) if path else ""
        excluded_by = rules.excluding(path, is_dir) if path else ""
    remote = (
        None
        if config.mode == "commit" or record is None
        else path_facts.is_pushed(history, config.remotes or (config.remote,), record.commit)
    )
    facts = Facts(
        repo=place.repo,
        path=shlex.quote(clean(place.absolute)),
        kind=found.kind,
        git=f"git -C {shlex.quote(clean(place.root))}",
        below=shlex.quote(clean(os.fsdecode(path))),
        is_listed=is_listed,
        is_tracked=known.is_tracked,
        is_same=known.is_same,
        is_staged=known.is_staged,
        why_unreadable=found.why_unreadable,
        ignored_by=ignored_by,
        excluded_by=excluded_by,
        nested=clean(str(Path(place.above, os.fsdecode(nested)))) if nested else "",
        left_out=known.left_out,
        size=found.size,
        size_limit=config.max_file_size,
        secret="" if known.is_tracked or config.secrets != "quarantine" else secret_in(path, found.head) or "",
        unfiltered=_held_back(status, os.fsdecode(path), FILTER),
        refused=_held_back(status, os.fsdecode(path), REFUSED),
        is_written=found.is_written,
        is_conflict=os.fsdecode(path) in status.conflicts,
        copy_of=clean(os.fsdecode(path_facts.original(path))),
        last=_commit(record),
        pushed=_pushed(record, remote),
        tracked_below=known.below,
        differing_below=known.differing_below,
        state=str(here.state),
        held_by=here.reason,
        hint=here.error.hint if here.error else "",
        is_watched=context.is_daemon,
        waited_s=live.waited_s if live else None,
        due_s=live.due_s if live else 0.0,
        max_wait_s=config.max_wait,
        staged_left_s=live.staged_left_s if live else None,
    )
    return facts, record, None if remote is None else remote[1]


def _is_listed(place: ResolvedPath) -> bool:
    """Whether a home file is tracked here, or something in that directory is."""
    return Coverage(init_mirror.manifest(Path(place.root)), host_name()).concerns(place.path)


def _nested(place: ResolvedPath, rules: IgnoreRules, listed: Coverage | None) -> bytes:
    """Return the other repository that a path is in, or is; b"" for none, and for a home file tracked by name."""
    if not place.path or (listed is not None and place.path in listed.files):
        return b""
    if listed is None:
        return path_facts.nested(rules, place.path)
    above = [at for at in (place.path, *parents(place.path)) if listed.entry(at) is not None]
    return next((at for at in above if is_work_tree(os.fsencode(place.above) + b"/" + at)), b"")


def _live(context: HandlerContext, place: ResolvedPath) -> PathStatus | None:
    if not context.is_daemon:
        return None
    try:
        answer: PathStatus = context.runtime.committer.ask(Explain(place.repo, place.path), ASK_S)
    except (OperationError, UsageError):  # busy, or a repository that has just come or gone
        return None
    return answer


def _commit(record: Record | None) -> str:
    return "" if record is None else f"in {record.commit[:7]} of {local(record.at)[:16]}"


def _pushed(record: Record | None, remote: tuple[str, bool] | None) -> str:
    if record is None:
        return ""
    if remote is None:
        return "; this repository stays on this machine"
    name, is_there = remote
    return f"; {clean(redact(name))} has it" if is_there else f"; not pushed to {clean(redact(name))} yet"


def _told(facts: Facts, status: RepoStatus, *, is_committed: bool) -> list[str]:
    """Return what else is worth knowing, a sentence each."""
    told = [f"repository {facts.repo}: {status.state}{f', {status.reason}' if status.reason else ''}"]
    if facts.kind in ("file", "link", "directory"):
        kind = {"file": f"a file of {facts.size} bytes", "link": "a symbolic link", "directory": "a directory"}
        told.append(
            f"{kind[facts.kind]}, {'tracked by git' if facts.is_tracked or facts.tracked_below else 'not tracked'}"
        )
    if facts.differing_below:
        are = "is" if facts.differing_below == 1 else "are"
        told.append(f"{counted(facts.differing_below, 'path')} in it {are} not committed")
    if (facts.is_tracked or facts.tracked_below) and facts.ignored_by:
        told.append(
            f"{facts.ignored_by} would ignore it, but it is tracked, and tracked files are committed all the same; "
            f"to stop that: {facts.git} rm --cached {facts.below}, or `exclude` on this machine alone"
        )
    if (facts.is_tracked or facts.tracked_below) and facts.excluded_by:
        told.append(f"exclude = {facts.excluded_by!r}: its changes are not committed on this machine")
    if facts.last and not is_committed:
        told.append(f"last committed {facts.last}{facts.pushed}")
    return told


def _held_back(status: RepoStatus, path: str, kind: str) -> str:
    whys = [item.why for item in status.quarantined if item.path == path and item.why.startswith(kind)]
    return whys[0].removeprefix(kind) if whys else ""


def answers(context: HandlerContext) -> dict[str, Answer]:
    """Return the answers, by method."""
    return {"explain": partial(explain, context)}
