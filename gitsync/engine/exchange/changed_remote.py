"""Finds in what was fetched that a remote is not what it was, which only a person can decide about.

Runs on the exchanger's thread.
"""

from __future__ import annotations

from gitsync.engine.exchange.halt_reasons import branch_gone, branch_renamed, emptied, other_branch
from gitsync.engine.exchange.pending_halt import PendingHalt
from gitsync.engine.exchange.remote_branch import Limits, RemoteBranch
from gitsync.git.remote.results import FetchResult
from gitsync.text import clean


def new_name(
    place: RemoteBranch, branch: str, found: FetchResult, known: str | None, halt: PendingHalt, limits: Limits
) -> str:
    """Return the new name of the remote's branch that a person has agreed to follow, "" for no change.

    `known` is what was last taken in of it. Raise Halting when a person has to decide.
    """
    name = place.config.name
    if found.upstream is None and known is not None:
        if not found.is_empty_remote and (new := place.renamed_to(known, limits)):
            if halt.is_followed:
                return new
            raise branch_renamed(name, place.label, new)
        raise (emptied if found.is_empty_remote else branch_gone)(name, place.label)
    if found.others and known is None and not halt.is_accepted and place.is_foreign(found, limits):
        others = [clean(each) for each in found.others]
        raise other_branch(name, branch, place.choice.remote, others, str(place.config.path))
    return ""
