"""Values that are passed between threads and layers: frozen, with names and hex ids, never a live object.

Paths are bytes relative to a work tree, separated by "/", towards git and the kernel; they are text (`os.fsdecode`)
towards people and in JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class RepoState(StrEnum):
    """The state of a repository, as `status` shows it."""

    OK = "ok"
    PENDING = "pending"
    SYNCING = "syncing"
    PAUSED = "paused"
    BUSY = "busy"
    OFFLINE = "offline"
    AUTH = "auth"
    CONFLICT = "conflict"
    HALTED = "halted"
    ERROR = "error"


# States that last until a person does something.
NEEDY = (RepoState.CONFLICT, RepoState.HALTED, RepoState.ERROR, RepoState.AUTH)


class ChangeKind(StrEnum):
    """How one path differs between HEAD and the work tree."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """One path that a commit adds, changes or removes."""

    path: bytes
    kind: ChangeKind


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem as it is shown: a stable kebab-case code, a sentence with names in it, and what to do.

    A server asked for a pause of `wait_s` seconds; that is not shown.
    """

    code: str
    message: str
    hint: str = ""
    wait_s: float = 0.0

    def to_json(self) -> dict[str, str]:
        """Return the wire form."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


@dataclass(frozen=True, slots=True)
class Question:
    """A question that only a person can answer; `answers` lists the words for it, `count` how many files or commits it
    concerns.

    `id` is derived from its cause, so that an answer is valid for that cause only; `kind` is deletions, other-root,
    rewritten, unrelated, branch or incoming; `paths` are examples of what it concerns. About files of home, `incoming`
    are examples of files that would come in, and `sent` of files of this machine that would be sent.
    """

    id: str
    kind: str
    message: str
    branch: str = ""
    count: int = 0
    paths: tuple[str, ...] = ()
    answers: tuple[str, ...] = ("accept",)
    incoming: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        both = {"incoming": list(self.incoming), "sent": list(self.sent)}
        return {
            "id": self.id,
            "kind": self.kind,
            "message": self.message,
            "branch": self.branch,
            "count": self.count,
            "paths": list(self.paths),
            "answers": list(self.answers),
            **(both if self.incoming or self.sent else {}),
        }

    @classmethod
    def from_json(cls, found: Any) -> Question | None:
        """Parse a question from its wire form; return None when it is invalid."""
        if not isinstance(found, dict) or not all(isinstance(found.get(key), str) for key in ("id", "kind", "message")):
            return None
        paths, answers, count = found.get("paths"), found.get("answers"), found.get("count")
        return cls(
            found["id"],
            found["kind"],
            found["message"],
            str(found.get("branch", "")),
            count if isinstance(count, int) else 0,
            tuple(map(str, paths)) if isinstance(paths, list) else (),
            tuple(map(str, answers)) if isinstance(answers, list) else (),
        )


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit as `status` shows it; `time` is ISO 8601, `message` its subject line."""

    id: str
    time: str
    message: str

    def to_json(self) -> dict[str, str]:
        """Return the wire form."""
        return {"id": self.id, "time": self.time, "message": self.message}


# The beginning of `why` for a file whose filter is not configured or fails, and for one that git would not fetch.
FILTER = "filter: "
REFUSED = "refused: "


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A new file that is not committed until a person has decided."""

    path: str
    why: str

    def to_json(self) -> dict[str, str]:
        """Return the wire form."""
        return {"path": self.path, "why": self.why}


@dataclass(frozen=True, slots=True)
class RemoteStatus:
    """One remote of a repository as `status` shows it; `url` holds no credentials.

    `notice` says how a push of another machine's is noticed: ssh, watch or poll. `ahead` and `behind` are counted from
    what the remote was last known to have.
    """

    name: str
    url: str
    state: RepoState = RepoState.OK
    reason: str = ""
    notice: str = "poll"
    ahead: int = 0
    behind: int = 0
    last_pull: str | None = None
    last_push: str | None = None
    error: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "name": self.name,
            "url": self.url,
            "state": str(self.state),
            "reason": self.reason,
            "notice": self.notice,
            "ahead": self.ahead,
            "behind": self.behind,
            "last_pull": self.last_pull,
            "last_push": self.last_push,
            "error": self.error.to_json() if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class RepoStatus:
    """One repository as `status` shows it; the keys of the wire form are a contract."""

    name: str
    path: str
    branch: str = ""
    state: RepoState = RepoState.OK
    reason: str = ""
    pending: int = 0
    ahead: int = 0
    behind: int = 0
    watch: str = "native"
    conflicts: tuple[str, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    last_commit: CommitInfo | None = None
    last_pull: str | None = None
    last_push: str | None = None
    error: Problem | None = None
    notes: tuple[str, ...] = field(default=())
    questions: tuple[Question, ...] = ()
    remotes: tuple[RemoteStatus, ...] = ()

    @property
    def needs_person(self) -> bool:
        """Whether this repository waits for its user."""
        return bool(self.state in NEEDY or self.conflicts or self.quarantined or self.questions)

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "name": self.name,
            "path": self.path,
            "branch": self.branch,
            "state": str(self.state),
            "reason": self.reason,
            "pending": self.pending,
            "ahead": self.ahead,
            "behind": self.behind,
            "watch": self.watch,
            "conflicts": list(self.conflicts),
            "quarantined": [item.to_json() for item in self.quarantined],
            "last_commit": self.last_commit.to_json() if self.last_commit else None,
            "last_pull": self.last_pull,
            "last_push": self.last_push,
            "error": self.error.to_json() if self.error else None,
            "notes": list(self.notes),
            "questions": [question.to_json() for question in self.questions],
            "remotes": [remote.to_json() for remote in self.remotes],
        }


@dataclass(frozen=True, slots=True)
class JobStatus:
    """One job as `status` shows it; the keys of the wire form are a contract."""

    name: str
    backend: str
    mode: str
    path: str
    state: RepoState = RepoState.OK
    reason: str = ""
    last_run: str | None = None
    next_run: str | None = None
    conflicts: tuple[str, ...] = ()
    error: Problem | None = None
    questions: tuple[Question, ...] = ()

    @property
    def needs_person(self) -> bool:
        """Whether this job waits for its user."""
        return self.state in NEEDY or bool(self.conflicts or self.questions)

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "name": self.name,
            "backend": self.backend,
            "mode": self.mode,
            "path": self.path,
            "state": str(self.state),
            "reason": self.reason,
            "last_run": self.last_run,
            "next_run": self.next_run,
            "conflicts": list(self.conflicts),
            "error": self.error.to_json() if self.error else None,
            "questions": [question.to_json() for question in self.questions],
        }
