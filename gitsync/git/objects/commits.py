"""Writes commit objects and moves branches: identity, signing, compare-and-swap, read-back. Committer thread."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

import pygit2

from gitsync import clock
from gitsync.errors import OperationError, TransientError
from gitsync.git.flush import flush_cache
from gitsync.git.objects.ref_names import kept
from gitsync.git.objects.sharing import share_ref
from gitsync.git.objects.store import COMMIT, ObjectStore, ObjectWriter, said
from gitsync.git.rules import config
from gitsync.git.rules.identity import Person
from gitsync.model import CommitInfo

_SIGN_S = 60.0
_CRUD = re.compile(r"[\x00-\x1f<>]+")


class TipMovedError(TransientError):
    """Another process moved HEAD, the branch or the index since the batch was started; start it again."""

    code = "tip-moved"


def write_commit(
    store: ObjectStore,
    tree: str,
    parents: list[str],
    message: str,
    author: Person,
    committer: Person,
    wall: float,
    writer: ObjectWriter | None = None,
    *,
    unsynced: set[str] | None = None,
    is_utc: bool = False,
) -> str:
    """Store a commit, signed if `commit.gpgsign` is set, and return its id.

    The objects in `writer`, such as its tree, are stored together with it; `unsynced` is what its `flush` takes. The
    commit time is in this machine's time zone, or in UTC (`is_utc`). Raise OperationError: "signing" with the signer's
    message, disk-full, read-only, io.
    """
    text = message.rstrip("\n").encode("utf-8", "backslashreplace") + b"\n"
    stamp = time_stamp(wall, is_utc=is_utc)
    if _is_signed(store):
        if writer is not None:
            writer.flush()
        return _write_signed(store, tree, parents, text, author, committer, stamp)
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {_line(author)} {stamp}", f"committer {_line(committer)} {stamp}", "", ""]
    commit = (writer or store).write(COMMIT, "\n".join(lines).encode("utf-8", "backslashreplace") + text)
    if writer is not None:
        writer.flush(unsynced)
    store.read(commit)
    return commit


def time_stamp(wall: float, *, is_utc: bool = False) -> str:
    """Return an instant as git's objects and logs have it, in this machine's time zone or in UTC."""
    offset = 0 if is_utc else clock.local_offset_minutes(wall)
    sign = "-" if offset < 0 else "+"
    return f"{int(wall)} {sign}{abs(offset) // 60:02d}{abs(offset) % 60:02d}"


def write_identical_merge(store: ObjectStore, tree: str, parents: Iterable[str]) -> str:
    """Store a merge of commits that all have `tree`, identical on every machine, and return its id.

    Otherwise machines that merge each other's commits would continue to merge each other's merges. Raise
    OperationError.
    """
    tips = [store.repository[parent].peel(pygit2.Commit) for parent in sorted(parents)]
    last = max(tips, key=lambda tip: (tip.commit_time, str(tip.id)))
    name, mail = (raw.decode("utf-8", "replace") for raw in (last.committer.raw_name, last.committer.raw_email))
    who, message = Person(name, mail), "Merge what is the same on both sides"
    return write_commit(store, tree, [str(tip.id) for tip in tips], message, who, who, last.commit_time, is_utc=True)


def lock_of(repository: pygit2.Repository, branch: str) -> str:
    """Return the path of the lock file that a process holds while it moves `branch`."""
    common = os.path.join(repository.path, "commondir")
    shared = repository.path
    if os.path.exists(common):
        with open(common, "rb") as stream:
            shared = os.path.normpath(os.path.join(repository.path, os.fsdecode(stream.read().strip())))
    return os.path.join(shared, f"refs/heads/{branch}.lock")


def move_branch(repository: pygit2.Repository, branch: str, old: str | None, new: str, subject: str) -> None:
    """Move `branch` from `old` (None: it must not exist) to `new`, and verify it.

    Raise TipMovedError when it was elsewhere, TransientError "ref-locked" when another process holds its lock,
    OperationError when it cannot be written.
    """
    name = f"refs/heads/{branch}"
    reason = f"gitsync: {subject}"
    what = f"cannot move the branch {branch} of {repository.workdir}"
    try:
        if old is None:
            repository.create_reference_direct(name, new, False, message=reason)
        else:
            reference = repository.lookup_reference(kept(name))
            if str(reference.raw_target) != old:
                raise TipMovedError(f"{what}: it has moved meanwhile", "gitsync will try again by itself")
            # Compares with the value that was looked up just now, and fails if it has changed since.
            reference.set_target(new, reason)
    except (pygit2.AlreadyExistsError, KeyError) as error:
        raise TipMovedError(f"{what}: it has moved meanwhile", "gitsync will try again by itself") from error
    except (pygit2.GitError, ValueError, OSError) as error:
        words = str(error)
        if "old reference value does not match" in words:
            raise TipMovedError(f"{what}: it has moved meanwhile", "gitsync will try again by itself") from error
        if "lock" in words:
            hint = f"if no git process is running there: rm {shlex.quote(lock_of(repository, branch))}"
            raise TransientError(f"{what}: {words}", hint, code="ref-locked") from error
        raise said(what, error) from error
    flush_cache(lock_of(repository, branch).removesuffix(".lock"))
    share_ref(repository.workdir, repository.path, name)
    if tip_of(repository, branch) != new:
        raise TransientError(f"{what}: it was not there afterwards", code="ref-lost")


def tip_of(repository: pygit2.Repository, branch: str) -> str | None:
    """Return the commit of a local branch, None for an unborn one."""
    try:
        return str(repository.lookup_reference(kept(f"refs/heads/{branch}")).resolve().target)
    except KeyError:
        return None


def info_of(repository: pygit2.Repository, commit_id: str) -> CommitInfo:
    """Return a commit in the form that is shown to people."""
    commit = repository[commit_id].peel(pygit2.Commit)
    subject = commit.raw_message.decode("utf-8", "replace").strip().partition("\n")[0]
    return CommitInfo(commit_id, clock.iso(commit.commit_time), subject)


def _write_signed(
    store: ObjectStore, tree: str, parents: list[str], text: bytes, author: Person, committer: Person, stamp: str
) -> str:
    environment = {
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.mail,
        "GIT_AUTHOR_DATE": f"@{stamp}",
        "GIT_COMMITTER_NAME": committer.name,
        "GIT_COMMITTER_EMAIL": committer.mail,
        "GIT_COMMITTER_DATE": f"@{stamp}",
    }
    ancestry = [part for parent in parents for part in ("-p", parent)]
    what = f"cannot sign a commit in {store.program.root}"
    hint = f"try to commit by hand, or turn signing off there: git -C {shlex.quote(store.program.root)} "
    hint += "config commit.gpgsign false"
    argv = ("commit-tree", tree, *ancestry, "-S", "-F", "-")
    try:
        done = store.patience.run(
            "the program that signs",
            lambda is_cancelled: store.program.run(
                *argv, input=text, env=environment, deadline_s=_SIGN_S, is_cancelled=is_cancelled
            ),
        )
    except OperationError as error:
        raise OperationError(f"{what}: {error.message}", hint, code="signing") from error
    if not done.ok:
        words = "; ".join(done.errors.splitlines()) or "no reason given"
        raise OperationError(f"{what}: {words}", hint, code="signing")
    commit = done.stdout.decode("ascii").strip()
    store.read(commit)
    return commit


def _is_signed(store: ObjectStore) -> bool:
    return config.read(Path(store.program.root)).is_true("commit.gpgsign")


def _line(person: Person) -> str:
    name, mail = (_CRUD.sub(" ", part).strip() for part in (person.name, person.mail))
    return f"{name} <{mail}>"
