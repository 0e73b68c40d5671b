"""The answers to `find` and `size`: which version of which file held a word, and what takes the room in a history.

Runs on connection threads, or in the control command. Everything is read by children of git with deadlines.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice

from gitsync.clock import iso
from gitsync.daemon.handlers.context import Answer, Json, Selection, problem
from gitsync.daemon.handlers.resolve_path import ResolvedPath, locate, whole
from gitsync.errors import GitsyncError, UsageError
from gitsync.git.files import storage_error
from gitsync.git.history.log import History
from gitsync.git.history.search import Hit, Query, quick_search, search
from gitsync.git.history.size import file_sizes, total_bytes
from gitsync.git.history.versions import unknown
from gitsync.mirror.metadata import is_mirror_metadata
from gitsync.text import as_word, tilde

# As many hits as an answer through the socket can carry; the control command prints any number as they come.
MOST = 2000
# How long a search may take in a process of its own.
APART_S = 600.0
# A history of so many commits is read at once, without an index; but not very many of them.
SHORT, MOST_SHORT = 500, 5


def answers(context: Selection) -> dict[str, Answer]:
    """Return the answers, by method."""
    return {"find": partial(_find, context), "size": partial(_size, context)}


def hits(
    context: Selection,
    params: Json,
    is_over: Callable[[], bool] = lambda: False,
    problems: list[Json] | None = None,
) -> Iterator[Json]:
    """Return what is found, newest first, as it is found, until `is_over`.

    Raise UsageError before anything is looked for. A repository of several that cannot be searched is noted in
    `problems`; without that list, and where it is the only one, its error is raised.
    """
    places = _places(context, params)
    noted = problems if len(places) > 1 else None
    found = []
    for place in places:
        with _noting(place, noted):
            history = place.history()
            found.append(_described(place, history, _query(history, params), is_over, noted))
    merged = heapq.merge(*found, key=lambda item: item[0])
    return (document for _, document in islice(merged, params.get("count")))


@contextmanager
def _noting(place: ResolvedPath, problems: list[Json] | None) -> Iterator[None]:
    """Note that a repository cannot be searched, and go on with the others."""
    try:
        yield
    except UsageError:
        raise
    except (GitsyncError, OSError) as error:
        if problems is None:
            raise
        explained = error if isinstance(error, GitsyncError) else storage_error(f"cannot search {place.repo}", error)
        problems.append(problem(place.repo, explained))


def _quick(context: Selection, params: Json) -> Json:
    """Return all hits where no long reading is needed (in histories with an index, or short), else `hits` as None."""
    found: list[Iterator[tuple[float, Json]]] = []
    problems: list[Json] = []
    places = _places(context, params)
    noted = problems if len(places) > 1 else None
    short = 0
    for place in places:
        with _noting(place, noted):
            history = place.history()
            query = _query(history, params)
            quick = quick_search(history, query, place.path, place.index(history)) if query.word else None
            if quick is None:
                short += 1
                if query.is_regex or short > MOST_SHORT or not _is_short(history):
                    return {"hits": None, "complete": False}
                quick = search(history, query, place.path)
            found.append(_documents(place, history, quick, noted))
    merged = heapq.merge(*found, key=lambda item: item[0])
    hits = [document for _, document in islice(merged, params.get("count") or MOST + 1)]
    return _answer(hits if len(hits) <= MOST else None, problems, is_whole=len(hits) != params.get("count"))


def _answer(hits: list[Json] | None, problems: list[Json], *, is_whole: bool) -> Json:
    return {"hits": hits, "complete": is_whole and not problems, "problems": problems}


def _is_short(history: History) -> bool:
    count = history.try_ask("rev-list", "--count", f"--max-count={SHORT + 1}", "HEAD", "--")
    return count is None or int(count) <= SHORT


def _find(context: Selection, params: Json) -> Json:
    if params.get("quick"):
        return _quick(context, params)
    # A regular expression may take for ever, and holds up every thread meanwhile.
    problems: list[Json] = []
    each = _apart(context, params, problems) if params.get("regex") else hits(context, params, problems=problems)
    found = list(islice(each, MOST + 1))
    is_whole = len(found) <= MOST and len(found) != params.get("count")
    return _answer(found[:MOST], problems, is_whole=is_whole)


def _apart(context: Selection, params: Json, problems: list[Json]) -> Iterator[Json]:
    from gitsync.daemon import apart

    source = context.config.source
    for document in apart.ask(apart.FIND, params, None if source is None else str(source), APART_S):
        if "problem" in document:
            problems.append(document["problem"])
        else:
            yield document


def _places(context: Selection, params: Json) -> list[ResolvedPath]:
    names = params.get("names") or [repo.name for repo in context.config.repositories]
    return [_place(context, name) for name in names]


def _place(context: Selection, name: str) -> ResolvedPath:
    """Return the place for a repository's name, a path, or NAME:path."""
    repo, colon, below = name.partition(":")
    is_below = bool(colon) and any(context.called(repo) == each.name for each in context.config.repositories)
    if "/" in name or not is_below:
        return locate(context, name) if "/" in name else whole(context, name)
    return locate(context, f"/{context.called(repo)}:{below}")


