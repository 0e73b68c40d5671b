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
# Marks the mirror of home files among the work trees.
MIRROR = "home:"
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

    place = f"{places.state_address()}/{FILE}"
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
    places.state_dir()  # where there was none, there is one now
    now = _roots(found)
    # A change during the look may be in the answer or not: then it is not kept.
    is_kept = _is_lasting(found) and now == roots and before is not None and before == _facts(config, params, now)
    _write(place, json.dumps({"roots": now, "facts": before if is_kept else "", "answer": found if is_kept else None}))
    return found


def _roots(found: Json) -> list[str]:
    """Return the work trees that a status is of; that of the mirror is marked."""
    home = found["home"]
    return [repo["path"] for repo in found["repos"]] + ([f"{MIRROR}{home['repo']}"] if home else [])


def _is_lasting(found: Json) -> bool:
    repos = [*found["repos"], *([found["home"]] if found["home"] else [])]
    # Without a daemon the status of a job is what its last run left in the state directory, and a pause ends by itself.
    is_job_lasting = all(job["state"] != "paused" for job in found["jobs"])
    is_plain = is_job_lasting and not (found["left_out"] or found["deferred"])
    return is_plain and all(repo["state"] in LASTING and not repo["error"] for repo in repos)


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
    parts += [repr(_stamps(places.state_address(), without=FILE))]
    for root in roots:
        parts += _facts_of(root.removeprefix(MIRROR))
        parts += _home_facts(root.removeprefix(MIRROR)) if root.startswith(MIRROR) else ()
    return "\n".join(parts).encode("utf-8", "backslashreplace").decode("ascii", "backslashreplace")


def _facts_of(root: str) -> Iterator[str]:
    git = f"{root}/.git"
    listed = _asked(root, "status", "--porcelain", "-z", "--untracked-files=all")
    yield repr(listed)
    for field in listed.split(b"\0"):
        yield repr(_stamp(b"%b/%b" % (os.fsencode(root), field[3:])))
    if not os.path.isdir(git):  # noqa: PTH112 - pathlib takes 3 ms to load
        # A linked work tree: its refs are elsewhere.
        yield repr((_stamp(git), _asked(root, "for-each-ref", "--format=%(objectname) %(refname)")))
        return
    yield repr(sorted(os.listdir(git)))  # noqa: PTH208 - the same
    yield repr([_stamp(f"{git}/{name}") for name in ("HEAD", "config", "info/exclude", "info/attributes")])
    yield repr((_stamp(f"{git}/packed-refs"), _stamps(f"{git}/refs")))


def _home_facts(mirror: str) -> Iterator[str]:
    """Return what the status of home files depends on beside the mirror's repository; raise OSError where unknown."""
    home = os.path.expanduser("~")  # noqa: PTH111 - the same
    yield repr((home, os.uname().nodename))
    with open(f"{mirror}/.gitsync-manifest", encoding="utf-8", errors="surrogateescape") as stream:
        lines = stream.read().splitlines()
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind == "track" and "\\" not in line:
            path = rest.partition(" ")[2].rstrip("/")
            yield repr([(_stamp(f"{top}/{path}"), _stamps(f"{top}/{path}")) for top in (home, mirror)])
        elif kind == "track" or not line.startswith(("#", "gone ", "mode ")):
            raise OSError(f"{line!r} is not compared")  # a name that is written with escapes


def _asked(root: str, *argv: str) -> bytes:
    """Return the output of git; raise OSError when it fails. A plain child: it only reads, and ends by itself."""
    from gitsync import proc
    from gitsync.git.program import ASK_NOBODY

    command = ["git", "-C", root, *argv]
    try:
        return b"".join(proc.stream(command, deadline_s=GIT_S, env=ASK_NOBODY))
    except (ChildProcessError, TimeoutError) as error:
        raise OSError(f"git does not answer in {root}") from error


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
