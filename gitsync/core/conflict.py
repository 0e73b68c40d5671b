"""Conflict policies by path, and the names of conflict copies.

Pure; any thread. A copy's name is derived from its content, so that machines that resolve the same conflict
independently create the same tree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

# The limit of common file systems for a name, in bytes.
NAME_MAX = 255
SHORT, FULL = 8, 40
# A longer suffix is not a file type but part of the name.
_ENDING_MAX = 32
_MARK = b".conflict-"
_COPY = re.compile(rb"(?P<stem>.+)\.conflict-(?P<id>[0-9a-f]{8,40})(?:-[0-9]+)?(?P<ending>\.[^./]*)?", re.DOTALL)


class Policy(StrEnum):
    """What to do with a conflicting path; the values are those of the `conflict` option."""

    KEEP_BOTH = "keep-both"
    OURS = "ours"
    THEIRS = "theirs"
    UNION = "union"
    NEWEST = "newest"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy of each path: a person's choice, else that of the first matching pattern, else `default`.

    `patterns` are (pattern, policy) in gitignore syntax, `chosen` is by path.
    """

    default: Policy = Policy.KEEP_BOTH
    patterns: tuple[tuple[str, Policy], ...] = ()
    chosen: Mapping[bytes, Policy] = field(default_factory=dict)

    @classmethod
    def of(cls, conflict: str, conflict_paths: tuple[tuple[str, str], ...] = ()) -> Rules:
        """Return the rules of a repository's configuration."""
        return cls(Policy(conflict), tuple((pattern, Policy(policy)) for pattern, policy in conflict_paths))

    def policy(self, path: bytes) -> Policy:
        """Return the policy of `path`; a conflict copy has the policy of its original."""
        copied = is_conflict_copy(path)
        names = (path,) if copied is None else (path, copied[0])
        for name in names:
            if name in self.chosen:
                return self.chosen[name]
        for pattern, policy in self.patterns:
            if any(_spec(pattern).match_file(name.decode("utf-8", "surrogateescape")) for name in names):
                return policy
        return self.default


@cache
def _spec(pattern: str) -> GitIgnoreSpec:
    # Imported late: most configurations have no pattern, and it takes a tenth of the daemon's start.
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines([pattern])


def copy_name(path: bytes, content_id: str, is_taken: Callable[[bytes], bool] = lambda _: False) -> bytes:
    """Return a path beside `path` for a version of it: `name.conflict-<first 8 of content_id>.ext`.

    `content_id` is the hex id of the blob. `is_taken` tells whether a path holds other content: then more of the id is
    used, and after all of it a number. A copy of a copy is named after the original. A name that exceeds 255 bytes is
    truncated before the suffix.
    """
    copied = is_conflict_copy(path)
    directory, slash, name = (path if copied is None else copied[0]).rpartition(b"/")
    stem, dot, ending = name.rpartition(b".")
    if not stem.strip(b".") or len(ending) > _ENDING_MAX:
        stem, dot, ending = name, b"", b""
    count = 0
    digits = SHORT
    while True:
        mark = _MARK + content_id[:digits].encode("ascii") + (b"-%d" % count if count else b"") + dot + ending
        found = directory + slash + _cut(stem, NAME_MAX - len(mark)) + mark
        if not is_taken(found):
            return found
        if digits < FULL:
            digits += 8
        else:
            count += 1


def is_conflict_copy(path: bytes) -> tuple[bytes, str] | None:
    """Return (path of the original, id in the name) when `path` is named like a conflict copy, else None.

    The original of a truncated name is the truncated one.
    """
    directory, slash, name = path.rpartition(b"/")
    matched = _COPY.fullmatch(name)
    if matched is None:
        return None
    original = directory + slash + matched["stem"] + (matched["ending"] or b"")
    return original, matched["id"].decode("ascii")


def _cut(stem: bytes, size: int) -> bytes:
    """Return at most `size` bytes of `stem`, without a partial UTF-8 character."""
    if len(stem) <= size:
        return stem
    end = size
    while end > size - 4 and stem[end] & 0xC0 == 0x80:
        end -= 1
    return stem[:end]
