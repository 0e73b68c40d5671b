"""The words of a repository's history for completion: deleted paths, versions of a file, paths behind a NAME:.

Runs on the control command's only thread, at each Tab. Owns nothing; git is asked with a deadline, and where it does
not answer there is less to choose from.
"""

from __future__ import annotations

import os

from gitsync.text import tilde

GIT_S = 2.0
VERSIONS = 20
# Commits that are searched for deletions, and how many deleted paths are offered.
SEARCHED = 500
DELETED = 100


class Place:
    """A watched repository: `root` is where the user has its files, `work_tree` where git is asked."""

    __slots__ = ("name", "root", "work_tree")

    def __init__(self, name: str, root: str, work_tree: str = "") -> None:
        self.name = name
        self.root = os.path.realpath(root)
        self.work_tree = work_tree or root


def git(where: str, *argv: str) -> str:
    """Return what git prints in the directory `where`, "" when it fails."""
    from gitsync.errors import OperationError
    from gitsync.git import program

    try:
        done = program.run(*argv, root=where, deadline_s=GIT_S)
    except (OSError, OperationError):
        return ""
    return os.fsdecode(done.stdout) if done.ok else ""


def named(places: list[Place], current: str) -> dict[str, str]:
    """Return the words behind "NAME:", files and deleted ones; for a word without a colon the names with one."""
    name, colon, begun = current.partition(":")
    if not colon:
        return {f"{place.name}:": tilde(place.root) for place in places}
    place = next((place for place in places if place.name.casefold() == name.casefold()), None)
    if place is None:
        return {}
    above = begun.rpartition("/")[0]
    below = f"{above}/" if above else ""
    listed = git(place.work_tree, "ls-tree", "-z", "--full-tree", "HEAD", *([below] if below else []))
    words = {}
    for entry in listed.split("\0"):
        kind, _, path = entry.partition("\t")
        if path:
            words[f"{name}:{path}{'/' if ' tree ' in kind else ''}"] = ""
    return words | {f"{name}:{path}": "deleted" for path in _deleted(place, above)}


def deleted(places: list[Place], current: str) -> dict[str, str]:
    """Return the deleted paths below the directory of a word, written as that word is."""
    typed = current[: current.rfind("/") + 1]
    place, above = _located(places, typed or ".")
    if place is None:
        return {}
    cut = len(above) + 1 if above else 0
    return {typed + path[cut:]: "deleted" for path in _deleted(place, above)}


def versions(places: list[Place], operand: str) -> dict[str, str]:
    """Return the commits that have a version of what a word names, newest first, each with its date."""
    place, path = _located(places, operand)
    name, colon, below = operand.partition(":")
    if colon and not os.path.lexists(operand):
        place, path = next((each for each in places if each.name.casefold() == name.casefold()), None), below
    if place is None or not path:
        return {}
    is_directory = os.path.isdir(os.path.join(place.root, path))  # noqa: PTH112, PTH118 - pathlib takes 3 ms to load
    follow = [] if is_directory else ["--follow"]
    told = git(
        place.work_tree,
        "log",
        *follow,
        f"--max-count={VERSIONS}",
        "--date=format-local:%Y-%m-%d %H:%M",
        "--format=%h%x09%cd  %s",
        "--",
        path,
    )
    return dict(line.partition("\t")[::2] for line in told.splitlines())


def _located(places: list[Place], word: str) -> tuple[Place | None, str]:
    """Return the repository that a path is in, and the path in it, "" for its root."""
    above, last = os.path.split(os.path.abspath(os.path.expanduser(word)))  # noqa: PTH100, PTH111 - the same
    path = os.path.join(os.path.realpath(above), last) if last not in ("", ".") else os.path.realpath(above)  # noqa: PTH118
    holding = [place for place in places if path == place.root or path.startswith(place.root.rstrip("/") + "/")]
    if not holding:
        return None, ""
    place = max(holding, key=lambda each: len(each.root))
    below = os.path.relpath(path, place.root)
    return place, "" if below == "." else below


def _deleted(place: Place, above: str) -> list[str]:
    told = git(
        place.work_tree,
        "log",
        f"--max-count={SEARCHED}",
        "--diff-filter=D",
        "-M",
        "--name-only",
        "-z",
        "--format=",
        "HEAD",
        "--",
        f":(literal,top){above}" if above else ":(top)",
    )
    found = dict.fromkeys(path for path in told.split("\0") if path)
    gone = [path for path in found if not os.path.lexists(os.path.join(place.root, path))]  # noqa: PTH118 - the same
    return gone[:DELETED]
