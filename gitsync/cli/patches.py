"""A patch as people read it: coloured on a terminal, the very bytes in a pipe, so that `git apply` takes it."""

from __future__ import annotations

import os

from gitsync.cli import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gitsync.cli.output import Output

_STYLES = (
    ("diff --git ", "bold"), ("index ", "dim"), ("--- ", "bold"), ("+++ ", "bold"), ("@@", "cyan"),
    ("+", "green"), ("-", "red"),
)  # fmt: skip


def show(output: Output, document: dict[str, Any]) -> None:
    """Print the patch of a document, and say when it is not whole."""
    patch = os.fsencode(str(document.get("patch") or ""))
    if output.is_terminal:
        output.painted([output.paint(line, _style(line)) for line in layout.lines(patch)] if patch else [])
    else:
        output.raw(patch)
    if document.get("is_cut"):
        output.complain("note", "the patch is longer; git diff shows all of it")


def _style(line: str) -> str:
    return next((style for begin, style in _STYLES if line.startswith(begin)), "")
