"""Conflicts: the versions of a file with what they began from; chosen whole, part by part, or edited; then resolved."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from markupsafe import Markup, escape
from starlette.responses import Response

from gitsync import places, times
from gitsync.clock import SystemClock
from gitsync.daemon.handlers import contents
from gitsync.daemon.handlers.contents import Content
from gitsync.daemon.handlers.moments import View
from gitsync.errors import GitsyncError, OperationError, UsageError
from gitsync.git.objects.trees import TreeEntry
from gitsync.web import highlight, mixing
from gitsync.web.mixing import Segment
from gitsync.web.notes import Note
from gitsync.web.page import POST, Asked, Link, Page
from gitsync.web.states import Json

WHOLE = ("name", "copy", "both")
# Equal lines that are shown before and after a difference.
AROUND = 3


def show(asked: Asked) -> Response:
    """List every file that is in conflict."""
    answer = asked.gateway.ask("conflicts")
    return asked.render(
        "conflicts.html",
        conflicts=[{**item, "names": _names(item)} for item in answer["conflicts"]],
        jobs=answer["jobs"],
        errors=answer["errors"],
    )


def one(asked: Asked) -> Response:
    """Show the versions of one file next to each other, and the ways to resolve it."""
    item = _conflict(asked)
    view = _view(asked)
    sides = [_content(view, version) for version in item["versions"]]
    parts = _parts(view, item, sides)
    return asked.render(
        "conflict.html",
        item=item,
        names=_names(item),
        sides=sides,
        parts=None if parts is None else _shown(parts),
        blobs=_blobs(item),
        choices=mixing.CHOICES,
    )


def edit(asked: Asked) -> Response:
    """Show the text that the choices give, to be edited before it is resolved."""
    item = _conflict(asked)
    view = _view(asked)
    sides = [_content(view, version) for version in item["versions"]]
    parts = _parts(view, item, sides)
    if parts is None:
        raise UsageError("these versions cannot be mixed here", "keep one of them, or both")
    text = mixing.mixed(parts, _choices(asked))
    return asked.render("conflict_edit.html", item=item, text=escape(_decoded(text)), blobs=_blobs(item))


def settle(asked: Asked) -> Response:
    """Resolve a conflict as it was chosen, if the versions are still those that were seen."""
    item, how = _conflict(asked), asked.needed("how")
    if _blobs(item) != asked.needed("blobs"):
        raise OperationError(
            f"{item['path']} was changed while you looked at it: nothing was changed", "look at it again"
        )
    where = {"path": item["path"], "repo": item["repo"]}
    if how in WHOLE:
        asked.gateway.ask("resolve", **where, **{how: True})
    else:
        with _kept(_result(asked, item, how)) as file:
            asked.gateway.ask("resolve", **where, file=file)
    return asked.leave("/conflicts", Note(f"{item['path']} is resolved", undo=item["repo"]))


def _result(asked: Asked, item: Json, how: str) -> bytes:
    view = _view(asked)
    sides = [_content(view, version) for version in item["versions"]]
    if how == "text":
        text = asked.get("text").replace("\r\n", "\n").encode("utf-8", "surrogateescape")
        is_dos = all(side.data.count(b"\r\n") == side.data.count(b"\n") > 0 for side in sides)
        return text.replace(b"\n", b"\r\n") if is_dos else text
    parts = _parts(view, item, sides) if how == "parts" else None
    if parts is None:
        raise UsageError(f"{how!r} is not a way to resolve a conflict", "choose one of the buttons")
    return mixing.mixed(parts, _choices(asked))


@contextmanager
def _kept(data: bytes) -> Iterator[str]:
    """Give a file of this user's alone with the text, for as long as it is read."""
    with tempfile.NamedTemporaryFile(dir=places.state_dir(), prefix="settle-") as file:
        file.write(data)
        file.flush()
        yield file.name


def _conflict(asked: Asked) -> Json:
    repo, path = asked.needed("repo"), asked.needed("path")
    for item in asked.gateway.ask("conflicts", names=[repo])["conflicts"]:
        if item["repo"] == repo and item["path"] == path:
            return dict(item)
    raise OperationError(f"{path} is not in conflict any more", "see the list of conflicts", code="no-version")


def _view(asked: Asked) -> View:
    place = asked.library.place(asked.needed("repo"))
    return View(place, place.history(), None)


def _content(view: View, version: Json) -> Content:
    entry = TreeEntry(int(version["mode"], 8), version["blob"])
    return contents.content(view, os.fsencode(version["path"]), entry)


def _parts(view: View, item: Json, sides: list[Content]) -> list[Segment] | None:
    """Return the two versions in segments; None where they are not two texts."""
    if len(sides) != 2 or any(side.kind != "text" for side in sides):
        return None
    texts = [side.data for side in sides] + [_base(view, item)]
    return mixing.segments(*texts) if mixing.is_mixable(texts) and all(map(_is_utf8, texts)) else None


def _base(view: View, item: Json) -> bytes:
    """Return the text that both began from; nothing where there is none."""
    if not item["base"]:
        return b""
    path = os.fsencode(item["path"])
    try:
        found = contents.content(view, path, contents.entry_of(view, item["base"], path))
    except GitsyncError as error:
        if error.code != "no-version":
            raise
        return b""
    return found.data if found.kind == "text" else b""


def _shown(parts: list[Segment]) -> list[Json]:
    """Return the segments as the page shows them: of equal lines those next to a difference."""
    found: list[Json] = []
    for place, part in enumerate(parts):
        lines = _lines(part.first)
        if part.number:
            second, base = _lines(part.second), _lines(part.base)
            found.append({"number": part.number, "first": lines, "second": second, "base": base})
            continue
        head = lines[:AROUND] if place else []
        rest = lines[len(head) :]
        tail = rest[-AROUND:] if place < len(parts) - 1 else []
        skipped = len(rest) - len(tail)
        found.append({"number": 0, "head": head, "skipped": skipped, "tail": tail})
    return found


def _lines(lines: tuple[bytes, ...]) -> list[Markup]:
    return [highlight.html([("", _decoded(line).rstrip("\r\n"))]) for line in lines]


def _names(item: Json) -> list[str]:
    """Return what each version is called: its machine, where they differ, and its time."""
    now = SystemClock().wall()
    machines = [version["machine"] for version in item["versions"]]
    names = []
    for version in item["versions"]:
        is_telling = version["machine"] and machines.count(version["machine"]) == 1
        who = version["machine"] if is_telling else version["path"].rpartition("/")[2]
        names.append(f"{who}, {times.short(version['time'], now)}" if version["time"] else who)
    return names


def _choices(asked: Asked) -> dict[int, str]:
    given = {name[4:]: asked.get(name) for name in asked.values if name.startswith("part")}
    return {int(name): word for name, word in given.items() if name.isdigit() and word in mixing.CHOICES}


def _blobs(item: Json) -> str:
    return " ".join(version["blob"] for version in item["versions"])


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


PAGES = (
    Page("/conflicts", show),
    Page("/conflict", one),
    Page("/conflict/edit", edit),
    Page("/conflict/settle", settle, POST),
)
LINKS = (Link("/conflicts", "Conflicts", "conflict"),)
