"""Creates, adopts and clones the repository that mirrors home files, and reads its state while no daemon runs.

Runs on connection threads, or in the control command; owns what it creates until the configuration contains it.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gitsync.config.options import MIRROR_NAME, RepoConfig
from gitsync.core import manifest as manifests
from gitsync.core.manifest import ManifestEntry
from gitsync.daemon.handlers.first_checkout import check_out, is_checked
from gitsync.daemon.handlers.init_repository import set_origin
from gitsync.engine.board import HomePart
from gitsync.engine.offline_status import show
from gitsync.engine.repository.home_trouble import left_out, remarks, stuck
from gitsync.errors import OperationError, UsageError
from gitsync.git import program
from gitsync.git.files import storage_error
from gitsync.git.remote import fsck
from gitsync.git.remote.first_branch import begin_clone, begin_on_the_remotes_branch
from gitsync.git.staging.worktree import Worktree
from gitsync.git.unexpected import UNEXPECTED_ERRORS
from gitsync.mirror.home_paths import places_of
from gitsync.mirror.host import host_name
from gitsync.mirror.incoming import offer
from gitsync.mirror.manifests import mend
from gitsync.mirror.mirror_sync import MirrorSync
from gitsync.model import RepoState
from gitsync.redaction import redact
from gitsync.text import as_word, clean

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from gitsync.daemon.handlers.context import HandlerContext

REMOTE_S, CLONE_S = 20.0, 800.0
# Home files are stored byte for byte, whatever attributes a tracked .gitattributes would give them.
_ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding\n"


def default_place() -> Path:
    """Return the default path of the mirror."""
    return Path("~/.local/share/gitsync/home").expanduser()


def check_place(path: Path, repos: Iterable[RepoConfig]) -> None:
    """Raise UsageError for paths that cannot be the mirror: home itself, or a watched repository's."""
    real, home = os.path.realpath(path), os.path.realpath(Path("~").expanduser())
    if home == real or home.startswith(real.rstrip("/") + "/"):
        raise UsageError(f"{path} is, or contains, your home directory", "choose a separate directory")
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is not a directory", "choose another one")
    for repo in repos:
        root = os.path.realpath(repo.path)
        if real == root or real.startswith(root + "/") or root.startswith(real + "/"):
            raise UsageError(
                f"{path} and the watched repository {repo.name} ({repo.path}) overlap",
                f"choose another directory, or: gitsyncctl unwatch {as_word(repo.name)}",
            )


def make(path: Path, remote: str | None) -> bool:
    """Create the mirror, or adopt the repository there; return whether a repository was created.

    The directory is made private: it contains private files, whatever their permissions.
    """
    is_new = not os.path.lexists(path / ".git")
    if is_new and remote is not None:
        _check_empty(remote)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise storage_error(f"cannot create {path}", error) from error
    if is_new:
        program.read("init", "--quiet", root=path)
    if remote is not None:
        set_origin(path, remote)
        try:
            begin_on_the_remotes_branch(path, "origin")
        except OperationError as error:
            # The mirror works without its remote; `status` reports it, and the first exchange asks about its branch.
            logger.warning("%s: the remote cannot be asked for its branch: %s", path, error.message)
    _finish(path)
    if not (path / os.fsdecode(manifests.NAME)).exists() and is_new:
        (path / os.fsdecode(manifests.NAME)).write_bytes(manifests.render(manifests.Manifest()))
    return is_new


def _check_empty(url: str) -> None:
    """Raise UsageError when the remote has a history already, which a new repository would not share."""
    found = program.run("ls-remote", "--heads", "--", url, deadline_s=REMOTE_S)
    if found.ok and found.stdout.strip():
        raise UsageError(f"{redact(url)} already has a history", f"to use it: gitsyncctl clone {as_word(redact(url))}")


