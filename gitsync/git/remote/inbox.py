"""The inbox of a work tree that gitsync watches: refs to which other machines push what its branch is to take in.

A push to the branch that is checked out is refused by git, because the files would not follow. So a commit is pushed
to refs/gitsync/inbox/COMMIT/BRANCH instead, where nothing ever has to be forced, and the gitsync over there takes it in
like something that it has fetched. The ref refs/gitsync/inbox/open, an empty blob, says that one does. Sending runs on
an exchange thread; the rest on the thread that owns the inbox.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from gitsync.core.message import machine_in
from gitsync.errors import OperationError
from gitsync.git import program
from gitsync.git.remote import fsck
from gitsync.git.remote.errors import failure, problem
from gitsync.git.remote.results import never
from gitsync.git.remote.transport import Call
from gitsync.text import clean

logger = logging.getLogger(__name__)

INBOX = "refs/gitsync/inbox/"
OPEN = f"{INBOX}open"
# Of more than these only the first ones are taken at once.
MOST = 100
LONGEST_NAME = 60
LOCAL_S = 60.0
CHECK_S = 600.0


class Handover(Enum):
    """The result of handing a commit over: given now, waiting there, or removed there since it was given."""

    GIVEN = "given"
    WAITING = "waiting"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Handed:
    """A commit in the inbox, for a branch."""

    ref: str
    commit: str
    branch: str


def hand_over(
    root: Path,
    remote: str,
    branch: str,
    commit: str,
    *,
    timeout_s: float,
    is_cancelled: Callable[[], bool] = never,
    line: str = "",
    was_given: bool = False,
) -> Handover:
    """Push `commit` to the inbox of `remote`, for its `branch`; not again where it `was_given` before.

    Raise OperationError "checked-out" where no gitsync watches over there, else as `transport.push` does.
    """
    call = Call.begin("push", root, remote, branch, timeout_s, is_cancelled, line)
    listed = call.run("ls-remote", "--quiet", "--", remote, f"{INBOX}*")
    if not listed.ok:
        raise failure(call.trouble(listed))
    there = {line.partition("\t")[2] for line in os.fsdecode(listed.stdout).splitlines()}
    if OPEN not in there:
        raise failure(replace(problem(call.subject, "unwatched"), code="checked-out"))
    ref = f"{INBOX}{commit}/{branch}"
    if ref in there:
        return Handover.WAITING
    if was_given:
        return Handover.REMOVED
    done = call.run("push", "--porcelain", "--progress", "--no-recurse-submodules", "--", remote, f"{commit}:{ref}")
    if not done.ok:
        raise failure(call.trouble(done))
    return Handover.GIVEN


def open_inbox(root: Path) -> Path:
    """Let others know that this work tree takes in what is handed over; return the directory of the refs.

    Raise OperationError when the repository cannot be written to.
    """
    directory = _git_directory(root) / INBOX
    if (directory / "open").exists():
        return directory
    if not program.run("rev-parse", "--verify", "--quiet", OPEN, root=root).ok:
        blob = program.read("hash-object", "-w", "-t", "blob", "--stdin", root=root, input=b"").strip()
        program.read("update-ref", "--no-deref", OPEN, blob, root=root)
    # After the refs were packed there is no directory, and nothing that could be watched.
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _git_directory(root: Path) -> Path:
    """Return where the refs of a work tree are, which is elsewhere for a linked one."""
    usual = root / ".git"
    if usual.is_dir():
        return usual
    return Path(os.path.abspath(root / program.read("rev-parse", "--git-common-dir", root=root).rstrip("\n")))


def close_inbox(root: Path) -> None:
    """Take nothing in any more; what was handed over and is not in its branch stays. Failures are passed over."""
    program.run("update-ref", "--no-deref", "-d", OPEN, root=root)
    try:
        left = handed_over(root)
    except OperationError as error:
        logger.debug("%s: cannot look into the inbox: %s", root, error.message)
        return
    for handed in left:
        # It was taken in a moment ago, and who removes it is not coming to that any more.
        if program.run("merge-base", "--is-ancestor", handed.commit, f"refs/heads/{handed.branch}", root=root).ok:
            remove(root, handed)


def handed_over(root: Path) -> list[Handed]:
    """Return what waits in the inbox; refs of another form are passed over. Raise OperationError as git fails."""
    if _is_empty(_git_directory(root)):
        return []
    listed = program.read("for-each-ref", "--format=%(objectname) %(objecttype) %(symref) %(refname)", INBOX, root=root)
    found = []
    for line in listed.splitlines():
        commit, kind, symref, ref = line.split(" ", 3)
        named = re.fullmatch(f"{INBOX}([0-9a-f]{{40,64}})/(.+)", ref)
        if named and named[1] == commit and kind == "commit" and not symref:
            found.append(Handed(ref, commit, named[2]))
    return found[:MOST]


def _is_empty(git_directory: Path) -> bool:
    """Whether the files of refs show that nothing was handed over, so that git need not be started."""
    try:
        packed = git_directory / "packed-refs"
        is_packed = packed.exists() and INBOX.encode() in packed.read_bytes()
        return os.listdir(git_directory / INBOX) == ["open"] and not is_packed
    except OSError:
        return False


def sender(root: Path, commit: str) -> str:
    """Return the machine that a commit names as the one it was made on, for a sentence; "" for none."""
    return clean(machine_in(program.read("log", "-1", "--format=%B", commit, "--", root=root)))[:LONGEST_NAME]


def check(root: Path, commit: str) -> None:
    """Raise OperationError "fsck" when an object of `commit` that HEAD has not is one that a fetch would refuse.

    What is pushed into a repository is checked only where its user has configured that.
    """
    with tempfile.TemporaryDirectory(prefix="gitsync-") as scratch:
        has_head = program.run("rev-parse", "--verify", "--quiet", "HEAD", root=root).ok
        wanted = f"{commit}\n{'^HEAD' if has_head else ''}\n".encode()
        packed = program.run(
            "pack-objects", "--revs", "--quiet", f"{scratch}/inbox", root=root, deadline_s=CHECK_S, input=wanted
        )
        pack = next(Path(scratch).glob("inbox-*.pack"), None)
        if not packed.ok or pack is None:
            raise _refusal(root, commit, packed.errors or "nothing was packed")
        checked = program.run(
            "index-pack", f"--strict={fsck.TAKEN}", "-o", f"{scratch}/checked.idx", str(pack),
            root=root, deadline_s=CHECK_S,
        )  # fmt: skip
        if not checked.ok:
            raise _refusal(root, commit, checked.errors)


def _refusal(root: Path, commit: str, why: str) -> OperationError:
    return OperationError(
        f"{clean(str(root))}: {commit[:7]} was handed over and has an object that git's checks refuse: {clean(why)}",
        f"see what it is: git -C {clean(str(root))} log {commit[:10]}",
        code="fsck",
    )


def remove(root: Path, handed: Handed) -> None:
    """Remove what was taken in from the inbox, unless it is something else by now. Failures are passed over."""
    program.run("update-ref", "--no-deref", "-d", handed.ref, handed.commit, root=root)
