"""Objects that a partial clone does not have, because a remote promised to have them: asked for when they are needed.

Runs on the calling thread, which waits for the remote. The request is the one that git makes itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pygit2

from gitsync.errors import TransientError
from gitsync.git.program import GitProgram
from gitsync.git.remote import fsck, noninteractive_env
from gitsync.git.remote.errors import Subject, from_output
from gitsync.git.rules import config

PROMISED_S = 120.0
# fetch.negotiationAlgorithm: nothing of what is here helps the remote.
_SETTINGS = ("fetch.negotiationAlgorithm=noop", "fetch.writeCommitGraph=false", *fsck.SETTINGS)
_OPTIONS = ("--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--filter=blob:none", "--quiet", "--stdin")


def fetch(program: GitProgram, repository: pygit2.Repository, object_ids: Iterable[str]) -> bool:
    """Ask the promising remote for those objects that are not here; return whether they came.

    Raise TransientError when it cannot be reached, OperationError when git's configuration cannot be read.
    """
    remote = _promising(program)
    missing = [object_id for object_id in dict.fromkeys(object_ids) if object_id not in repository] if remote else []
    if not missing:
        return False
    root = Path(program.root)
    done = program.run(
        "fetch",
        remote,
        *_OPTIONS,
        input="".join(f"{object_id}\n" for object_id in missing).encode("ascii"),
        env=noninteractive_env.environment(root, PROMISED_S),
        settings=_SETTINGS,
        deadline_s=PROMISED_S,
    )
    if not done.ok:
        trouble = from_output(Subject("fetch", program.root, remote), done.stderr)
        if trouble.code in ("offline", "timeout", "auth"):
            message = f"{trouble.message}; this partial clone needs objects of it"
            raise TransientError(message, trouble.hint, code=trouble.code)
        return False
    return all(object_id in repository for object_id in missing)


def _promising(program: GitProgram) -> str:
    """Return the remote that promised objects, "" in a repository that is not a partial clone."""
    settings = config.read(Path(os.path.realpath(program.root)))
    if named := settings.get("extensions.partialclone"):
        return named
    keys = (key for key in settings.values if key.startswith("remote.") and key.endswith(".promisor"))
    return next((key[len("remote.") : -len(".promisor")] for key in keys if settings.is_true(key)), "")
