"""A file first, then its versions: those that differ, side by side or in one column; text, pictures or neither."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response, StreamingResponse

from gitsync.daemon.handlers import contents, moments
from gitsync.daemon.handlers.contents import Content
from gitsync.daemon.handlers.moments import View
from gitsync.errors import OperationError
from gitsync.git.history.compare import Line, Row, compare
from gitsync.git.objects.trees import TreeEntry
from gitsync.web import guard, highlight
from gitsync.web.page import Asked, Link, Page, address
from gitsync.web.states import Json

LISTED = 25
# A text is shown in parts of so many lines: a browser lays out more of them only with a visible pause.
LINES = 500
# Equal lines around a change, for the whole of a text.
ALL = 1_000_000
WAYS = {"two": "Side by side", "one": "One column", "text": "This version"}


def show(asked: Asked) -> Response:
    """Show a version of a file, compared with the one before or with today's."""
    repo, path = asked.needed("repo"), asked.needed("path")
    view = asked.library.view(repo, path)
    rev = view.history.commit(asked.get("rev")) if asked.get("rev") else None
    if moments.is_directory(view, rev):
        return RedirectResponse(address("/tree", repo=repo, path=path, rev=rev), 303)
    listed = moments.versions(view, asked.get("from") or None, LISTED)
    newest = moments.versions(view, None, 1)["versions"] if asked.get("from") else listed["versions"]
    around = _around(view, listed["versions"], rev)
    if not newest or not around:
        raise OperationError(f"{path} was never committed in {repo}", code="unknown-path")
    chosen, now = around[0], newest[0]
    is_now = chosen["commit"] == now["commit"]
    against = asked.get("with", "before" if is_now or now["blob"] is None else "now")
    old, new = (chosen, now) if against == "now" else (around[1] if len(around) > 1 else None, chosen)
    way = asked.get("view") if asked.get("view") in WAYS else "two"
    if chosen["blob"] is None:  # a removal: what it removed is more to the point
        old, new = (around[1] if len(around) > 1 else None), None
    if all(item["commit"] != chosen["commit"] for item in listed["versions"]):
        listed = moments.versions(view, chosen["commit"], LISTED)
    return asked.render(
        "file.html",
        repo=repo,
        path=path,
        chosen=chosen,
        now=now,
        is_now=is_now,
        against=against,
        way=way,
        ways=WAYS,
        newer=moments.newer(view, chosen["commit"]),
        older=around[1] if len(around) > 1 else None,
        listed=listed["versions"],
        more=listed["next"],
        is_whole=asked.get("whole") == "1",
        body=_body(
            view, old, new, chosen, way, is_whole=asked.get("whole") == "1", part=asked.number("part", 1, 10**6)
        ),
    )


def _around(view: View, listed: list[Json], rev: str | None) -> list[Json]:
    """Return the version in a commit, the newest one without, and the one before it."""
    places = [place for place, item in enumerate(listed) if item["commit"] == rev]
    if rev is None and listed:
        places = [0]
    if places and (places[0] + 1 < len(listed) or len(listed) < LISTED):
        return listed[places[0] : places[0] + 2]
    found: list[Json] = moments.versions(view, rev, 2)["versions"]
    return found


