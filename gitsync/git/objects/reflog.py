"""What a branch's reflog tells of its user's own rewriting. Runs where its repository runs."""

from __future__ import annotations

from itertools import islice

import pygit2

from gitsync.git.objects.ref_names import kept
from gitsync.git.objects.refs import is_ancestor

# git's own words for what puts other commits in the place of those that were there.
_REWRITES = ("commit (amend)", "rebase")
_LOOKED_AT = 200


def replaced_tip(repo: pygit2.Repository, branch: str, head: str, upstream: str) -> str | None:
    """Return the newest commit of `upstream`'s history that `branch` had before its user amended or rebased it.

    Their version of that commit is an edit of it, not another line of work. None where nothing of the kind happened:
    a `git reset` does not count, as nobody can tell what was meant by it.
    """
    try:
        entries = list(islice(repo.lookup_reference(kept(f"refs/heads/{branch}")).log(), _LOOKED_AT))
    except (KeyError, pygit2.GitError):
        return None
    for entry in entries:
        old = str(entry.oid_old)
        if not entry.message.startswith(_REWRITES) or old not in repo:
            continue
        shared = repo.merge_base(old, upstream)
        if shared is not None and not is_ancestor(repo, str(shared), head):
            return str(shared)
    return None
