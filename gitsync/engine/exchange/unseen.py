"""Notices that another machine did not report for long; reported once, for all repositories that it shares.

Runs on the exchanger's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from gitsync.config.options import RepoConfig
from gitsync.core.machines import Report
from gitsync.engine.board import Board
from gitsync.engine.memory import Memory
from gitsync.text import ago, as_word, clean

EVENT = "unseen"


def see(config: RepoConfig, board: Board, memory: Memory, others: Iterable[Report], wall: float) -> None:
    """Publish which machines were not seen for longer than `unseen`, unless that was published before."""
    limit = config.unseen
    late = [] if limit is None else [report for report in others if wall - report.seen > limit]
    found = memory.get("unseen")
    told = found if isinstance(found, list) else []
    for report in late:
        if report.id not in told and not _is_known(board, report, wall - (limit or 0.0)):
            name = clean(report.name) or report.id[:4]
            text = f"{config.name}: the machine {name} was last seen {ago(wall - report.seen)}"
            hint = f"if it is not used any more: gitsyncctl machines forget {as_word(name)}"
            title = f"{name} was not seen for long"
            board.publish(
                EVENT, config.name, f"{text}; {hint}", level=logging.WARNING, machine=name, hint=hint, title=title
            )
    memory.remember(unseen=sorted(report.id for report in late) or None)


def _is_known(board: Board, late: Report, since: float) -> bool:
    """Whether the machine was seen in another repository, or it was published for one that it was not."""
    seen = (report for name in board.names() for report in board.reports(name))
    return any(report.name == late.name and report.seen >= since for report in seen) or any(
        event["event"] == EVENT and event.get("machine") == clean(late.name) for event in board.events()
    )
