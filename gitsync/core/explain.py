"""Explains why one path is committed or not, from facts about it.

Pure; any thread. The checks are made in the order in which they decide: what git cannot store, what is excluded, what
is committed already, what holds the repository, what holds this path.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitsync.text import as_word, size, span

COMMITTED, COMING, NOT = "committed", "will be committed", "not committed"


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about a path of the repository `repo`.

    `path` and `below` (in the work tree) are quoted for a shell; `git` is a git command that works on the repository
    from any directory. `kind` is file, link, directory, absent, special or unreadable (`why_unreadable`). `unfiltered`
    is a required filter that is not configured. `ignored_by` is "FILE:LINE: pattern", `excluded_by` a pattern of the
    configuration. `waited_s` and `due_s` are from the committer, None when it has not noted the path; `staged_left_s`
    is how long a path that the user staged is still left alone. `state` and `held_by` are the repository's;
    `is_watched` says whether a daemon runs. `is_listed` is for home files: whether it is tracked.
    """

    repo: str
    path: str
    kind: str
    git: str = "git"
    below: str = ""
    is_listed: bool = True
    is_tracked: bool = False
    is_same: bool = False
    is_staged: bool = False
    why_unreadable: str = ""
    ignored_by: str = ""
    excluded_by: str = ""
    nested: str = ""
    left_out: str = ""
    size: int = 0
    size_limit: int | None = None
    secret: str = ""
    unfiltered: str = ""
    refused: str = ""
    is_written: bool = False
    is_conflict: bool = False
    copy_of: str = ""
    last: str = ""
    pushed: str = ""
    tracked_below: int = 0
    differing_below: int = 0
    state: str = "ok"
    held_by: str = ""
    hint: str = ""
    is_watched: bool = True
    waited_s: float | None = None
    due_s: float = 0.0
    max_wait_s: float = 0.0
    staged_left_s: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer: committed, will be committed or not; a stable code, a sentence and what to do."""

    verdict: str
    code: str
    reason: str
    hint: str = ""


def explanation_of(facts: Facts) -> Explanation:
    """Return why the path is committed or not."""
    return _never(facts) or _unwanted(facts) or _done(facts) or _held(facts) or _waiting(facts)


def _never(facts: Facts) -> Explanation | None:
    path = facts.path
    if facts.nested:
        return Explanation(
            NOT, "nested", f"it is in {facts.nested}, which is a separate repository",
            f"to watch that repository: gitsyncctl watch {as_word(facts.nested)}",
        )  # fmt: skip
    if not facts.is_listed:
        return Explanation(
            NOT, "not-tracked", "it is not a tracked file of your home directory", f"to track it: gitsyncctl add {path}"
        )  # fmt: skip
    if facts.kind == "special":
        return Explanation(
            NOT, "not-regular", "it is neither a file nor a symbolic link nor a directory; git stores nothing else"
        )
    if facts.kind == "absent" and not facts.is_tracked:
        if facts.last:
            return Explanation(
                NOT, "removed", f"it does not exist; it was last committed {facts.last}",
                f"to restore it: gitsyncctl restore {path}",
            )  # fmt: skip
        return Explanation(NOT, "unknown", "it does not exist and was never committed", "check the spelling")
    if facts.left_out:
        return Explanation(
            NOT, "left-out", f"git was configured not to look at it ({facts.left_out})",
            f"{facts.git} update-index --no-{facts.left_out} {facts.below}",
        )  # fmt: skip
    return None


def _unwanted(facts: Facts) -> Explanation | None:
    if facts.is_tracked and facts.excluded_by and not facts.is_same:
        return Explanation(
            NOT, "excluded",
            f"it is tracked, but exclude = {facts.excluded_by!r} keeps its changes from being committed here",
            "remove the pattern: gitsyncctl config edit",
        )  # fmt: skip
    if facts.is_tracked or facts.tracked_below:
        return None
    if facts.excluded_by:
        return Explanation(
            NOT, "excluded", f"the configuration excludes it: exclude = {facts.excluded_by!r}",
            "to remove the pattern: gitsyncctl config edit",
        )  # fmt: skip
    if facts.ignored_by:
        return Explanation(
            NOT, "ignored", f"it is ignored by {facts.ignored_by}",
            f"to commit it anyway: {facts.git} add -f {facts.below}, "
            "or add a pattern to `include`: gitsyncctl config edit",
        )  # fmt: skip
    return None


def _done(facts: Facts) -> Explanation | None:
    if facts.kind == "directory" and not facts.is_tracked:
        if facts.differing_below:
            return None
        if not facts.tracked_below:
            return Explanation(NOT, "empty", "git does not store empty directories, and this one has nothing to commit")
        what = "its file is" if facts.tracked_below == 1 else f"its {facts.tracked_below} files are"
        return Explanation(
            COMMITTED, "committed", f"{what} unchanged since the last commit, {facts.last}{facts.pushed}"
        )
    if facts.is_conflict:
        return Explanation(
            NOT, "conflict", "two machines changed it differently; resolve the conflict",
            f"gitsyncctl conflicts {as_word(facts.repo)}",
        )  # fmt: skip
    if facts.is_same and not facts.is_staged:
        if facts.copy_of:
            return Explanation(
                COMMITTED, "conflict-copy",
                f"it is the other version of {facts.copy_of} in a conflict; committed {facts.last}{facts.pushed}",
                f"copy what you need of it into {facts.copy_of}, "
                f"then: gitsyncctl resolve {as_word(facts.copy_of)} --done",
            )  # fmt: skip
        return Explanation(COMMITTED, "committed", f"it is unchanged since the last commit, {facts.last}{facts.pushed}")
    return None


def _held(facts: Facts) -> Explanation | None:
    if facts.state in ("paused", "halted", "busy", "error"):
        hint = facts.hint or (
            f"gitsyncctl resume {as_word(facts.repo)}"
            if facts.state == "paused"
            else f"gitsyncctl status {as_word(facts.repo)}"
        )
        return Explanation(
            NOT, facts.state, f"{facts.repo} is {_HOLDS[facts.state]}: {facts.held_by or 'no reason given'}", hint
        )
    return None


_HOLDS = {"paused": "paused", "halted": "halted", "busy": "left alone", "error": "in an error state"}


def _waiting(facts: Facts) -> Explanation:
    path = facts.path
    if facts.kind == "unreadable":
        return Explanation(NOT, "unreadable", f"it cannot be read: {facts.why_unreadable}", f"ls -ld {path}")
    if facts.is_staged:
        left = facts.staged_left_s
        when = f"in {span(left)}" if left is not None else "ten minutes after gitsync noticed that"
        return Explanation(
            COMING, "staged",
            f"you staged it (git add), so gitsync leaves it alone; {when} it is committed as it is on disk",
            f"to commit it now: {facts.git} commit; "
            f"to unstage it: {facts.git} restore --staged {facts.below}",
        )  # fmt: skip
    if not facts.is_tracked and facts.size_limit is not None and facts.size > facts.size_limit:
        return Explanation(
            NOT, "too-large",
            f"it is a new file of {size(facts.size)}, and the limit is {size(facts.size_limit)}",
            f"raise max_file_size, ignore it, or commit it anyway: gitsyncctl allow {path}",
        )  # fmt: skip
    if facts.secret:
        return Explanation(
            NOT, "secret", f"it looks like a secret: {facts.secret}",
            f"ignore it in .gitignore, or if it is not one: gitsyncctl allow {path}",
        )  # fmt: skip
    if facts.refused:
        return Explanation(
            NOT,
            "refused",
            f"other machines could not fetch it: {facts.refused}",
            "rename the file, or change its content",
        )
    if facts.unfiltered:
        return Explanation(
            NOT, "filter", f"it {facts.unfiltered}",
            f"to see how to set it up: gitsyncctl doctor; then: gitsyncctl sync {as_word(facts.repo)}",
        )  # fmt: skip
    if not facts.is_watched:
        return Explanation(
            NOT, "no-daemon", "it differs from the last commit, but gitsync is not running",
            f"start gitsync, or: gitsyncctl sync {as_word(facts.repo)}",
        )  # fmt: skip
    what = "its removal" if facts.kind == "absent" else "it"
    if facts.is_written:
        return Explanation(
            COMING, "being-written",
            f"a program has it open for writing; it is committed when that ends, or after {span(facts.max_wait_s)}",
        )  # fmt: skip
    if facts.waited_s is not None:
        return Explanation(
            COMING, "pending",
            f"pending for {span(facts.waited_s)}; {what} is committed in {span(facts.due_s)} unless more changes",
        )  # fmt: skip
    return Explanation(COMING, "pending", f"{what} was not examined yet", f"gitsyncctl sync {as_word(facts.repo)}")
