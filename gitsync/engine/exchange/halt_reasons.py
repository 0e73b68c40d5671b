"""Classifies the errors of an exchange: which of them halt, and as which state the rest is shown.

Pure; used on the exchange threads and by the committer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gitsync.config.options import RepoConfig
from gitsync.core.questions import ACCEPT, TAKE, id_of
from gitsync.model import Problem, Question, RepoState
from gitsync.text import as_word

NOT_MOUNTED = "not-mounted"
# Trouble that a person has to look at; all else is tried again by itself.
STATES = {
    "offline": RepoState.OFFLINE,
    "timeout": RepoState.OFFLINE,
    NOT_MOUNTED: RepoState.OFFLINE,
    "auth": RepoState.AUTH,
    "host-key": RepoState.AUTH,
}
RENAMED = "remote-branch-renamed"
# Of what there is no commit to look at.
_GONE = frozenset({"remote-branch-gone", "remote-emptied", "other-branch", RENAMED})
UNSIGNED = "unsigned-commits"
REWRITTEN = "remote-rewritten"
HALTING = _GONE | {"unrelated-histories", REWRITTEN, UNSIGNED}
SHOWN_BRANCHES = 5
# Why a repository is not in order before it was exchanged for the first time.
FIRST_PULL = "waits for its first pull"


class Halting(Exception):
    """Going on needs a person's decision; `problem` says which, `count` and `paths` are those of its question."""

    def __init__(self, problem: Problem, count: int = 0, paths: tuple[str, ...] = ()) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.count, self.paths = count, paths


@dataclass(frozen=True, slots=True)
class Halt:
    """A question that is open: the problem, and what was seen of the remote when it was asked.

    `key` identifies the branch of the remote (`RemoteBranch.key`); `seen` is its commit, None for gone.
    """

    problem: Problem
    key: str
    seen: str | None
    count: int = 0
    paths: tuple[str, ...] = ()

    @property
    def is_about_absence(self) -> bool:
        """Whether it is asked because the branch is not there any more."""
        return self.problem.code in _GONE

    @property
    def id(self) -> str:
        """Return the id of the question: another one when the remote has another commit."""
        return id_of(self.problem.code, self.key, self.seen or "")

    def question(self, branch: str) -> Question:
        """Return the question as it is shown; `branch` is the local one."""
        kinds = {"unrelated-histories": "unrelated", REWRITTEN: "rewritten", UNSIGNED: "incoming"}
        kind = kinds.get(self.problem.code, "branch")
        answers = (ACCEPT, TAKE) if self.problem.code == REWRITTEN else (ACCEPT,)
        return Question(self.id, kind, self.problem.message, branch, self.count, self.paths, answers)

    def to_json(self) -> dict[str, Any]:
        """Return what is remembered of it."""
        return {
            **self.problem.to_json(),
            "key": self.key,
            "seen": self.seen,
            "count": self.count,
            "paths": list(self.paths),
        }

    @classmethod
    def from_json(cls, found: Any) -> Halt | None:
        """Return the recorded halt, None for none or for invalid data."""
        if not isinstance(found, dict) or found.get("code") not in HALTING:
            return None
        texts = [found.get(key) for key in ("code", "message", "hint", "key")]
        seen = found.get("seen")
        if not all(isinstance(text, str) for text in texts) or not (seen is None or isinstance(seen, str)):
            return None
        code, message, hint, key = map(str, texts)
        count, paths = found.get("count"), found.get("paths")
        return cls(
            Problem(code, message, hint),
            key,
            seen,
            count if isinstance(count, int) else 0,
            tuple(map(str, paths)) if isinstance(paths, list) else (),
        )


def branch_gone(name: str, source: str) -> Halting:
    """Return the halt of a repository whose branch was deleted on the remote; `source` is shown as it is."""
    return Halting(
        Problem(
            "remote-branch-gone",
            f"{name}: the branch {source} was deleted on the remote; commits go on here and are not sent",
            f"to send it there again, with all that is here: gitsyncctl resume {as_word(name)} --accept",
        )
    )


def branch_renamed(name: str, source: str, new: str) -> Halting:
    """Return the halt of a repository whose branch has another name on the remote by now: `new`, its default branch."""
    return Halting(
        Problem(
            RENAMED,
            f"{name}: the branch {source} is gone, and {new} has taken its place on the remote; "
            "commits go on here and are not sent",
            f"to rename the branch here, too: gitsyncctl resume {as_word(name)} --accept",
        )
    )