def _body(view: View, old: Json | None, new: Json | None, chosen: Json, way: str, *, is_whole: bool, part: int) -> Json:
    """Return both sides, and their difference where both are text."""
    if way == "text":
        old, new = None, chosen if chosen["blob"] else old
        old = None
    left, right = (_side(view, each) for each in (old, new))
    found: Json = {"left": left, "right": right, "rows": [], "kind": "other", "is_equal": False}
    texts = [side["content"] for side in (left, right) if side is not None]
    if all(each.kind in ("text", "link") for each in texts) and texts:
        rows = _rows(view, left, right, context=ALL if is_whole or len(texts) == 1 else 3)
        name = (right or left or {"path": ""})["path"]
        shown = rows[(part - 1) * LINES : part * LINES]
        found |= {"kind": "text", "rows": _lines(shown, left, right, name)}
        found |= {"part": part, "parts": -(-len(rows) // LINES)}
        found["is_equal"] = len(texts) == 2 and not rows
    elif all(each.kind == "image" for each in texts) and texts:
        found["kind"] = "image"
    return found


def _side(view: View, version: Json | None) -> Json | None:
    if version is None or version["blob"] is None:
        return None
    entry = TreeEntry(version["mode"], version["blob"])
    found = contents.content(view, os.fsencode(version["path"]), entry)
    return {**version, "content": found, "type": _type(version["path"], found)}


def _type(path: str, content: Content) -> str:
    if content.kind == "image":
        return content.media.removeprefix("image/").upper() + " picture"
    ending = path.rpartition("/")[2].rpartition(".")[2] if "." in path.rpartition("/")[2] else ""
    return f"{ending.upper()} file" if ending and len(ending) < 9 else "file"


def _rows(view: View, left: Json | None, right: Json | None, *, context: int) -> list[Row]:
    old, new = (side["content"].data if side is not None else b"" for side in (left, right))
    if left is not None and right is not None:
        return compare(view.history, old, new, context=context)
    kind = "added" if left is None else "removed"
    lines = (new or old).decode("utf-8", "replace").removesuffix("\n").split("\n")
    each = [Line(number, line.rstrip("\r")) for number, line in enumerate(lines, 1)]
    return [Row("same", line, line) if kind == "added" else Row(kind, line) for line in each]


def _lines(rows: list[Row], left: Json | None, right: Json | None, name: str) -> list[dict[str, Any]]:
    colours = [_colours(side, name) for side in (left, right)]
    if left is None:
        colours[0] = colours[1]
    return [
        {
            "kind": row.kind,
            "count": row.count,
            "old": _shown(row.old, colours[0]),
            "new": _shown(row.new, colours[1]),
        }
        for row in rows
    ]


def _colours(side: Json | None, name: str) -> list[highlight.Pieces]:
    if side is None:
        return []
    text = side["content"].data.decode("utf-8", "replace").replace("\r\n", "\n")
    return highlight.coloured(text, name.rpartition("/")[2])


def _shown(line: Line | None, colours: list[highlight.Pieces]) -> dict[str, Any] | None:
    if line is None:
        return None
    pieces = colours[line.number - 1] if line.number <= len(colours) else []
    if "".join(part for _, part in pieces) != line.text:
        pieces = [("", line.text)]
    return {"number": line.number, "html": highlight.html(pieces, line.marks)}


def content(asked: Asked) -> Response:
    """Give out a version's content: a picture to be shown, anything to be kept. It runs nothing and reaches nothing."""
    view = asked.library.view(asked.needed("repo"), asked.needed("path"))
    path = view.place.path
    commit = view.history.commit(asked.needed("rev"))
    entry = contents.entry_of(view, commit, path)
    chunks = contents.stream(view.history, path, entry)
    head = next(chunks, b"")
    media = contents.image_type(head)
    is_shown = bool(media) and asked.get("download") != "1"
    name = os.fsdecode(path).rpartition("/")[2]
    headers = {
        "content-security-policy": guard.SANDBOX,
        "content-disposition": f"{'inline' if is_shown else 'attachment'}; filename*=UTF-8''{_quoted(name)}",
        # A version never changes; only this person's browser keeps it.
        "cache-control": "private, max-age=86400, immutable",
    }
    return StreamingResponse(
        _whole(head, chunks), media_type=media if is_shown else "application/octet-stream", headers=headers
    )


def _quoted(name: str) -> str:
    return quote(name.encode("utf-8", "backslashreplace"), safe="")


def _whole(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


PAGES = (Page("/file", show), Page("/content", content))
LINKS: tuple[Link, ...] = ()