def _query(history: History, params: Json) -> Query:
    word, glob = params.get("word") or "", params.get("name") or ""
    if not word and not glob:
        raise UsageError("a word to look for is missing", "gitsyncctl find WORD, or names alone: find --name GLOB")
    since, until = (history.instant(params[name]) if params.get(name) else None for name in ("since", "until"))
    return Query(
        word,
        bool(params.get("regex")),
        bool(params.get("ignore_case")),
        glob,
        since,
        until,
        bool(params.get("deleted")),
    )


def _described(
    place: ResolvedPath, history: History, query: Query, is_over: Callable[[], bool], problems: list[Json] | None
) -> Iterator[tuple[float, Json]]:
    found = search(history, query, place.path, place.index(history), is_over)
    yield from _documents(place, history, found, problems)


def _documents(
    place: ResolvedPath, history: History, found: Iterator[Hit], problems: list[Json] | None
) -> Iterator[tuple[float, Json]]:
    with _noting(place, problems):
        for hit in found:
            if not (place.is_at_home and is_mirror_metadata(hit.path)):
                yield -hit.at, _document(place, history, hit)


def _document(place: ResolvedPath, history: History, hit: Hit) -> Json:
    absolute = os.fsdecode(history.place(hit.name))
    return {
        "repo": place.repo,
        "path": os.fsdecode(hit.path),
        "commit": hit.commit,
        "time": iso(hit.at),
        "line_number": hit.line_number or None,
        "line": hit.line,
        "deleted": hit.is_deleted,
        "restore": f"gitsyncctl restore {as_word(tilde(absolute))} --rev {hit.commit[:10]}",
    }


def _size(context: Selection, params: Json) -> Json:
    place = _one(context, params.get("name"))
    history = place.history()
    sizes = file_sizes(history, place.path)
    if place.path and not sizes:  # a file is counted under the name that it has now, or had last
        names = {hit.name for hit in search(history, Query(glob="*"), place.path)}
        if not names:
            raise unknown(history, place.path)
        sizes = [item for item in file_sizes(history) if item.path in names]
    shown = sizes[: params.get("count") or len(sizes)]
    return {
        "repo": place.repo,
        "bytes": sum(item.bytes for item in sizes) if place.path else total_bytes(history),
        "paths": [
            {
                "path": os.fsdecode(item.path),
                "versions": item.versions,
                "bytes": item.bytes,
                "present": item.is_present,
            }
            for item in shown
        ],
    }


def _one(context: Selection, name: str | None) -> ResolvedPath:
    if name:
        return _place(context, name)
    repositories = context.config.repositories
    if len(repositories) != 1:
        raise UsageError("which repository? none is named", "name one: gitsyncctl size NAME", code="which-repository")
    return whole(context, repositories[0].name)
