"""Which part of a path the lines of attribute and ignore files can depend on. Pure.

Most files have only lines like `*`, `*.png` and `README`, also below a directory. Two files of one directory then have
the same attributes when the same lines match both, and git need be asked about one of them. Where a line depends on
more of a name, and could match it, the name counts as a whole; patterns that could depend on yet more are left to git.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_BLANKS = b" \t\r"
_BOM = b"\xef\xbb\xbf"
_NONE: frozenset[bytes] = frozenset()
# What stands for other characters in a pattern: from the first "[" on anything may.
_WILD = re.compile(rb"\*+|\?|\\.?|\[.*", re.DOTALL)


class Patterns(NamedTuple):
    """The last components of the patterns, as names and `*suffix`; `has_slash`: some depend on the directory, too.

    `loose` are others: of each the texts that a name must have for it to match.
    """

    lasts: frozenset[bytes] = frozenset()
    has_slash: bool = False
    loose: frozenset[tuple[bytes, ...]] = frozenset()

    def joined(self, other: Patterns) -> Patterns:
        """Return the patterns of two files."""
        return Patterns(self.lasts | other.lasts, self.has_slash or other.has_slash, self.loose | other.loose)

    def matching(self, name: bytes) -> frozenset[bytes]:
        """Return the components that match a name, and the name after a slash where a loose one may."""
        names, suffixes = _kinds(self.lasts)
        found = [name] if name in names else []
        if name.endswith(suffixes):
            found += [b"*" + suffix for suffix in suffixes if name.endswith(suffix)]
        for texts in self.loose:
            if all(text in name for text in texts):
                found.append(b"/" + name)
                break
        return frozenset(found) if found else _NONE


@lru_cache(maxsize=256)
def _kinds(lasts: frozenset[bytes]) -> tuple[frozenset[bytes], tuple[bytes, ...]]:
    """Return the names and the suffixes among the last components of patterns."""
    suffixes = tuple(last[1:] for last in lasts if last.startswith(b"*"))
    return frozenset(last for last in lasts if not last.startswith(b"*")), suffixes


def parse(data: bytes) -> Patterns | None:
    """Return the patterns of an attribute file; None when one of them may depend on other parts of a path."""
    if b"\0" in data:
        return None
    lasts: set[bytes] = set()
    has_slash = False
    for line in data.removeprefix(_BOM).split(b"\n"):
        said = line.lstrip(_BLANKS)
        if not said or said.startswith((b"#", b"[attr]")):
            continue
        pattern = _pattern(said)
        if pattern is None:
            return None
        has_slash = has_slash or b"/" in pattern
        last = pattern.rstrip(b"/").rpartition(b"/")[2]
        if last in (b"*", b"**"):
            continue  # it matches every name
        if not last or last.rfind(b"*") > 0:
            return None
        lasts.add(last)
    return Patterns(frozenset(lasts), has_slash)


def _pattern(said: bytes) -> bytes | None:
    if said.startswith(b'"'):
        pattern, quote, _ = said[1:].partition(b'"')
        if not quote:
            return None
    else:
        pattern = said.translate(bytes.maketrans(b"\t\r", b"  ")).partition(b" ")[0]
    is_special = pattern.startswith(b"!") or any(char in pattern for char in (b"\\", b"[", b"?"))
    return None if is_special or not pattern else pattern


def parse_ignores(data: bytes) -> Patterns | None:
    """Return the patterns of an ignore file; None when one of them may depend on more than directory and name.

    The directory always counts: a rule for it, or for one above it, is a rule for all that is in it.
    """
    if b"\0" in data:
        return None
    lasts: set[bytes] = set()
    loose: set[tuple[bytes, ...]] = set()
    for line in data.removeprefix(_BOM).split(b"\n"):
        pattern = line.removesuffix(b"\r").rstrip(b" ")
        if not pattern or pattern.startswith(b"#"):
            continue
        pattern = pattern.removeprefix(b"!")
        last = pattern.rstrip(b"/").rpartition(b"/")[2]
        if not last or b"/" in pattern.partition(b"[")[2]:
            return None
        is_simple = _WILD.search(last.removeprefix(b"*")) is None
        # A name that is a directory's may match where another that is a file's does not.
        if not is_simple or (last.startswith(b"*") and pattern.endswith(b"/")):
            if last.strip(b"*") or pattern.endswith(b"/"):
                loose.add(tuple(text for text in _WILD.split(last) if text))
        elif last != b"*":
            lasts.add(last)
    return Patterns(frozenset(lasts), True, frozenset(loose))
