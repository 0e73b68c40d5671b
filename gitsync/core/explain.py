"""Why one path is committed or is not: facts in, one verdict out.

Pure, so on no thread and owner of nothing. The order of the questions is the order in which they decide: what cannot
be committed at all, what is not wanted, what is done already, what holds the repository, what holds this path.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitsync.text import as_word, size, span

COMMITTED, COMING, NOT = "committed", "will be committed", "not committed"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found out about a path of the repository `repo`.

    `path` and `below` (in the work tree) are words of a command line; `git` is one that works on the repository from
    anywhere. `kind` is file, link, directory, absent, special or unreadable (`why_unreadable`). `unfiltered` says which
    filter it needs and has not got. `ignored_by` is "FILE:LINE:
    pattern", `excluded_by` a pattern of the configuration. `waited_s` and `due_s` are the committer's, None where it
    has not noted the path; `staged_left_s` is how long a path that the user staged is still his. `state` and `held_by`
    are the repository's; `is_watched` says whether a daemon runs. `is_listed` is about home files: is it one of those
    that are to be mirrored?
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
    """Return why the path is committed or is not."""
    return _never(facts) or _unwanted(facts) or _done(facts) or _held(facts) or _waiting(facts)


def _never(facts: Facts) -> Explanation | None:
    path = facts.path
    if facts.nested:
        return Explanation(
            NOT, "nested", f"it is in {facts.nested}, which is a repository of its own",
            f"to watch that one: gitsyncctl watch {as_word(facts.nested)}",
        )  # fmt: skip
    if not facts.is_listed:
        return Explanation(
            NOT, "not-tracked", "it is no tracked file of your home directory", f"to track it: gitsyncctl add {path}"
        )  # fmt: skip
    if facts.kind == "special":
        return Explanation(
            NOT, "not-regular", "it is neither a file nor a symbolic link nor a directory, and git keeps no other"
        )
    if facts.kind == "absent" and not facts.is_tracked:
        if facts.last:
            return Explanation(
                NOT, "removed", f"it is not there; the last that history has of it is {facts.last}",
                f"to bring it back: gitsyncctl restore {path}",
            )  # fmt: skip
        return Explanation(NOT, "unknown", "it is not there and never was", "check the spelling")
    if facts.left_out:
        return Explanation(
            NOT, "left-out", f"git was told not to look at it ({facts.left_out})",
            f"{facts.git} update-index --no-{facts.left_out} {facts.below}",
        )  # fmt: skip
    return None


def _unwanted(facts: Facts) -> Explanation | None:
    if facts.is_tracked or facts.tracked_below:
        return None
    if facts.excluded_by:
        return Explanation(
            NOT, "excluded", f"the configuration excludes it: exclude = {facts.excluded_by!r}",
            "take the pattern out: gitsyncctl config edit",
        )  # fmt: skip
    if facts.ignored_by:
        return Explanation(
            NOT, "ignored", f"it is ignored by {facts.ignored_by}",
            f"to have it all the same: {facts.git} add -f {facts.below}, "
            "or the pattern in `include`: gitsyncctl config edit",
        )  # fmt: skip
    return None


def _done(facts: Facts) -> Explanation | None:
    if facts.kind == "directory" and not facts.is_tracked:
        if facts.differing_below:
            return None
        if not facts.tracked_below:
            return Explanation(NOT, "empty", "git keeps no empty directories, and there is nothing in it to commit")
        count = f"{facts.tracked_below} {'file' if facts.tracked_below == 1 else 'files'}"
        return Explanation(
            COMMITTED, "committed", f"its {count} are as they were last committed, {facts.last}{facts.pushed}"
        )
    if facts.is_conflict:
        return Explanation(
            NOT, "conflict", "two machines changed it differently, and a person has to decide",
            f"gitsyncctl conflicts {as_word(facts.repo)}",
        )  # fmt: skip
    if facts.is_same and not facts.is_staged:
        if facts.copy_of:
            return Explanation(
                COMMITTED, "conflict-copy",
                f"it is another machine's version of {facts.copy_of}; committed {facts.last}{facts.pushed}",
                f"take what you need of it into {facts.copy_of}, "
                f"then: gitsyncctl resolve {as_word(facts.copy_of)} --done",
            )  # fmt: skip
        return Explanation(COMMITTED, "committed", f"it is as it was last committed, {facts.last}{facts.pushed}")
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


_HOLDS = {"paused": "paused", "halted": "halted", "busy": "left alone", "error": "in trouble"}


def _waiting(facts: Facts) -> Explanation:
    path = facts.path
    if facts.kind == "unreadable":
        return Explanation(NOT, "unreadable", f"it cannot be read: {facts.why_unreadable}", f"ls -ld {path}")
    if facts.is_staged:
        left = facts.staged_left_s
        when = f"in {span(left)}" if left is not None else "ten minutes after that was noticed"
        return Explanation(
            COMING, "staged",
            f"you staged it (git add), so it is left alone; {when} it is committed as it is on disk",
            f"to have it committed now, do it yourself: {facts.git} commit; "
            f"to give it back: {facts.git} restore --staged {facts.below}",
        )  # fmt: skip
    if not facts.is_tracked and facts.size_limit is not None and facts.size > facts.size_limit:
        return Explanation(
            NOT, "too-large",
            f"it is a new file of {size(facts.size)}, and the limit is {size(facts.size_limit)}",
            f"raise max_file_size, ignore it, or add it yourself: {facts.git} add {facts.below} && {facts.git} commit",
        )  # fmt: skip
    if facts.secret:
        return Explanation(
            NOT, "secret", f"it looks like a secret: {facts.secret}",
            f"ignore it in .gitignore, or if it is none: {facts.git} add {facts.below} && {facts.git} commit",
        )  # fmt: skip
    if facts.unfiltered:
        return Explanation(
            NOT, "filter", f"it {facts.unfiltered}",
            f"gitsyncctl doctor says how; then: gitsyncctl sync {as_word(facts.repo)}",
        )  # fmt: skip
    if not facts.is_watched:
        return Explanation(
            NOT, "no-daemon", "it differs from the last commit, and no daemon runs that would commit it",
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
    return Explanation(
        COMING, "pending", f"{what} has not been looked at yet", f"gitsyncctl sync {as_word(facts.repo)}"
    )
