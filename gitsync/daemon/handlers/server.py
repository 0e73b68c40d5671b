"""The handler of `server init`: creates a bare repository, and makes it the remote of a watched one.

Runs on connection threads, or in the control command; owns nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from gitsync.config.options import RepoConfig
from gitsync.daemon.handlers import init_repository
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json
from gitsync.errors import OperationError, UsageError
from gitsync.git import program
from gitsync.git.remote import bare
from gitsync.git.remote.first_branch import default_branch
from gitsync.git.remote.upstream import remote_for, url_of
from gitsync.redaction import redact
from gitsync.text import as_word, clean


def answers(context: HandlerContext) -> dict[str, Answer]:
    """Return the handlers by method."""
    return {"server": _Server(context).init}


class _Server:
    def __init__(self, context: HandlerContext) -> None:
        self._context = context

    def init(self, params: Json) -> Json:
        place = bare.place_of(params["place"])
        repo = self._context.one(params["for"]) if params.get("for") else None
        branch = own_branch(Path.home()) if repo is None else self._branch_to_send(repo, place)
        bare.create(place, branch, Path.home() if repo is None else repo.path)
        if repo is not None:
            self._add_remote(repo, place)
        name = repo.name if repo is not None else None
        return {"url": place.url, "branch": branch, "for": name}

    def _branch_to_send(self, repo: RepoConfig, place: bare.Place) -> str:
        """Return the branch of a repository; raise UsageError when it is exchanged with another remote already.

        A remote that was set before it was created is the one to create.
        """
        branch = own_branch(repo.path)
        choice = remote_for(repo.path, repo.remote, branch)
        if repo.remote == "":
            raise UsageError(
                f'{repo.name} is configured to have no remote: remote = ""',
                f"to let it have one: gitsyncctl config set {as_word(f'repo.{repo.name}.remote')} origin",
            )
        if choice is not None and url_of(repo.path, choice.remote) != place.url:
            raise UsageError(
                redact(f"{repo.name} has a remote already: {clean(url_of(repo.path, choice.remote))}"),
                f"to create a further one, leave --for out: gitsyncctl server init {as_word(place.url)}",
            )
        return branch

    def _add_remote(self, repo: RepoConfig, place: bare.Place) -> None:
        try:
            if remote_for(repo.path, repo.remote, own_branch(repo.path)) is None:
                init_repository.set_origin(repo.path, place.url)
        except UsageError as error:
            raise OperationError(f"{place.label} is created, but {error.message}", error.hint) from error
        if self._context.is_daemon:
            self._context.runtime.begin_sync([repo.name])


def own_branch(root: Path) -> str:
    """Return the branch that HEAD names at `root`, else the one that git begins new repositories with here."""
    head = program.run("symbolic-ref", "--quiet", "--short", "HEAD", root=root)
    return os.fsdecode(head.stdout).strip() or default_branch(root)
