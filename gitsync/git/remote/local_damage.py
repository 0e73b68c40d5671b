"""What is broken in the repository itself: the file, so that it is not looked for on the remote.

Any thread; reads only. Called after something failed, never before.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from gitsync.git.rules.config import common_dir, git_dir
from gitsync.model import Problem
from gitsync.text import clean

CODE = "local-damage"

# git names an object of this repository by its path from the work tree; one of a remote on this machine by ./objects.
_OBJECT = re.compile(r"(?:object file |stored in )(?P<path>\.git/objects/[0-9a-f]{2}/[0-9a-f]+)")
_SUSPICIOUS = re.compile(
    r"bad object|not a git repository|packed-refs|packed ref|did not send all necessary|ignoring broken ref|"
    r"invalid sha1 pointer|bad ref|does not point to a valid|corrupt",
    re.IGNORECASE,
)
_VALUE = re.compile(rb"(ref: \S.*|[0-9a-f]{40}|[0-9a-f]{64})\s*", re.DOTALL)
_PACKED = re.compile(rb"([#^].*|[0-9a-f]{40,64} \S.*)\n")


def found_in(root: Path, said: str) -> Problem | None:
    """Return the problem of a git that failed with the words `said`, None where this repository seems whole."""
    if matched := _OBJECT.search(said):
        return damaged_object(root, root / matched["path"])
    return damaged_ref(root) if _SUSPICIOUS.search(said) else None


def damaged_object(root: Path, path: Path) -> Problem:
    """Return the problem of one object's file that is not what its name says."""
    where = shlex.quote(clean(str(root)))
    return Problem(
        CODE,
        f"{clean(str(root))}: the object file {clean(str(path))} is damaged",
        f"if a remote or another clone has the object: mv {shlex.quote(clean(str(path)))} /tmp, then: "
        f"git -C {where} fetch --refetch; see what else is missing: git -C {where} fsck",
    )


def damaged_ref(root: Path) -> Problem | None:
    """Return the problem of HEAD, packed-refs or a file among the refs that git cannot read; None without one."""
    own = git_dir(root)
    shared = common_dir(own)
    shown = clean(str(root))
    if not _is_ref(own / "HEAD"):
        path = clean(str(own / "HEAD"))
        return Problem(CODE, f"{shown}: {path} is damaged: it names no branch", _head_hint(own, shared))
    packed = shared / "packed-refs"
    if packed.is_file() and any(not _PACKED.fullmatch(line) for line in packed.read_bytes().splitlines(keepends=True)):
        path = shlex.quote(clean(str(packed)))
        return Problem(
            CODE,
            f"{shown}: {clean(str(packed))} is damaged: it has lines that are not refs",
            f"take them out, or: mv {path} /tmp; then fetch again: git -C {shlex.quote(shown)} fetch",
        )
    for file in _files(shared / "refs"):
        if not _is_ref(file):
            name = clean(str(file))
            return Problem(CODE, f"{shown}: {name} is not a ref: another program created it", f"rm {shlex.quote(name)}")
    return None


def _files(top: Path) -> Iterator[Path]:
    for directory, _, names in os.walk(top):
        for name in sorted(names):
            if not name.endswith(".lock"):
                yield Path(directory, name)


def _is_ref(path: Path) -> bool:
    try:
        return os.path.islink(path) or _VALUE.fullmatch(path.read_bytes()) is not None
    except OSError:
        return True  # of what cannot be read the system's own words tell more


def _head_hint(own: Path, shared: Path) -> str:
    heads = [path.relative_to(shared).as_posix() for path in _files(shared / "refs/heads")]
    ref = heads[0] if len(heads) == 1 else "refs/heads/BRANCH"
    return f"name the branch again: echo 'ref: {clean(ref)}' > {shlex.quote(clean(str(own / 'HEAD')))}"
