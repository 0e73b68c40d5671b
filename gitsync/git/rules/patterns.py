"""Which part of a path the lines of attribute files can depend on. Pure.

Most files have only lines like `*`, `*.png` and `README`, also below a directory. Two files of one directory then have
the same attributes when the same lines match both, and git need be asked about one of them. Patterns that could
depend on more are left to git.
"""

from __future__ import annotations

from typing import NamedTuple

_BLANKS = b" \t\r"
_BOM = b"\xef\xbb\xbf"


class Patterns(NamedTuple):
    """The last components of the patterns, as names and `*suffix`; `has_slash`: some depend on the directory, too."""

    lasts: frozenset[bytes] = frozenset()
    has_slash: bool = False

    def joined(self, other: Patterns) -> Patterns:
        """Return the patterns of two files."""
        return Patterns(self.lasts | other.lasts, self.has_slash or other.has_slash)

    def matching(self, name: bytes) -> frozenset[bytes]:
        """Return the components that match a name."""
        return frozenset(
            last for last in self.lasts if (name.endswith(last[1:]) if last.startswith(b"*") else name == last)
        )


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
