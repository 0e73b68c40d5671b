"""Clones a repository and has it watched.

Runs on connection threads, or in the control command; owns nothing.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from gitsync.config import document
from gitsync.core import manifest as manifests
from gitsync.daemon.handlers.context import HandlerContext, Json
from gitsync.daemon.handlers.first_checkout import check_out, is_checked
from gitsync.errors import GitsyncError, OperationError, UsageError
from gitsync.git import program
from gitsync.git.files import storage_error
from gitsync.git.remote import fsck, noninteractive_env
from gitsync.git.remote.errors import Subject, failure, from_output
from gitsync.git.remote.first_branch import begin_clone
from gitsync.mirror.metadata import TRAKK_INDEX
from gitsync.redaction import redact
from gitsync.text import as_word

CLONE_S, LOOK_S = 800.0, 120.0


def is_mirror(url: str) -> bool:
    """Return whether the repository at `url` mirrors home files: its HEAD has gitsync's manifest, or TRAKK's list.

    Raise OperationError or TransientError when it cannot be asked.
    """
    with tempfile.TemporaryDirectory(prefix="gitsync-") as scratch:
        program.read("init", "--quiet", "--bare", root=scratch)
        done = program.run(
            "fetch", "--quiet", "--depth=1", "--filter=blob:none", "--no-tags", "--", url, "HEAD",
            root=scratch, deadline_s=LOOK_S, env=noninteractive_env.environment(Path(scratch), LOOK_S),
        )  # fmt: skip
        if not done.ok:
            if b"couldn't find remote ref" in done.stderr:
                return False  # it is empty
            raise _failure(url, done.stderr)
        names = program.read("ls-tree", "--name-only", "-z", "FETCH_HEAD", root=scratch).split("\0")
    return os.fsdecode(manifests.NAME) in names or os.fsdecode(TRAKK_INDEX) in names


def clone_and_watch(context: HandlerContext, url: str, root: Path) -> Json:
    """Clone `url` to `root`, on the branch that its HEAD names, and add it to the configuration.

    Where the configuration lets in signed commits only, files are written when all of them are; else the clone is
    empty, and its first exchange asks. Raise UsageError for a directory that cannot be used, OperationError or
    TransientError when git fails; then git removes what it made. Nothing is removed here: the directory may have become
    another program's since it was looked at. A clone that cannot be added to the configuration is kept, and
    OperationError says so.
    """
    if os.path.realpath(root) in ("/", os.path.realpath(Path.home())):
        raise UsageError(
            f"{root} is too large to watch as a whole", "choose a directory in it: gitsyncctl clone URL DIR"
        )
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(
            f"{root} already exists and is not empty", "choose another directory: gitsyncctl clone URL DIR"
        )
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(f"cannot create {root}", error) from error
    checked = is_checked(context)
    options = ("--quiet", "--no-checkout") if checked else ("--quiet",)
    done = program.run(
        "clone", *options, "--", url, str(root),
        deadline_s=CLONE_S, settings=fsck.SETTINGS, env=noninteractive_env.environment(root.parent, CLONE_S),
    )  # fmt: skip
    if not done.ok:
        raise _failure(url, done.stderr)
    refused = check_out(context, root, is_checked=checked) if begin_clone(root) or checked else ""
    try:
        name = document.add_repo(context.config_file, root)
    except GitsyncError as error:
        raise OperationError(
            f"{root} is cloned, but not watched: {error.message}",
            f"{error.advice}; then: gitsyncctl watch {as_word(str(root))}",
            code=error.code,
        ) from error
    if context.is_daemon:
        context.reload()
    branch = program.read("symbolic-ref", "--short", "HEAD", root=root).strip()
    answer = {"name": name, "path": str(root), "url": redact(url), "branch": branch, "watched": True}
    return {**answer, "refused": refused} if refused else answer


def _failure(url: str, stderr: bytes) -> OperationError:
    shown = redact(url)
    return failure(from_output(Subject("clone", "", shown, url=url), stderr))