def renamed(name: str, branch: str, new: str) -> str:
    """Return the sentence about a branch that followed the remote's to its new name."""
    return f"{name}: renamed the branch {branch} to {new}; to take that back: git branch -m {new} {branch}"


def is_remote_lost(config: RepoConfig, branch: str, taken: object) -> bool:
    """Whether commits were exchanged before (`taken` in what is remembered), and nothing says where to by now."""
    is_wanted = bool(branch) and config.branch in ("", branch) and config.remote is None
    return is_wanted and config.mode != "commit" and bool(taken)


def remote_lost(name: str, path: str) -> Problem:
    """Return the problem of a repository that was exchanged, and whose remote is gone from git's configuration."""
    return Problem(
        "remote-lost",
        f"{name}: the remote is gone from git's configuration, so commits stay on this machine",
        f"git -C {path} remote add origin URL; or, if they are to stay here: "
        f"gitsyncctl config set {as_word(f'repo.{name}.remote')} ''",
    )


def not_mounted(name: str, remote: str, path: str) -> Problem:
    """Return the problem of a remote on a disk that is not there; it ends by itself."""
    return Problem(
        NOT_MOUNTED,
        f"{name}: {remote} is on a disk that is not mounted: {path}",
        "gitsync goes on by itself as soon as the disk is mounted",
    )


def emptied(name: str, source: str) -> Halting:
    """Return the halt of a repository whose remote has no branch at all any more."""
    return Halting(
        Problem(
            "remote-emptied",
            f"{name}: the remote of {source} is empty, or was emptied or recreated; local commits are not pushed",
            f"to fill it again with all that is here: gitsyncctl resume {as_word(name)} --accept; "
            "another machine that does so is noticed by itself",
        )
    )


def other_branch(name: str, branch: str, remote: str, others: Sequence[str], path: str) -> Halting:
    """Return the halt of a branch that the remote does not have, and that shares nothing with those that it has."""
    there = ", ".join(others[:SHOWN_BRANCHES]) + (" and more" if len(others) > SHOWN_BRANCHES else "")
    return Halting(
        Problem(
            "other-branch",
            f"{name}: here is the branch {branch}, and {remote} has {there}, which shares no commit with it; "
            "nothing was sent",
            f"to go on with the remote's branch: git -C {as_word(path)} switch {as_word(others[0])}; to send {branch} "
            f"as a further branch with a history of its own: gitsyncctl resume {as_word(name)} --accept",
        )
    )


def unrelated(name: str, source: str) -> Problem:
    """Return the problem of two histories without a common commit."""
    return Problem(
        "unrelated-histories",
        f"{name}: {source} shares no history with this repository; nothing was taken in and nothing is sent",
        "check the address: git remote -v; to join the two, keeping every file and commit of both: "
        f"gitsyncctl resume {as_word(name)} --accept",
    )


def rewritten(name: str, source: str, ref: str) -> Problem:
    """Return the problem of a remote from which commits are gone; `ref` is what git takes for it."""
    return Problem(
        REWRITTEN,
        f"{name}: the history of {source} was rewritten: commits that were there are gone from it; "
        "nothing was taken in and nothing is sent",
        f"look at it: git log {ref}; where that was meant, to have it here, too, with what was changed here on top: "
        f"gitsyncctl resume {as_word(name)} --answer take; to merge it with all that is here, which brings back what "
        f"was taken out: gitsyncctl resume {as_word(name)} --answer accept",
    )


def unsigned(name: str, branch: str, what: str, files: str, count: int, paths: tuple[str, ...]) -> Halting:
    """Return the halt of a repository into which commits are to come that git does not accept the signature of.

    `what` lists them with author and key, `files` what they change.
    """
    commits = "a commit is" if count == 1 else f"{count} commits are"
    problem = Problem(
        UNSIGNED,
        f"{name}: {commits} to come into {branch} without a signature that git accepts: {what}; they change {files}; "
        "nothing was taken in and nothing is sent",
        f"to take in these commits anyway: gitsyncctl resume {as_word(name)} --accept; or add the key to the file that "
        f"gpg.ssh.allowedSignersFile names, or to the keyring, then: gitsyncctl resume {as_word(name)}",
    )
    return Halting(problem, count, paths)
