"""A git job's repository and its settings: made where missing, remote and identity set as configured.

Runs on the thread of the job, or of who asks for `set-conf`; owns the git children. A new repository is made by init,
remote and fetch and not by a clone, so that one that dies half way is gone on with by the next run.
"""

from __future__ import annotations

import os
import re

from gitsync.backends.base import Item
from gitsync.clock import SystemClock
from gitsync.config.options import JobConfig
from gitsync.errors import OperationError
from gitsync.git import program
from gitsync.redaction import redact
from gitsync.text import as_word

GIT_S = 30.0
_IDENTITY = re.compile(r"(?P<name>.*?)\s*<(?P<mail>[^<>]*)>")


def prepare(job: JobConfig) -> list[Item]:
    """Make the repository where there is none, and set its remote; return what was done.

    Raise OperationError when the path holds something else, or there is no address to clone from.
    """
    items: list[Item] = []
    if not os.path.lexists(job.path / ".git"):
        items += _make(job)
    items += set_remote(job)
    return items


def _make(job: JobConfig) -> list[Item]:
    path = job.path
    if not job.url:
        raise OperationError(
            f"{job.name}: there is no repository {path}, and no address to get it from",
            f'add url = "…" to the job, or: git init {path}',
            code="no-repository",
        )
    try:
        if path.is_dir() and any(path.iterdir()):
            raise OperationError(
                f"{job.name}: {path} is not a git repository, and not empty",
                f"move it away to have it cloned, or make it one: git -C {path} init",
                code="no-repository",
            )
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperationError(f"{job.name}: cannot make {path}: {error.strerror}", "check the path") from error
    program.read("init", "--quiet", root=path)
    items = [Item("", "cloned", f"made {path} from {redact(job.url)}")]
    # The remote before anything is fetched, the identity before anything can be committed.
    return items + set_remote(job, is_told=False) + set_identity(job, is_told=False)


def set_remote(job: JobConfig, *, is_told: bool = True) -> list[Item]:
    """Make the remote's URL the configured one.

    Raise OperationError when there is none to use, and where there is no repository: git would take the one around it.
    """
    if not os.path.lexists(job.path / ".git"):
        raise OperationError(
            f"{job.name}: there is no repository {job.path}",
            f"to have it made: gitsyncctl pull {as_word(job.name)}; or correct path",
            code="no-repository",
        )
    known = program.run("config", "--get", f"remote.{job.remote}.url", root=job.path)
    url = os.fsdecode(known.stdout).strip() if known.ok else ""
    if not job.url:
        if not url:
            raise OperationError(
                f"{job.name}: {job.path} has no remote {job.remote}",
                f'git -C {job.path} remote add {job.remote} URL, or add url = "…" to the job',
                code="no-remote",
            )
        return []
    if url == job.url:
        return []
    if not url:
        program.read("remote", "add", "--", job.remote, job.url, root=job.path)
        message = f"added the remote {job.remote}: {redact(job.url)}"
    else:
        _forget_tracked(job)
        program.read("remote", "set-url", "--", job.remote, job.url, root=job.path)
        message = f"the remote {job.remote} was {redact(url)}; it is {redact(job.url)} now"
    return [Item("", "remote-set", message)] if is_told else []


def _forget_tracked(job: JobConfig) -> None:
    """Move the remote-tracking refs aside: one server's branches are not evidence of a deletion on another."""
    aside = f"refs/gitsync/former/{SystemClock().wall():.0f}/{job.remote}".replace("%", "%%")
    lines = f"update {aside}/%(refname:lstrip=3) %(objectname)%0aoption no-deref%0adelete %(refname)"
    tracked = program.read("for-each-ref", f"--format={lines}", f"refs/remotes/{job.remote}/", root=job.path)
    program.read("update-ref", "--stdin", root=job.path, input=os.fsencode(tracked))


def set_identity(job: JobConfig, *, is_told: bool = True) -> list[Item]:
    """Make the repository's user.name and user.email the configured ones, where there are any."""
    found = _IDENTITY.fullmatch(job.user)
    if found is None:
        return []
    items: list[Item] = []
    for key, value in (("user.name", found["name"]), ("user.email", found["mail"])):
        known = program.run("config", "--local", "--get", key, root=job.path)
        if known.ok and os.fsdecode(known.stdout).removesuffix("\n") == value:
            continue
        program.read("config", "--local", "--replace-all", key, value, root=job.path)
        items.append(Item("", "identity-set", f"{key} is {value} now"))
    return items if is_told else []