def clone(context: HandlerContext, url: str, path: Path) -> str:
    """Clone the mirror of another machine; return why its files are not written, as `check_out` says.

    Raise UsageError when `path` is not empty, OperationError when git fails.

    A clone that fails is removed by git. One whose files cannot be checked out (a full disk, a filter) is kept: what
    else is in the directory by then is not known here.
    """
    if path.exists() and any(path.iterdir()):
        raise UsageError(f"{path} is not empty", "choose another directory, or move that one away")
    was_there = path.exists()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise storage_error(f"cannot create {path}", error) from error
    options = ("--quiet", "--no-checkout")
    done = program.run("clone", *options, "--", url, str(path), deadline_s=CLONE_S, settings=fsck.SETTINGS)
    if not done.ok:
        if not was_there:
            with suppress(OSError):  # it is not empty: then it is not ours
                path.rmdir()
        why = clean(redact(done.errors.splitlines()[-1] if done.errors else "no reason given"))
        raise OperationError(
            f"cannot clone {redact(url)}: {why}", "check the address and your access: git ls-remote URL"
        )
    _finish(path)
    begin_clone(path)
    refused = check_out(context, path, is_checked=is_checked(context, "home"))
    if not refused:
        _list_files(path)
    return refused


def _list_files(path: Path) -> None:
    """Add a manifest with all files to a mirror that has none: a user who clones it wants its files."""
    name = path / os.fsdecode(manifests.NAME)
    if name.exists() or (path / ".trakk-index.config").exists():
        return
    notes = path / ".git" / "gitsync-clone"
    worktree = Worktree(path, notes)
    try:
        name.write_bytes(manifests.render(mend(worktree, manifests.Manifest(), is_every_file_tracked=True)))
    finally:
        worktree.close()
        shutil.rmtree(notes, ignore_errors=True)


def _finish(path: Path) -> None:
    info = path / ".git" / "info"
    if not (path / ".git").is_dir():
        return  # a linked work tree shares its attributes with another repository
    try:
        info.mkdir(exist_ok=True)
        known = (info / "attributes").read_text() if (info / "attributes").exists() else ""
        if _ATTRIBUTES not in known:
            (info / "attributes").write_text(known + _ATTRIBUTES)
    except OSError as error:
        raise storage_error(f"cannot write {info / 'attributes'}", error) from error


def look(context: HandlerContext) -> None:
    """Write the state of the home files to the status board, while no daemon does; changes nothing."""
    home, board = context.config.home, context.runtime.board
    if home is None:
        return
    # Late: a daemon without a mirror has no use for them, nor for what they need.
    from gitsync.mirror.judge import judge_all
    from gitsync.mirror.to_home import find_obstacles

    repo_state_dir = context.runtime.repo_state_dir(home.settings)
    show(board, home.settings, repo_state_dir)
    try:
        worktree = Worktree(home.repo, repo_state_dir, include=home.settings.include, exclude=home.settings.exclude)
    except UNEXPECTED_ERRORS:
        board.set_home(HomePart(str(home.repo)))
        return  # the board has the state already
    try:
        keeper = MirrorSync(
            worktree,
            places_of(home.repo),
            home.link,
            repo_state_dir,
            host_name(),
            is_reading=True,
            incoming=home.incoming,
        )
        with keeper:
            judge_all(keeper, {})
            find_obstacles(keeper)
            tracked = keeper.tracked_count(keeper.head_tree)
        question = offer(keeper, keeper.head_tree).question(MIRROR_NAME)
        board.set_local(MIRROR_NAME, questions=() if question is None else (question,))
        broken = tuple((os.fsdecode(path), str(found)) for path, found in sorted(keeper.broken.items()))
        board.set_home(HomePart(str(home.repo), tracked, broken, left_out(keeper)))
        notes = dict.fromkeys((*board.local(MIRROR_NAME).notes, *remarks(keeper)))
        board.set_local(MIRROR_NAME, notes=tuple(notes))
        if board.local(MIRROR_NAME).state == "ok" and (problem := stuck(MIRROR_NAME, keeper)) is not None:
            board.set_local(MIRROR_NAME, state=RepoState.ERROR, reason=problem.message, error=problem)
        elif broken and board.local(MIRROR_NAME).state == "ok":
            board.set_local(MIRROR_NAME, state="pending", reason="gitsync is not running, so it is not synced")
    finally:
        worktree.close()


def manifest(repo: Path) -> manifests.Manifest:
    """Return the manifest in the mirror; an empty one when it cannot be read."""
    try:
        return manifests.parse((repo / os.fsdecode(manifests.NAME)).read_bytes())[0]
    except OSError:
        return manifests.Manifest()


def entries(repo: Path) -> list[ManifestEntry]:
    """Return the entries of the manifest in the mirror; none when it cannot be read."""
    return [entry for _, entry in sorted(manifest(repo).entries.items()) if not entry.is_gone]
