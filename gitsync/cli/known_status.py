"""The status without a daemon, as it was found last, for as long as nothing that it depends on has changed.

Runs on the control command's only thread; owns `status.json` in the state directory, a cache: its loss costs time.
To find a status takes the engine, whose modules alone take several times as long to load as git takes to tell that a
work tree is as it was.
"""

from __future__ import annotations

import contextlib
import os

from gitsync import places
from gitsync.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Json = dict[str, Any]

FILE = "status.json"
GIT_S = 20.0
# States that last until something changes; a pause ends by itself, and what is busy or in error depends on more.
LASTING = ("ok", "pending", "conflict")
# Settings outside of config.toml; each is a file or a directory.
_SETTINGS = (
    "~/.gitconfig",
    "~/.config/git/config",
    "~/.trakk.config",
    "~/.sync-conf",
    "/etc/gitconfig",
    "/etc/gitsync.cfg",
)


def answer(config: str, params: Json, look: Callable[[], Json]) -> Json:
    """Return the status: the last one where it still holds, else what `look` finds."""
    import json

    place = os.path.join(places.state_dir(), FILE)  # noqa: PTH118 - pathlib takes 3 ms to load
    try:
        with open(place, encoding="utf-8") as stream:
            known = json.load(stream)
        roots, facts, last = known["roots"], known["facts"], known["answer"]
        before = _facts(config, params, roots)
        if last is not None and facts == before:
            return dict(last)
    except (OSError, ValueError, KeyError, TypeError):
        roots, before = None, None
    found = look()
    now = [repo["path"] for repo in found["repos"]]
    # A change during the look may be in the answer or not: then it is not kept.
    is_kept = _is_lasting(found) and now == roots and before is not None and before == _facts(config, params, now)
    _write(place, json.dumps({"roots": now, "facts": before if is_kept else "", "answer": found if is_kept else None}))
    return found


def _is_lasting(found: Json) -> bool:
    is_plain = not (found["home"] or found["jobs"] or found["left_out"] or found["deferred"])
    return is_plain and all(repo["state"] in LASTING and not repo["error"] for repo in found["repos"])


def _write(place: str, data: str) -> None:
    """Replace the cache as a whole; without it, the next status takes longer."""
    beside = f"{place}.{os.getpid()}"
    try:
        with open(beside, "w", encoding="utf-8") as stream:
            stream.write(data)
        os.replace(beside, place)  # noqa: PTH105 - the same
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(beside)  # noqa: PTH108 - the same


def _facts(config: str, params: Json, roots: list[str]) -> str:
    """Return everything that the status of these work trees depends on, as a text to compare; raise OSError."""
    with open(config, encoding="utf-8", errors="surrogateescape") as stream:
        parts = [VERSION, repr(sorted(params.items())), config, stream.read(), os.environ.get("SYNC_ENV", "")]
    parts += [repr((name, *_stamps(os.path.expanduser(name)))) for name in _SETTINGS]  # noqa: PTH111 - the same
    parts += [repr(_stamps(os.fspath(places.state_dir()), without=FILE))]
    parts += [part for root in roots for part in _facts_of(root)]
    return "\n".join(parts).encode("utf-8", "backslashreplace").decode("ascii", "backslashreplace")


def _facts_of(root: str) -> Iterator[str]:
    from gitsync.git import program

    listed = program.run("status", "--porcelain", "-z", "--untracked-files=all", root=root, deadline_s=GIT_S)
    refs = program.run("for-each-ref", "--format=%(objectname) %(refname)", root=root, deadline_s=GIT_S)
    if not (listed.ok and refs.ok):
        raise OSError(f"git does not answer in {root}")
    yield repr(listed.stdout)
    yield repr(refs.stdout)
    for field in listed.stdout.split(b"\0"):
        yield repr(_stamp(os.path.join(os.fsencode(root), field[3:])))  # noqa: PTH118 - the same
    git = os.path.join(root, ".git")  # noqa: PTH118 - the same
    yield repr(sorted(os.listdir(git)) if os.path.isdir(git) else _stamp(git))  # noqa: PTH112, PTH208 - the same
    yield repr([_stamp(f"{git}/{name}") for name in ("HEAD", "config", "info/exclude", "info/attributes")])


def _stamps(place: str, without: str = "") -> list[object]:
    """Return the stamp of a file, or of all files below a directory."""
    if not os.path.isdir(place):  # noqa: PTH112 - the same
        return [_stamp(place)]
    found: list[object] = []
    for above, directories, names in os.walk(place):
        directories.sort()
        kept = (name for name in sorted(names) if not name.startswith(without or "\0"))
        found += [(above, name, _stamp(f"{above}/{name}")) for name in kept if not name.endswith((".log", "lock"))]
    return found


def _stamp(place: str | bytes) -> object:
    try:
        found = os.lstat(place)
    except OSError as error:
        return error.errno
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode)
