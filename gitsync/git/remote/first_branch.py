"""The branch that a new repository begins on: the remote's, so that two machines never found two histories.

Any thread; owns nothing. `git ls-remote --symref` says which branch HEAD names where there is a commit; of an empty
repository only `git clone` learns it (protocol version 2).
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gitsync.git import program
from gitsync.git.remote import noninteractive_env
from gitsync.git.remote.errors import Subject, failure, from_output
from gitsync.git.remote.upstream import HEADS, url_of

ASK_S = 30.0
# The name of a first branch where nothing else says one.
OWN_BRANCH = "main"


@dataclass(frozen=True, slots=True)
class RemoteHead:
    """The branches of a remote: the one that its HEAD names ("" where it does not say), and all of them."""

    branch: str
    branches: tuple[str, ...]

    @property
    def first(self) -> str:
        """Return the branch to begin on: the remote's HEAD, else its only branch, else "" for one's own."""
        if self.branch and (self.branch in self.branches or not self.branches):
            return self.branch
        return self.branches[0] if len(self.branches) == 1 else ""


def remote_head(root: Path, remote: str) -> RemoteHead:
    """Ask `remote`, a name or a URL, from the repository at `root`; raises what a fetch raises."""
    environment = noninteractive_env.environment(root, ASK_S)
    done = program.run(
        "ls-remote", "--quiet", "--symref", "--", remote, "HEAD", f"{HEADS}*",
        root=root, deadline_s=ASK_S, env=environment,
    )  # fmt: skip
    if not done.ok:
        subject = Subject("fetch", str(root), remote, url=url_of(root, remote))
        raise failure(from_output(subject, done.stderr))
    head, names = "", []
    for line in os.fsdecode(done.stdout).splitlines():
        value, _, name = line.partition("\t")
        if value.startswith(f"ref: {HEADS}") and name == "HEAD":
            head = value.removeprefix(f"ref: {HEADS}")
        elif name.startswith(HEADS):
            names.append(name.removeprefix(HEADS))
    if not names and not head:
        head = _unborn_head(root, url_of(root, remote) or remote)
    return RemoteHead(head, tuple(names))


def begin_on_the_remotes_branch(root: Path, remote: str) -> str:
    """Let an unborn HEAD name the branch that the remote's HEAD names; return that branch, "" for no change.

    The remote is asked in any case. Raise OperationError or TransientError when it cannot be.
    """
    found = remote_head(root, remote)
    if program.run("rev-parse", "--verify", "--quiet", "HEAD", root=root).ok:
        return ""
    if found.first:
        program.read("symbolic-ref", "HEAD", HEADS + found.first, root=root)
    return found.first


def begin_clone(root: Path) -> bool:
    """Let HEAD of a fresh clone name a branch that the remote has, where the remote's HEAD names none; return whether.

    git leaves such a clone on the branch that does not exist. It is put on the remote's only branch, else on one of
    this machine's own name. Nothing is checked out. Raise OperationError or TransientError as git fails.
    """
    if program.run("rev-parse", "--verify", "--quiet", "HEAD", root=root).ok:
        return False
    found = remote_head(root, "origin")
    if not found.branches:
        return False  # it is empty, and git has taken its HEAD
    was = program.read("symbolic-ref", "--short", "HEAD", root=root).strip()
    branch = found.first or default_branch(root)
    if branch != was:
        # The clone follows what is not there; a failure means that it does not.
        program.run("config", "--remove-section", f"branch.{was}", root=root)
    if branch in found.branches:
        program.read("branch", "--quiet", "--track", branch, f"origin/{branch}", root=root)
    program.read("symbolic-ref", "HEAD", HEADS + branch, root=root)
    return branch in found.branches


def default_branch(root: Path) -> str:
    """Return the branch that git begins new repositories with here, as it is configured for `root`."""
    return os.fsdecode(program.run("config", "init.defaultBranch", root=root).stdout).strip() or OWN_BRANCH


def _unborn_head(root: Path, url: str) -> str:
    """Return the branch that the HEAD of an empty repository names, "" where the server does not say."""
    with tempfile.TemporaryDirectory(prefix="gitsync-") as scratch:
        place = os.path.join(scratch, "clone.git")
        # A name that no server has: what comes out is the server's, or nothing.
        settings = ("protocol.version=2", "init.defaultBranch=gitsync-unknown")
        done = program.run(
            "clone", "--quiet", "--bare", "--", url, place,
            deadline_s=ASK_S, settings=settings, env=noninteractive_env.environment(root, ASK_S),
        )  # fmt: skip
        if not done.ok:
            return ""
        named = program.read("symbolic-ref", "--short", "HEAD", root=place).strip()
        return "" if named == "gitsync-unknown" else named
