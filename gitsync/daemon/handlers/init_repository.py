"""Creates the repository to watch or to mirror into, and removes it when a later step fails.

Runs on connection threads, or in the control command; owns what it creates until the configuration contains it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from gitsync.errors import OperationError, UsageError
from gitsync.git import program
from gitsync.git.remote.first_branch import begin_on_the_remotes_branch
from gitsync.redaction import redact
from gitsync.text import as_word

GIT_S = 30.0
# Directories that contain no files in a repository that was created and never used.
_HISTORY = ("objects", "refs", "logs", "worktrees", "modules")


@contextlib.contextmanager
def work_tree(root: Path, remote: str | None, *, is_wanted: bool) -> Iterator[bool]:
    """Ensure a work tree at `root`, with origin at `remote`; yield whether it was created, which needs `is_wanted`.

    A new repository is removed when the block fails, unless it is in use already. Raise UsageError when there is none
    and none may be created, OperationError when git fails.
    """
    with ExitStack() as undo:
        was_made = _made(root, undo, is_wanted=is_wanted)
        if remote:
            set_origin(root, remote, undo)
            _ask_for_branch(root, remote)
        yield was_made
        undo.pop_all()


def _ask_for_branch(root: Path, url: str) -> None:
    """Begin on the remote's branch; raise as that does, but with a hint that needs no repository."""
    try:
        begin_on_the_remotes_branch(root, "origin")
    except OperationError as error:
        if "git -C" not in error.hint:
            raise
        hint = f"check the address and your access: git ls-remote {as_word(redact(url))}"
        raise type(error)(error.message, hint, code=error.code) from error


def set_origin(root: Path, url: str, undo: ExitStack | None = None) -> None:
    """Set the remote origin to `url`; raise UsageError when it has another URL. `undo` reverts it."""
    found = program.run("remote", "get-url", "origin", root=root)
    known = os.fsdecode(found.stdout).strip()
    if found.ok and known != url:
        raise UsageError(
            f"{root} already has a remote origin: {redact(known)}",
            f"if {redact(url)} is the right one: "
            f"git -C {as_word(str(root))} remote set-url origin {as_word(redact(url))}",
        )
    if not found.ok:
        program.read("remote", "add", "origin", "--", url, root=root)
        if undo is not None:
            # Not `remote remove`: it would remove a branch's own settings, too.
            undo.callback(partial(program.run, "config", "--remove-section", "remote.origin", root=root))


def check(root: Path, *, is_wanted: bool) -> bool:
    """Return whether a repository would have to be created at `root`; raise UsageError when none may be."""
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is not a directory", "give the directory that contains the files")
    if os.path.lexists(root / ".git"):
        return False
    if os.path.realpath(root) in ("/", os.path.realpath(os.path.expanduser("~"))):  # noqa: PTH111 - never raises
        raise UsageError(
            f"{root} is too large to watch as a whole",
            "choose a directory in it; to mirror single home files: gitsyncctl init",
        )
    if _is_bare(root):
        raise UsageError(
            f"{root} is a bare repository: it has no files to watch",
            f"watch a clone of it: git clone {as_word(str(root))} DIR, then: gitsyncctl watch DIR",
        )
    if not is_wanted:
        again = f"gitsyncctl watch --init {as_word(str(root))}"
        if root.is_dir():
            raise UsageError(f"{root} is not a git repository yet", f"to make it one: {again}")
        raise UsageError(f"{root} does not exist", f"to create it, with a git repository: {again}")
    return True


def _made(root: Path, undo: ExitStack, *, is_wanted: bool) -> bool:
    if not check(root, is_wanted=is_wanted):
        return False
    missing = [each for each in (root, *root.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        undo.callback(partial(_remove_empty, each))
    undo.callback(partial(_remove_pristine, root))
    program.read("init", "--quiet", root=root)
    return True


def _is_bare(root: Path) -> bool:
    """Return whether `root` itself is a bare repository; False when git refuses it for another reason."""
    if not (root / "HEAD").exists():
        return False
    done = program.run("rev-parse", "--is-bare-repository", "--git-dir", root=root)
    return done.ok and done.stdout.split() == [b"true", b"."]


def _remove_empty(directory: Path) -> None:
    with contextlib.suppress(OSError):  # it is not empty any more, so it stays
        directory.rmdir()


def _remove_pristine(root: Path) -> None:
    """Remove the repository at `root` unless anything was ever committed or staged in it."""
    made, aside = root / ".git", root / f".git.unused-{os.getpid()}"
    with contextlib.suppress(OSError):  # it was never created, or cannot be removed
        # Renamed first: a process that comes now finds no repository, instead of losing what it writes there.
        made.rename(aside)
        if _is_pristine(aside):
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(made)


def _is_pristine(directory: Path) -> bool:
    if (directory / "index").exists() or (directory / "packed-refs").exists():
        return False
    return not any(files for name in _HISTORY for _, _, files in os.walk(directory / name))
