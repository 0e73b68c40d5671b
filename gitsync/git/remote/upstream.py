"""Which remote and branch a local branch is exchanged with, read from git's configuration and, once, written to it.

Any thread.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gitsync.errors import OperationError
from gitsync.git import program
from gitsync.git.remote.results import RemoteChoice, is_url, tracking_ref
from gitsync.git.rules.config import CONFIG_DEADLINE_S, GitConfig, read
from gitsync.text import clean

HEADS = "refs/heads/"
# The part of a URL before the host.
_WAY = re.compile(r"^(?:[a-z][a-z0-9+.-]*://)?(?:[^/@]*@)?", re.IGNORECASE)

__all__ = ["RemoteChoice", "read_config", "remote_for", "set_upstream", "url_of"]

# Each takes a few milliseconds, and so does what is waited for.
TRIES = 50


def read_config(root: Path) -> Mapping[str, str]:
    """Return the repository's effective configuration; a key that is given several times has its last value.

    Section and name are lower case, the part between them as written. Raise OperationError when it cannot be read.
    """
    return read(root).last


def remote_for(root: Path, configured: str | None, branch: str) -> RemoteChoice | None:
    """Return where `branch` (a local branch's short name) is exchanged, or None when it stays on this machine.

    `configured` is the `remote` option: "" means local only, a name or URL is taken as it is, None means the branch's
    upstream, else the remote that git pushes to, else origin where there is one. The branch over there is the
    upstream's when the remote is the upstream's, else it has the same name. Raise OperationError when git's
    configuration cannot be read.
    """
    if configured == "":
        return None
    config = read(root)
    remote, merge = config.get(f"branch.{branch}.remote"), config.get(f"branch.{branch}.merge")
    if remote == ".":  # follows another local branch: nothing to exchange there
        remote = merge = ""
    pushed = config.get(f"branch.{branch}.pushremote") or config.get("remote.pushdefault")
    chosen = configured or (remote if merge else pushed or remote) or default_remote(config)
    if not chosen:
        return None
    has_upstream = chosen == remote and merge.startswith(HEADS)
    there = merge.removeprefix(HEADS) if has_upstream else branch
    return RemoteChoice(chosen, there, tracking_ref(chosen, there), has_upstream)


def default_remote(config: GitConfig) -> str:
    """Return the remote that git takes where nothing names one: origin, "" where there is none."""
    return "origin" if any(key in config.values for key in ("remote.origin.url", "remote.origin.pushurl")) else ""


def url_of(root: Path, remote: str) -> str:
    """Return the URL of `remote` for a message's sake, "" when none is known; it may hold credentials."""
    if is_url(remote):
        return remote
    try:
        return read_config(root).get(f"remote.{remote}.url", "")
    except OperationError:
        return ""  # the operation itself meets the same error and reports it


def is_sent_elsewhere(root: Path, remote: str) -> bool:
    """Whether what is pushed to `remote` goes to another address than the one that is fetched from."""
    if is_url(remote):
        return False
    try:
        config = read(root)
    except OperationError:
        return False  # the operation itself meets the same error and reports it
    url = config.get(f"remote.{remote}.url")
    source = _rewritten(config, url, "insteadof")
    goals = [_rewritten(config, each, "insteadof") for each in config.all(f"remote.{remote}.pushurl") if each]
    if not goals and (goal := _rewritten(config, url, "pushinsteadof")) != url:
        goals = [goal]
    return any(_place(goal) != _place(source) for goal in goals)


def _rewritten(config: GitConfig, url: str, key: str) -> str:
    """Return a URL as url.*.`key` has it: the longest part that it begins with is replaced."""
    longest, base = "", ""
    for name in config.values:
        if name.startswith("url.") and name.endswith(f".{key}"):
            for begin in config.all(name):
                if url.startswith(begin) and len(begin) > len(longest):
                    longest, base = begin, name.removeprefix("url.").removesuffix(f".{key}")
    return base + url.removeprefix(longest)


def _place(url: str) -> str:
    """Return host and path, whatever the way there: what is fetched by https is often pushed by ssh."""
    return _WAY.sub("", url).replace(":", "/", 1).removesuffix(".git")


def set_upstream(root: Path, branch: str, remote: str, remote_branch: str) -> None:
    """Make `remote`'s `remote_branch` the upstream of `branch`, as `git push -u` does, unless it has one.

    A remote that is only a URL is left out of the configuration. Raise OperationError when it cannot be written.
    """
    if is_url(remote):
        return
    config = read_config(root)
    if config.get(f"branch.{branch}.merge") and config.get(f"branch.{branch}.remote"):
        return
    # The remote first: a death in between leaves a branch that has a remote and no upstream, which remote_for reads
    # as the branch of the same name, and the next push comes here again.
    for key, value in ((f"branch.{branch}.remote", remote), (f"branch.{branch}.merge", HEADS + remote_branch)):
        if config.get(key) != value:
            _set(root, key, value)


def rename_branch(root: Path, branch: str, new: str, remote: str) -> None:
    """Rename a local branch as `git branch -m` does, with `remote`'s branch of the new name as its upstream.

    Raise OperationError when git refuses, because there is a branch of that name for one.
    """
    done = program.run("branch", "-m", branch, new, root=root, deadline_s=CONFIG_DEADLINE_S)
    if not done.ok:
        raise OperationError(
            f"{clean(str(root))}: the branch {clean(branch)} cannot be renamed: {clean(done.errors)}",
            f"git -C {clean(str(root))} branch -m {clean(branch)} {clean(new)}",
            code="rename",
        )
    if not is_url(remote):
        _set(root, f"branch.{new}.remote", remote)
        _set(root, f"branch.{new}.merge", HEADS + new)


def _set(root: Path, key: str, value: str) -> None:
    for _ in range(TRIES):
        done = program.run("config", "--local", "--replace-all", key, value, root=root, deadline_s=CONFIG_DEADLINE_S)
        if done.ok:
            return
        if "could not lock config file" not in done.errors:
            break  # else another exchange of this repository writes at this moment
    raise _unwritable(root, key, done.errors)


def _unwritable(root: Path, key: str, why: str) -> OperationError:
    return OperationError(
        f"{clean(str(root))}: {clean(key)} cannot be set: {clean(why)}",
        f"git -C {clean(str(root))} config --edit",
        code="git-config",
    )
