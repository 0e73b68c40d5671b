"""The answer of allow: files that are held back and meant. Runs on connection threads, or without a daemon."""

from __future__ import annotations

import os
from functools import partial

from gitsync.config.options import MIRROR_NAME
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json
from gitsync.daemon.handlers.resolve_path import locate
from gitsync.errors import UsageError
from gitsync.git.changes.allow import allow
from gitsync.text import as_word, clean, tilde


def answers(context: HandlerContext) -> dict[str, Answer]:
    """Return the answers, by method."""
    return {"allow": partial(_allow, context)}


def _allow(context: HandlerContext, params: Json) -> Json:
    groups: dict[str, set[bytes]] = {}
    for given in params["paths"]:
        place = locate(context, given)
        if place.repo == MIRROR_NAME:
            raise UsageError(
                f"{clean(place.absolute)} is a home file",
                f"to track it: gitsyncctl add {as_word(tilde(place.absolute))}",
            )
        groups.setdefault(place.repo, set()).add(place.path)
    made: list[Json] = []
    for name, paths in groups.items():
        config = context.one(name)
        act = partial(allow, paths=frozenset(paths), limit=config.max_file_size, author=config.author)
        done = context.perform(name, act)
        commit = done.commit.to_json()
        made.append({"repo": name, "commit": commit, "paths": [os.fsdecode(path) for path in done.paths]})
    return {"allowed": made}
