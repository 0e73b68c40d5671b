"""Fetches objects again that are damaged or missing in a repository, and that its remote has.

Runs on the exchanger's thread. The remote's branches are fetched into a repository of their own, which knows nothing of
the damage; from there the objects are copied. A damaged file is kept in `gitsync-damaged` in the git directory.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from gitsync.core.temporary import TEMP_PREFIX
from gitsync.git import program
from gitsync.git.files import storage_error
from gitsync.git.remote import fsck, noninteractive_env
from gitsync.git.rules.config import common_dir, git_dir
from gitsync.text import clean

ASIDE = "gitsync-damaged"
_NAMED = re.compile(r"objects/([0-9a-f]{2})/([0-9a-f]{38})|\b([0-9a-f]{40})\b")


def damaged(root: Path, said: str = "") -> list[str]:
    """Return the objects that are to be fetched again: those whose files are empty, as a power cut leaves them, and
    those that `said` names and that cannot be read.
    """
    named = {match[3] or match[1] + match[2] for match in _NAMED.finditer(said)}
    empty = _empty(common_dir(git_dir(root)) / "objects")
    return sorted({*empty, *(each for each in named if not _is_readable(root, each))})


def repair(
    root: Path, remote: str, objects: list[str], *, timeout_s: float, is_cancelled: Callable[[], bool]
) -> list[str]:
    """Fetch these objects again; return those that the remote has.

    Raise OperationError or TransientError when the remote or the disk fails; nothing is lost then.
    """
    own = common_dir(git_dir(root))
    try:
        with tempfile.TemporaryDirectory(prefix=os.fsdecode(TEMP_PREFIX), dir=own) as scratch:
            _fetch(root, remote, own, scratch, timeout_s, is_cancelled)
            return [each for each in objects if _copy(root, own, scratch, each)]
    except OSError as error:
        raise storage_error(f"cannot repair {clean(str(root))}", error) from error


def _empty(objects: Path) -> Iterator[str]:
    """Yield the objects whose files are empty."""
    for directory in objects.glob("[0-9a-f][0-9a-f]"):
        with suppress(FileNotFoundError), os.scandir(directory) as files:  # `git gc` removes empty directories
            for file in files:
                if len(file.name) == 38 and _is_empty(file):
                    yield directory.name + file.name


def _is_empty(file: os.DirEntry[str]) -> bool:
    try:
        return file.stat(follow_symlinks=False).st_size == 0
    except FileNotFoundError:
        return False


def _is_readable(root: Path, name: str) -> bool:
    return program.run("cat-file", "-t", name, root=root).ok


def _fetch(
    root: Path, remote: str, own: Path, scratch: str, timeout_s: float, is_cancelled: Callable[[], bool]
) -> None:
    environment = noninteractive_env.environment(root, timeout_s)
    settings = (*fsck.SETTINGS, f"include.path={own / 'config'}", "gc.auto=0")
    for argv in (
        ("init", "--quiet", "--bare", scratch),
        (f"--git-dir={scratch}", "fetch", "-q", "--no-tags", "--no-auto-gc", remote, "+refs/heads/*:refs/fetched/*"),
    ):
        done = program.run(
            *argv, root=root, settings=settings if argv[0] != "init" else (), env=environment,
            deadline_s=20 * timeout_s, silence_s=timeout_s, is_cancelled=is_cancelled,
        )  # fmt: skip
        if not done.ok:
            raise program.failed(f"{clean(str(root))}: cannot fetch what is damaged", done)


def _copy(root: Path, own: Path, scratch: str, name: str) -> bool:
    """Copy one object, if it is there; its id is that of its content, so a wrong one is not taken."""
    source = f"--git-dir={scratch}"
    kind = program.run(source, "cat-file", "-t", name, root=root)
    if not kind.ok:
        return False
    of = kind.stdout.decode("ascii").strip()
    content = program.run(source, "cat-file", of, name, root=root)
    file = own / "objects" / name[:2] / name[2:]
    aside = own / ASIDE / name
    with suppress(FileNotFoundError):
        aside.parent.mkdir(exist_ok=True)
        os.replace(file, aside)
    settings = ("core.fsync=all",)
    done = program.run("hash-object", "-w", "-t", of, "--stdin", root=root, input=content.stdout, settings=settings)
    if content.ok and done.ok and done.stdout.decode("ascii").strip() == name:
        return True
    with suppress(FileNotFoundError):
        os.replace(aside, file)
    return False
