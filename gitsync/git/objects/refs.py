"""Backup refs, and how commits are related.

Runs on the committer thread, with its Repository. A backup ref is written before history or work tree changes, so that
`undo` can go back: one ref to the commit before and, if a change has an outcome, another ref of the same name to the
commit that resulted. Old backup refs are removed here and nowhere else.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pygit2

from gitsync import clock
from gitsync.errors import OperationError
from gitsync.git.objects import ref_ages
from gitsync.git.objects.ref_names import kept
from gitsync.git.objects.sharing import share_ref
from gitsync.git.objects.store import common_dir, said
from gitsync.text import clean

BACKUPS = "refs/gitsync/backup/"
OUTCOMES = "refs/gitsync/outcome/"
KEEP_NEWEST = 100
# How long to wait for a lock: a git process that packs refs holds each one briefly (seconds).
_LOCKED_S = 10.0
_BACKUP = re.compile(re.escape(BACKUPS) + r"(?P<at>\d{8}T\d{6}Z)-(?P<reason>[a-z0-9-]+?)(?:\.(?P<count>\d+))?")


class HasRepository(Protocol):
    """Anything with an open Repository, such as a Worktree."""

    @property
    def repo(self) -> pygit2.Repository:
        """Return the open pygit2 repository."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup ref: where the branch was at `at` (seconds since the epoch), before `reason`.

    `outcome` is the commit that `reason` was meant to result in; the branch's history shows whether it did.
    """

    ref: str
    commit: str
    at: float
    reason: str
    count: int = 0
    outcome: str | None = None


def backup(
    repo: pygit2.Repository,
    reason: str,
    *,
    commit: str | None = None,
    outcome: str | None = None,
    wall: float | None = None,
) -> str | None:
    """Write a backup ref to `commit`, default HEAD, and return its name; None on an unborn branch.

    `reason` becomes part of the name. If a ref of the same second to another commit, or its lock, exists, a number is
    appended.
    `outcome` is the commit that the change about to start is meant to result in.
    """
    target = commit or head_commit(repo)
    if target is None:
        return None
    stamp = re.sub(r"[-:]", "", clock.iso(clock.SystemClock().wall() if wall is None else wall)[:19]) + "Z"
    name = f"{BACKUPS}{stamp}-{re.sub(r'[^a-z0-9]+', '-', reason.lower()).strip('-') or 'change'}"
    for count in range(1000):
        ref = name if count == 0 else f"{name}.{count}"
        if _is_locked(repo, ref):
            continue  # by a process that was killed in this very second
        if (found := repo.references.get(kept(ref))) is not None:
            if str(found.target) != target or _outcome(repo, ref) not in (None, outcome):
                continue
        else:
            _write(repo, ref, target)
        if outcome is not None:
            _write(repo, ref.replace(BACKUPS, OUTCOMES, 1), outcome)
        return ref
    raise OperationError(f"{clean(repo.path)}: a thousand backup refs named {name} exist", code="ref-not-stored")


def _is_locked(repo: pygit2.Repository, ref: str) -> bool:
    top = Path(common_dir(repo.path.rstrip("/")))
    return any((top / f"{each}.lock").exists() for each in (ref, ref.replace(BACKUPS, OUTCOMES, 1)))


def _write(repo: pygit2.Repository, ref: str, target: str) -> None:
    try:
        repo.references.create(ref, target, True)
    except (pygit2.GitError, ValueError, OSError) as error:
        raise said(f"cannot write a backup ref in {clean(repo.path)}", error) from error
    share_ref(repo.workdir or repo.path, repo.path, ref)
    if (written := repo.references.get(kept(ref))) is None or str(written.target) != target:
        raise OperationError(
            f"{clean(repo.path)}: the backup ref was not stored", f"df -h {clean(repo.path)}", code="ref-not-stored"
        )


def _outcome(repo: pygit2.Repository, ref: str) -> str | None:
    found = repo.references.get(kept(ref.replace(BACKUPS, OUTCOMES, 1)))
    return None if found is None else str(found.target)


def backups(repo: pygit2.Repository) -> list[Backup]:
    """Return the backup refs, newest first; other refs are ignored."""
    found = []
    for ref in repo.references.iterator():
        if matched := _BACKUP.fullmatch(ref.name):
            at = clock.parse_iso(matched["at"])
            count = int(matched["count"] or 0)
            found.append(Backup(ref.name, str(ref.target), at, matched["reason"], count, _outcome(repo, ref.name)))
    return sorted(found, key=lambda item: (item.at, item.count), reverse=True)


def expire(repo: pygit2.Repository, repo_state_dir: Path, *, wall: float | None = None) -> list[str]:
    """Remove old backup refs and return their names.

    Those that are 90 days old, as `ref_ages` counts them, are removed. Of the rest the newest 100 stay; one beyond them
    is removed only when its commit is in HEAD's history: after the user rewrote history, it may be the only ref that
    holds a version.
    """
    sweep_locks(repo, "refs/gitsync")
    today = clock.iso(clock.SystemClock().wall() if wall is None else wall)[:10]
    head = head_commit(repo)
    items = {item.ref: item for item in reversed(backups(repo))}
    ages = ref_ages.observe(repo_state_dir, items, today)
    gone = []
    for place, ref in enumerate(reversed(ages)):
        item = items[ref]
        is_old = ages[ref] >= ref_ages.KEEP_DAYS
        if is_old or (place >= KEEP_NEWEST and head is not None and is_ancestor(repo, item.commit, head)):
            if item.outcome is not None:
                repo.references.delete(kept(item.ref.replace(BACKUPS, OUTCOMES, 1)))
            repo.references.delete(kept(item.ref))
            gone.append(item.ref)
    return gone


def sweep_locks(repo: pygit2.Repository, below: str) -> None:
    """Remove locks of refs below `below` (a part of refs/gitsync) that a killed gitsync process left.

    Only gitsync changes refs there.
    """
    now = clock.SystemClock().wall()
    for lock in Path(common_dir(repo.path.rstrip("/")), below).glob("**/*.lock"):
        with suppress(FileNotFoundError):
            if now - lock.lstat().st_mtime > _LOCKED_S:
                lock.unlink()


def head_commit(repo: pygit2.Repository) -> str | None:
    """Return the commit of HEAD, None on an unborn branch."""
    return None if repo.head_is_unborn else str(repo.head.target)


def commit_at(worktree: HasRepository, ref: str) -> str | None:
    """Return the commit that a full ref name points to, None when there is no such ref."""
    found = worktree.repo.references.get(kept(ref))
    return None if found is None else str(found.target)


def commit_in(root: Path, ref: str) -> str | None:
    """Return the commit that a full ref name is at, as `commit_at` does; any thread, with a handle of its own."""
    found = pygit2.Repository(str(root)).references.get(kept(ref))
    return None if found is None else str(found.resolve().target)


def is_ancestor(repo: pygit2.Repository, older: str, newer: str) -> bool:
    """Return whether `older` is `newer` or an ancestor of it; False when either is not in this repository."""
    if older == newer:
        return True
    return older in repo and newer in repo and bool(repo.descendant_of(newer, older))


def brings_back(repo: pygit2.Repository, previous: str | None, upstream: str, head: str) -> bool:
    """Whether pushing `head` would restore commits that were at the remote (`previous`) and were removed there."""
    if previous is None or previous == upstream:
        return False
    return not is_ancestor(repo, previous, upstream) and is_ancestor(repo, previous, head)


def has_lost(root: Path, previous: str | None, upstream: str, head: str) -> bool:
    """Whether the remote was reset to an older commit of `head`; runs on any thread, with its own handle."""
    repo = pygit2.Repository(str(root))
    return is_ancestor(repo, upstream, head) and brings_back(repo, previous, upstream, head)


def ahead_behind(worktree: HasRepository, upstream: str | None) -> tuple[int, int]:
    """Return how many commits HEAD has that `upstream` lacks, and the reverse; None has no commits."""
    repo = worktree.repo
    local = head_commit(repo)
    if local == upstream:
        return 0, 0
    if local is None or upstream is None:
        known = local or upstream
        count = sum(1 for _ in repo.walk(known)) if known else 0
        return (count, 0) if local else (0, count)
    ahead, behind = repo.ahead_behind(local, upstream)
    return ahead, behind
