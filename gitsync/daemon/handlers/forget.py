"""The answer of forget: files that are not to be synced any more. Runs on connection threads, or without a daemon."""

from __future__ import annotations

import os
from functools import partial

from gitsync.config.options import MIRROR_NAME
from gitsync.daemon.handlers.conflicts import reading
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json
from gitsync.daemon.handlers.home import answers as home_answers
from gitsync.daemon.handlers.resolve_path import ResolvedPath, locate
from gitsync.git.changes.forget import Forgotten, forget, plan


def answers(context: HandlerContext) -> dict[str, Answer]:
    """Return the answers, by method."""
    return {"forget": partial(_forget, context)}


def _forget(context: HandlerContext, params: Json) -> Json:
    groups: dict[str, list[ResolvedPath]] = {}
    for given in params["paths"]:
        place = locate(context, given)
        groups.setdefault(place.repo, []).append(place)
    found: list[Json] = []
    removed: list[Json] = []
    for name, places in groups.items():
        if name == MIRROR_NAME:
            given = {"paths": [place.absolute for place in places], "dry_run": params.get("dry_run")}
            removed += home_answers(context)["remove"](given)["removed"]
            continue
        paths = tuple(dict.fromkeys(place.path for place in places))
        if params.get("dry_run"):
            with reading(context, context.one(name)) as repository:
                found.append(_shown(places[0], plan(repository, paths).forgotten))
        else:
            act = partial(forget, paths=paths, author=places[0].author)
            found.append(_shown(places[0], context.perform(name, act)))
    return {"forgotten": found, "removed": removed, "dry_run": bool(params.get("dry_run"))}


def _shown(place: ResolvedPath, done: Forgotten) -> Json:
    return {
        "repo": place.repo,
        "root": place.root,
        "paths": [os.fsdecode(path) for path in done.paths],
        "lines": list(done.lines),
        "commit": done.commit.to_json() if done.commit else None,
    }
