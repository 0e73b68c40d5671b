"""The versions of a file in conflict, called by machine, and the selection of one of them.

Runs on connection threads and on the committer's; owns nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gitsync.config.options import MIRROR_NAME, RepoConfig
from gitsync.daemon.handlers.context import Json
from gitsync.errors import UsageError
from gitsync.git.changes.resolve import Resolution
from gitsync.git.merging.conflict_view import Conflicted, ConflictSide
from gitsync.mirror.host import machine_name
from gitsync.mirror.metadata import is_mirror_metadata
from gitsync.text import as_word, clean, did_you_mean

NAME, COPY = "name", "copy"


@dataclass(frozen=True, slots=True)
class Version:
    """One version: who made it, and whether it has the file's name or lies beside it (`role`)."""

    side: ConflictSide
    role: str
    machine: str
    is_this: bool


def versions(repo: RepoConfig, item: Conflicted) -> list[Version]:
    """Return the versions of a file in conflict, the one with the name first."""
    copies, named = ([item.theirs], item.ours[:1]) if item.is_waiting else (list(item.ours), (item.theirs,))
    sides = [(side, NAME) for side in named if side is not None] + [(side, COPY) for side in copies if side is not None]
    own = machine_name(repo)
    machines = [side.machine for side, _ in sides]
    # The names say it, unless a commit has none, or two machines have the same one.
    is_said = all(machines) and len(set(machines)) == len(machines) and own in machines and len(machines) > 1
    found = []
    for side, role in sides:
        is_this = side.machine == own if is_said else bool(side.is_here)
        found.append(Version(side, role, side.machine or (own if is_this else ""), is_this))
    return found


def place_of(repo: RepoConfig, path: bytes) -> str:
    """Return the absolute path of a file where its user has it: a mirrored one is in home."""
    is_at_home = repo.name == MIRROR_NAME and not is_mirror_metadata(path)
    return str((Path.home() if is_at_home else repo.path) / os.fsdecode(path))


def described(repo: RepoConfig, item: Conflicted, policy: str) -> Json:
    """Return a file in conflict as a document."""
    return {
        "repo": repo.name,
        "root": str(repo.path),
        "path": os.fsdecode(item.path),
        "place": place_of(repo, item.path),
        "copies": [] if item.is_waiting else [os.fsdecode(version.path) for version in item.ours],
        "is_waiting": item.is_waiting,
        "policy": policy,
        "commit": item.commit,
        "time": item.time,
        "with": item.author,
        "versions": [_document(version) for version in versions(repo, item)],
        "ways": [*ways(repo, item), "--both", "--edit", "--done"],
        "base": item.base,
    }


def _document(version: Version) -> Json:
    side = version.side
    return {
        "path": os.fsdecode(side.path),
        "machine": version.machine,
        "time": side.time,
        "this": version.is_this,
        "role": version.role,
        "blob": side.entry.id,
        "mode": f"{side.entry.mode:06o}",
        "size": side.size,
        "text": side.text,
        "commit": side.commit,
        "author": side.author,
        "message": side.message,
    }


def of_machine(repo: RepoConfig, item: Conflicted, word: str) -> Version:
    """Return the version of the machine `word`; raise UsageError with the names that there are."""
    there = versions(repo, item)
    found = [version for version in there if version.machine.lower() == word.lower()]
    if len(found) == 1:
        return found[0]
    names = sorted({version.machine for version in there if version.machine})
    what = f"{clean(os.fsdecode(item.path))} has no version from {clean(word)}" if not found else (
        f"{clean(os.fsdecode(item.path))} has {len(found)} versions from {clean(word)}"
    )  # fmt: skip
    raise UsageError(
        what,
        did_you_mean(word, names if not found else [], _by_role(repo, item)),
        code="which-version",
    )


def of_this_machine(repo: RepoConfig, item: Conflicted, *, is_wanted: bool) -> tuple[Resolution, bytes]:
    """Return the choice that keeps this machine's version, or (not `is_wanted`) that of the other one.

    Raise UsageError where that is not known.
    """
    if item.is_waiting:  # either side may have deleted the file
        return (Resolution.NAME if is_wanted else Resolution.COPY), b""
    there = versions(repo, item)
    mine = [version for version in there if version.is_this]
    if len(mine) != 1 or len(there) > 2:
        raise UsageError(
            f"{clean(os.fsdecode(item.path))}: it is not known which version is this machine's"
            if len(mine) != 1
            else f"{clean(os.fsdecode(item.path))} has {len(there)} versions",
            _by_role(repo, item),
            code="which-version",
        )
    others = [version for version in there if not version.is_this]
    if is_wanted:
        return choice_of(mine[0])
    # The other side may have removed it.
    return choice_of(others[0]) if others else (Resolution.COPY if mine[0].role == NAME else Resolution.NAME, b"")


def choice_of(version: Version) -> tuple[Resolution, bytes]:
    """Return the choice that keeps a version."""
    if version.role == NAME:
        return Resolution.NAME, b""
    return Resolution.COPY, version.side.path


def ways(repo: RepoConfig, item: Conflicted) -> list[str]:
    """Return the options of `resolve` by which the versions can be chosen."""
    there = versions(repo, item)
    names = [version.machine for version in there]
    found = [f"--keep {as_word(name)}" for name in names if name and names.count(name) == 1]
    if len(found) == len(names) > 1:
        return found
    # A version that was deleted has no machine, and several copies have to be named one by one.
    return ["--name", "--copy"] if len(there) < 3 else [*found, "--name"]


def _by_role(repo: RepoConfig, item: Conflicted) -> str:
    command = f"gitsyncctl resolve {as_word(place_of(repo, item.path))}"
    return "choose one: " + " or ".join(f"{command} {way}" for way in ways(repo, item))
