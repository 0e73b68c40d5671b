"""Contents that git refuses when another machine fetches or checks them out. Pure.

The rules are those of fsck.c and read-cache.c in git: a link called .gitmodules, also as other file systems spell it,
and attribute files with lines that git does not read.
"""

from __future__ import annotations

import re

# ATTR_MAX_LINE_LENGTH of git's attr.h: a line has to be shorter.
_LINE_MAX = 2048
_MODULES = re.compile(rb"\.gitmodules[ .]*(:.*)?|gitmod~[1-4]", re.IGNORECASE | re.DOTALL)


def refusal(path: bytes, data: bytes, *, is_link: bool) -> str:
    """Return why no other machine could fetch or check out this content at `path`, "" when it could."""
    name = path.rpartition(b"/")[2]
    if is_link:
        return "git takes no symbolic link of this name" if _MODULES.fullmatch(name) else ""
    if name.lower() == b".gitattributes":
        longest = max(map(len, data.split(b"\n")))
        if longest >= _LINE_MAX:
            return f"it has a line of {longest} bytes, and git refuses to fetch one of {_LINE_MAX} bytes and more"
    return ""
