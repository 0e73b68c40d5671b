"""What the daemon answers: one function a command, each returning the document that the interface promises.

Runs on connection threads (and in the control command when no daemon runs). Owns nothing: it reads frozen snapshots,
asks the threads with deadlines, and edits the configuration through `gitsync.config.document`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gitsync import places, proc
from gitsync.clock import Clock, iso
from gitsync.config import document
from gitsync.config.options import Config, RepoConfig
from gitsync.control.commands import nearest
from gitsync.daemon.runtime import Runtime
from gitsync.engine.messages import Pause, Refresh, Resume
from gitsync.errors import OperationError, UsageError
from gitsync.git.translate import redact
from gitsync.git.upstream import remote_for
from gitsync.version import VERSION

REFRESH_S = 0.05
ASK_S = 10.0
SYNC_PATIENCE_S = 600.0
GIT_S = 30.0

Json = dict[str, Any]


class Handlers:
    """The commands' other side; `dispatch` is what the control server calls."""

    def __init__(
        self,
        runtime: Runtime,
        clock: Clock,
        config_option: str | None,
        reload: Callable[[], Json],
        stop: Callable[[], None],
        *,
        is_daemon: bool = True,
    ) -> None:
        self._runtime = runtime
        self._clock = clock
        self._config_option = config_option
        self._reload = reload
        self._stop = stop
        self._is_daemon = is_daemon
        self._started_at = clock.now()
        self._table: dict[str, Callable[[Json], Json]] = {
            "status": self._status,
            "list": self._list,
            "watch": self._watch,
            "unwatch": self._unwatch,
            "sync": self._sync,
            "pause": self._pause,
            "resume": self._resume,
            "events": self._events,
            "reload": lambda _: self._reload(),
            "stop": self._stop_now,
        }

    def dispatch(self, method: str, params: Json) -> Json:
        """Return the answer to one command; `params` are checked against the table already."""
        return self._table[method](params)

    # -- looking ------------------------------------------------------------------------------------------------------

    def _status(self, params: Json) -> Json:
        # A person may have committed by hand a moment ago; when the committer is busy, the snapshot has to do.
        with contextlib.suppress(OperationError):
            if self._is_daemon:
                self._runtime.committer.ask(Refresh(), REFRESH_S)
        repos = self._chosen(params.get("names", []))
        daemon = {"pid": os.getpid(), "uptime_s": round(self._clock.now() - self._started_at, 1)}
        return {
            "version": VERSION,
            "daemon": daemon if self._is_daemon else None,
            "repos": [self._runtime.board.status(repo.name).to_json() for repo in repos],
            "home": None,
            "jobs": [],
        }

    def _list(self, params: Json) -> Json:
        return {"home": [], "repos": [self._listed(repo) for repo in self._config.repos], "jobs": []}

    def _listed(self, repo: RepoConfig) -> Json:
        branch = self._runtime.board.local(repo.name).branch
        try:
            choice = remote_for(repo.path, repo.remote, branch) if branch else None
        except OperationError:
            choice = None  # its own trouble shows in status
        remote = choice.remote if choice is not None else repo.remote or ""
        return {"name": repo.name, "path": str(repo.path), "remote": redact(remote), "branch": branch}

    def _events(self, params: Json) -> Json:
        return {"events": self._runtime.board.events()}

    # -- doing --------------------------------------------------------------------------------------------------------

    def _sync(self, params: Json) -> Json:
        names = [repo.name for repo in self._chosen(params.get("names", []))]
        if params.get("wait") or not self._is_daemon:
            self._runtime.sync(names, patience_s=SYNC_PATIENCE_S)
        else:
            self._runtime.begin_sync(names)
        return {"repos": [self._runtime.board.status(name).to_json() for name in names]}

    def _pause(self, params: Json) -> Json:
        names = [repo.name for repo in self._chosen(params.get("names", []))]
        span = params.get("for")
        until = None if span is None else self._clock.now() + span
        for name in names:
            self._runtime.committer.ask(Pause(name, until), ASK_S)
        return {"paused": names, "until": None if span is None else iso(self._clock.wall() + span)}

    def _resume(self, params: Json) -> Json:
        names = [repo.name for repo in self._chosen(params.get("names", []))]
        for name in names:
            self._runtime.committer.ask(Resume(name, bool(params.get("accept"))), ASK_S)
        return {"resumed": names}

    def _stop_now(self, params: Json) -> Json:
        self._stop()
        return {}

    # -- the configuration --------------------------------------------------------------------------------------------

    def _watch(self, params: Json) -> Json:
        root = Path(params["path"])
        try:
            was_made = self._make_work_tree(root, is_wanted=bool(params.get("init")))
        except (OSError, ValueError) as error:
            what = getattr(error, "strerror", None) or str(error)
            raise OperationError(f"cannot use {root}: {what}", "check the path and its permissions") from error
        remote = params.get("remote")
        if remote:
            self._set_remote(root, remote)
        before = {repo.path for repo in self._config.repos}
        name = document.add_repo(self._config_file, root, name=params.get("name"), remote=None)
        if self._is_daemon:
            self._reload()
        return {"name": name, "path": str(root), "created": was_made, "already": _real(root) in before}

    def _unwatch(self, params: Json) -> Json:
        removed = document.remove_repo(self._config_file, params["name"])
        if self._is_daemon:
            self._reload()
        return {"name": removed.name, "path": str(removed.root)}

    def _make_work_tree(self, root: Path, *, is_wanted: bool) -> bool:
        """Make `root` a repository where that is wanted; return whether it was made. Raise UsageError for none."""
        if root.exists() and not root.is_dir():
            raise UsageError(f"{root} is not a directory", "name the directory that holds the files")
        if os.path.lexists(root / ".git"):
            return False
        if not is_wanted:
            what = "is no git work tree" if root.is_dir() else "does not exist"
            raise UsageError(f"{root} {what}", f"to make it one: gitsyncctl watch --init {root}")
        root.mkdir(parents=True, exist_ok=True)
        self._git(root, "init", "--quiet")
        return True

    def _set_remote(self, root: Path, url: str) -> None:
        found = proc.run(["git", "-C", str(root), "remote", "get-url", "origin"], deadline_s=GIT_S)
        known = os.fsdecode(found.stdout).strip()
        if found.ok and known != url:
            raise UsageError(
                f"{root} has a remote origin already: {known}",
                f"if {url} is the right one: git -C {root} remote set-url origin {url}",
            )
        if not found.ok:
            self._git(root, "remote", "add", "origin", "--", url)

    def _git(self, root: Path, *argv: str) -> None:
        done = proc.run(["git", "-C", str(root), *argv], deadline_s=GIT_S)
        if not done.ok:
            raise OperationError(f"git {argv[0]} failed in {root}: {done.errors}", "run it by hand to see more")

    # -- choosing -----------------------------------------------------------------------------------------------------

    @property
    def _config(self) -> Config:
        return self._runtime.config

    @property
    def _config_file(self) -> Path:
        return places.config_file(self._config_option)  # not the source: an INI in force is taken over into it

    def _chosen(self, names: list[str]) -> list[RepoConfig]:
        """Return the repositories that names or paths mean; all of them for none. Raise UsageError for an unknown."""
        if not names:
            return list(self._config.repos)
        return [self._one(name) for name in names]

    def _one(self, name: str) -> RepoConfig:
        for repo in self._config.repos:
            if repo.name == name:
                return repo
        if "/" in name:
            try:
                path = _real(name)
            except ValueError as error:
                raise UsageError(f"{name!r} is no path", "name a repository or a path below one") from error
            within = [repo for repo in self._config.repos if path.is_relative_to(_real(repo.path))]
            if within:
                return max(within, key=lambda repo: len(repo.path.parts))
            raise UsageError(f"no watched repository holds {name}", f"to watch it: gitsyncctl watch {name}")
        known = [repo.name for repo in self._config.repos]
        like = nearest(name, known)
        hint = (
            f"did you mean {like!r}?" if like else f"there are: {', '.join(known)}" if known else "none is watched yet"
        )
        raise UsageError(f"no repository is called {name!r}", hint)


def _real(path: str | Path) -> Path:
    """Return the real path; unlike `Path.resolve` this raises nothing for links that go round in circles."""
    return Path(os.path.realpath(path))
