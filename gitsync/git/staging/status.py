"""The full comparison of HEAD, index and work tree, in a git child. Runs on the committer thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gitsync.errors import OperationError
from gitsync.git.program import GitProgram, failed

DEADLINE_S = 600.0


class Difference(NamedTuple):
    """The `paths` that differ, and the repositories of their own (`nested`) that git would take for one path."""

    paths: frozenset[bytes]
    nested: frozenset[bytes]


def differing(
    program: GitProgram, include: Sequence[str], is_excluded: Callable[[bytes], bool], deadline_s: float = DEADLINE_S
) -> Difference:
    """Return every path that is not the same in HEAD, index and work tree, untracked ones too.

    Ignored ones only where an `include` pattern takes them back; untracked ones for which `is_excluded` are left out.
    Raise OperationError "scan", and TransientError "git-slow" after `deadline_s` seconds.
    """
    done = program.run(
        "status",
        "--porcelain=v2",
        "-z",
        "--untracked-files=all",
        "--ignore-submodules=dirty",
        "--no-renames",
        "--no-ahead-behind",
        deadline_s=deadline_s,
    )
    if not done.ok:
        raise _scan_failed(program, failed(f"cannot compare {program.root} with its history", done))
    records = _parsed(done.stdout)
    nested = frozenset(path[:-1] for path, is_new in records if is_new and path.endswith(b"/"))
    changed = frozenset(path for path, is_new in records if not (is_new and (path.endswith(b"/") or is_excluded(path))))
    if not include:
        return Difference(changed, nested)
    from pathspec import GitIgnoreSpec  # late: most configurations have no pattern of their own

    wanted = GitIgnoreSpec.from_lines(include)
    listed = program.read("ls-files", "--others", "--ignored", "--exclude-standard", "-z", deadline_s=deadline_s)
    ignored = [path for path in listed.split(b"\0") if path and not path.endswith(b"/")]
    taken_back = {path for path in ignored if wanted.match_file(path.decode("utf-8", "surrogateescape"))}
    return Difference(changed | taken_back, nested)


def ignored_tracked(program: GitProgram, deadline_s: float = DEADLINE_S) -> tuple[bytes, ...]:
    """Return the tracked files that an ignore rule names, which changes nothing for them; () when git cannot say."""
    done = program.run("ls-files", "--cached", "--ignored", "--exclude-standard", "-z", deadline_s=deadline_s)
    return tuple(path for path in done.stdout.split(b"\0") if path) if done.ok else ()


def _parsed(text: bytes) -> list[tuple[bytes, bool]]:
    """Return path and "is untracked" of each record; an untracked directory, with a slash, is a repository."""
    found = []
    for record in text.split(b"\0"):
        kind = record[:2]
        if kind == b"? ":
            found.append((record[2:], True))
        elif kind == b"1 ":
            found.append((record.split(b" ", 8)[8], False))
        elif kind == b"u ":
            found.append((record.split(b" ", 10)[10], False))
    return found


def _scan_failed(program: GitProgram, error: OperationError) -> OperationError:
    if error.code == "git":
        error.code = "scan"
        error.hint = f"see what git says: git -C {program.root} status"
    return error
