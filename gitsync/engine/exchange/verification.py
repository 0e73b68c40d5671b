"""Lets only commits in that are signed by a key that git accepts, where `verify` says so; the rest is a question.

Runs on the exchanger's thread, with that exchanger's memory. Commits that HEAD has are not checked again, nor
those that a person accepted, nor those that were verified and wait, until the lists of signers change.
"""

from __future__ import annotations

import os
from pathlib import Path

from gitsync.config.options import MIRROR_NAME, RepoConfig
from gitsync.core.questions import SHOWN_PATHS
from gitsync.engine.board import Board
from gitsync.engine.exchange.halt_reasons import Halting, unsigned
from gitsync.engine.exchange.remote_branch import Limits
from gitsync.engine.memory import ExchangeMemory
from gitsync.git.objects.refs import commit_in
from gitsync.git.remote.signatures import LISTS, Signature, between, changed_files, check_lists, signatures
from gitsync.git.rules.config import read
from gitsync.text import clean, counted, shown

SHOWN_COMMITS = 3


def verify(
    config: RepoConfig, memory: ExchangeMemory, branch: str, upstream: str | None, limits: Limits, board: Board
) -> None:
    """Raise Halting when `upstream` has commits that are not signed as wanted; OperationError when git cannot say.

    The board says what else is synced.
    """
    if config.verify == "off" or upstream is None:
        return
    root = config.path
    head = commit_in(root, f"refs/heads/{branch}")
    commits = between(root, upstream, [*([head] if head else []), *memory.trusted])
    if not commits:
        return
    mirror = board.local(MIRROR_NAME).path
    check_lists(root, board.synced(), Path(mirror) if mirror else None)
    stamp = _stamp(root)
    verified = memory.verified(stamp)
    found = signatures(root, [commit for commit in commits if commit not in verified], limits.is_cancelled)
    refused = [each for each in found if not each.is_accepted]
    bad = {each.commit for each in refused}
    memory.remember_verified(stamp, [commit for commit in commits if commit not in bad])
    if refused:
        raise _question(config, branch, upstream, head, refused)


def _question(config: RepoConfig, branch: str, upstream: str, head: str | None, refused: list[Signature]) -> Halting:
    files = sorted(changed_files(config.path, upstream, head))
    what = "; ".join(f"{each.commit[:10]} by {clean(each.author)}: {each.why}" for each in refused[:SHOWN_COMMITS])
    more = len(refused) - SHOWN_COMMITS
    what += f"; and {counted(more, 'other commit')}" if more > 0 else ""
    paths = tuple(shown(os.fsencode(path)) for path in files[:SHOWN_PATHS])
    listed = ", ".join(paths[:SHOWN_COMMITS]) + (", …" if len(files) > SHOWN_COMMITS else "")
    return unsigned(config.name, branch, what, listed, len(refused), paths)


def _stamp(root: Path) -> str:
    """Return what changes when git's lists of signers do."""
    settings = read(root)
    facts = []
    for value in (settings.get(key.lower()) for key in LISTS):
        try:
            found = (root / Path(value).expanduser()).stat() if value else None
        except OSError:
            found = None
        facts.append(f"{value}:{found and (found.st_ino, found.st_size, found.st_mtime_ns)}")
    return " ".join(facts)
