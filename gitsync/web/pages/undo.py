"""Undo: what taking back one of gitsync's own acts would change, and doing it."""

from __future__ import annotations

from starlette.responses import Response

from gitsync import text
from gitsync.web import patch
from gitsync.web.notes import Note
from gitsync.web.page import POST, Asked, Link, Page, address

_NAMES = {"restore": "bringing a version back", "undo": "an undo", "redo": "a redo", "merge": "a merge"}


def preview(asked: Asked) -> Response:
    """Show the difference that an undo would make."""
    name, commit = asked.needed("name"), asked.get("commit")
    found = asked.gateway.ask("undo", name=name, dry_run=True, **({"commit": commit} if commit else {}))
    return asked.render(
        "undo.html",
        name=name,
        found=found,
        commit=found["undone"]["commit"]["id"],
        act=_NAMES.get(found["undone"]["reason"], found["undone"]["reason"]),
        files=patch.files(found.get("patch") or ""),
        is_cut=bool(found.get("is_cut")),
    )


def undo(asked: Asked) -> Response:
    """Take the act back, by a new commit; edits that were made since stay."""
    name, commit = asked.needed("name"), asked.needed("commit")
    done = asked.gateway.ask("undo", name=name, commit=commit)
    note = f"Undone: {text.counted(len(done['paths']), 'file')} of {name}"
    made = (done.get("commit") or {}).get("id", "")
    back = address("/undo", name=name, commit=made) if made else ""
    return asked.leave(address("/timeline", repo=name), Note(note, undo=back))


PAGES = (Page("/undo", preview), Page("/undo", undo, POST))
LINKS: tuple[Link, ...] = ()
