"""Watch a directory that is chosen on the page, or stop watching one."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.responses import Response

from gitsync import text
from gitsync.errors import OperationError
from gitsync.web.notes import Note
from gitsync.web.page import POST, Asked, Link, Page, address
from gitsync.web.states import Json

MOST = 400


def choose(asked: Asked) -> Response:
    """Show the directories below one, to choose from."""
    here = Path(os.path.normpath(Path.home() / (asked.get("dir") or ".")))
    watched = {repo["path"]: repo["name"] for repo in asked.gateway.ask("list")["repos"]}
    found = _directories(here)
    return asked.render(
        "watch.html",
        place=str(here),
        shown=text.tilde(str(here)),
        above=str(here.parent) if here != here.parent else "",
        directories=[
            {"path": str(here / name), "name": name, "watched": watched.get(str(here / name), "")}
            for name in found[:MOST]
        ],
        is_repository=(here / ".git").exists(),
        watched=watched.get(str(here), ""),
    )


def watch(asked: Asked) -> Response:
    """Begin to watch a directory."""
    path = asked.needed("path")
    given = {"remote": asked.get("remote"), "name": asked.get("name")}
    options = {key: value for key, value in given.items() if value}
    answer = asked.gateway.ask("watch", path=path, init=asked.get("init") == "1", **options)
    note = f"{answer['name']} is watched: {text.tilde(str(answer['path']))}"
    return asked.leave("/", Note(note, hint="What is in it is committed now; Pause stops that."))


def unwatch(asked: Asked) -> Response:
    """Stop watching one."""
    name = asked.needed("name")
    asked.gateway.ask("unwatch", name=name)
    return asked.leave(address("/settings"), Note(f"{name} is not watched any more; nothing was deleted"))


def _directories(here: Path) -> list[str]:
    """Return the names of the directories in one, those that begin with a dot last."""
    try:
        with os.scandir(here) as entries:
            names = [entry.name for entry in entries if entry.name != ".git" and entry.is_dir()]
    except OSError as error:
        raise OperationError(f"{text.clean(str(here))}: {error.strerror}", "choose another directory") from error
    return sorted(names, key=lambda name: (name.startswith("."), name.lower()))


def home(asked: Asked) -> Response:
    """Show a directory of home, with what is tracked in it."""
    inside = asked.get("dir")
    root = Path.home()
    here = Path(os.path.normpath(root / (inside or ".")))
    if not here.is_relative_to(root):
        raise OperationError(f"{text.clean(str(here))} is not in your home directory", code="outside")
    listed = asked.gateway.ask("list")["home"]
    tracked = {str(item["path"]).rstrip("/") for item in listed or ()}
    try:
        with os.scandir(here) as found:
            entries = sorted(found, key=lambda entry: entry.name.lower())
            rows = [_row(entry, root, tracked) for entry in entries if entry.name != ".git"]
    except OSError as error:
        raise OperationError(f"{text.clean(str(here))}: {error.strerror}", "choose another directory") from error
    return asked.render(
        "home.html",
        inside=str(here.relative_to(root)) if here != root else "",
        rows=rows[: MOST * 2],
        has_mirror=asked.gateway.ask("status")["home"] is not None,
        tracked=sorted(tracked),
    )


def track(asked: Asked) -> Response:
    """Track a file or directory of home, making the mirror where there is none yet; or stop tracking it."""
    path, is_wanted = asked.needed("path"), asked.get("track") == "1"
    where = str(Path.home() / path)
    if is_wanted and asked.gateway.ask("status")["home"] is None:
        asked.gateway.ask("init")
    asked.gateway.ask("add" if is_wanted else "remove", paths=[where])
    done = f"~/{path} is tracked" if is_wanted else f"~/{path} is not tracked any more; the file and its history stay"
    return asked.leave(address("/home", dir=path.rpartition("/")[0]), Note(done))


def _row(entry: os.DirEntry[str], root: Path, tracked: set[str]) -> Json:
    path = str(Path(entry.path).relative_to(root))
    above = [path[:at] for at, letter in enumerate(path) if letter == "/"]
    return {
        "name": entry.name,
        "path": path,
        "is_directory": entry.is_dir(follow_symlinks=False),
        "is_tracked": path in tracked,
        "by": next((each for each in above if each in tracked), ""),
    }


PAGES = (
    Page("/watch", choose),
    Page("/watch", watch, POST),
    Page("/unwatch", unwatch, POST),
    Page("/home", home),
    Page("/home", track, POST),
)
LINKS: tuple[Link, ...] = ()
