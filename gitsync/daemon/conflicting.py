"""Which file in conflict a person means, and which there are.

Runs on connection threads with a handle of its own, opened and closed here, or on the committer thread with its.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitsync.config.options import RepoConfig
from gitsync.core.conflict import Rules
from gitsync.core.names import as_word, shown
from gitsync.daemon.desk import Desk, real
from gitsync.engine.copies import KeptCopies
from gitsync.errors import UsageError
from gitsync.git.conflicted import KeptCopy
from gitsync.git.reading import Mergeable, Readable, Reading, head_tree
from gitsync.git.settling import not_in_conflict
from gitsync.git.trouble import TROUBLE, as_error
from gitsync.git.waiting import left, open_paths, waiting, with_choices


@contextmanager
def reading(desk: Desk, repo: RepoConfig) -> Iterator[Reading]:
    """Give a handle for looking; trouble with it is raised as an OperationError that names the repository."""
    try:
        with Reading(repo.path, desk.runtime.notes_dir(repo)) as place:
            yield place
    except TROUBLE as trouble:
        raise as_error(repo.name, trouble) from trouble


def rules_of(repo: RepoConfig) -> Rules:
    """Return what is configured for conflicts of a repository."""
    return Rules.of(repo.conflict, repo.conflict_paths)


def waiting_in(repo: RepoConfig, place: Mergeable, *, is_all: bool = False) -> tuple[str | None, tuple[bytes, ...]]:
    """Return the commit that waits to be merged, None for none, and what a person has to settle for it.

    With `is_all` that is also what was settled already and can be settled otherwise.
    """
    held = waiting(place)
    if held is None:
        return None, ()
    rules = rules_of(repo)
    found = open_paths(place, held, rules) if is_all else left(place, held, with_choices(place, rules, held.theirs))
    return held.theirs, found


def copies_in(desk: Desk, repo: RepoConfig, place: Readable) -> tuple[KeptCopy, ...]:
    """Return the kept copies in HEAD; raise what `kept_copies` raises."""
    return KeptCopies(desk.runtime.notes_dir(repo)).find(place, head_tree(place)[1])


def place_of(desk: Desk, word: str, name: str | None) -> tuple[RepoConfig, bytes]:
    """Return the repository and the path in it that `word` means: absolute, or as a conflict is listed.

    Raise UsageError when there is none, or more than one.
    """
    if word.startswith("/"):
        return _absolute_place(desk, word, name)
    path = os.fsencode(word)
    repos = desk.chosen([name] if name is not None else [])
    holding: list[RepoConfig] = []
    known: set[bytes] = set()
    for repo in repos:
        found = _names(desk, repo)
        known |= found.keys()
        if any(path in each for each in found.values()):
            holding.append(repo)
    if len(holding) == 1:
        return holding[0], path
    if holding:
        names = ", ".join(repo.name for repo in holding)
        raise UsageError(f"{shown(path)} is in conflict in several repositories: {names}", "say which: --repo NAME")
    raise not_in_conflict(name or "the watched repositories", path, known)


def _absolute_place(desk: Desk, word: str, name: str | None) -> tuple[RepoConfig, bytes]:
    for repo in desk.config.repos if name is None else [desk.one(name)]:
        # As it is listed: where a link stands on the way, the other side has a directory.
        below = _below(word, repo)
        if below and any(below in each for each in _names(desk, repo).values()):
            return repo, below
    # The name itself is not followed: a link in conflict is meant, not what it leads to.
    parent, _, last = word.rstrip("/").rpartition("/")
    at = real(parent or "/") / last
    itself = next((repo.name for repo in desk.config.repos if real(repo.path) == at), "")
    if itself:
        raise UsageError(f"{word} is the repository itself", f"name a file of: gitsyncctl conflicts {as_word(itself)}")
    try:
        repo = desk.one(str(at.parent))
    except UsageError as error:
        raise UsageError(f"no watched repository holds {word}", "gitsyncctl list names them") from error
    root = real(repo.path)
    if name is not None and desk.one(name) != repo:
        raise UsageError(f"{word} is not in the repository {name}", f"it is in {repo.name}")
    if not at.is_relative_to(root):  # a mirrored file, by the name it has at home
        root = real(Path.home())
    return repo, os.fsencode(at.relative_to(root))


def _below(word: str, repo: RepoConfig) -> bytes:
    """Return what `word` says after the repository's directory, b"" when it does not begin with that."""
    roots = [f"{root}/" for root in (repo.path, real(repo.path)) if word.startswith(f"{root}/")]
    return os.fsencode(word.removeprefix(roots[0])) if roots else b""


def _names(desk: Desk, repo: RepoConfig) -> dict[bytes, set[bytes]]:
    """Return the files of a repository that are in conflict, each with the names by which it can be settled."""
    with reading(desk, repo) as place:
        copies, waits = copies_in(desk, repo, place), waiting_in(repo, place, is_all=True)[1]
    names = {path: {path} for path in waits}
    for copy in copies:
        names.setdefault(copy.original, {copy.original}).add(copy.path)
    return names
