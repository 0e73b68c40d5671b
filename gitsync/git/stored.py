"""Where a repository has its objects, and reading one that is a file of its own. Runs where its store runs.

libgit2 1.9.7 never comes back from a loose object that a power cut left cut short, and holds Python's lock meanwhile:
one such file stopped every repository. Here what is damaged is told at once.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

import pygit2

_KINDS = {b"commit": 1, b"tree": 2, b"blob": 3, b"tag": 4}


def common_dir(git_dir: str) -> str:
    """Return where the objects of a repository are, which a linked work tree shares with others."""
    try:
        with open(os.path.join(git_dir, "commondir"), "rb") as stream:
            return os.path.join(git_dir, os.fsdecode(stream.read().strip()))
    except FileNotFoundError:
        return git_dir


def lock_of(root: Path, ref: str) -> Path:
    """Return where git keeps the lock of a ref that all work trees of a repository share."""
    return Path(common_dir(pygit2.Repository(str(root)).path.rstrip("/")), f"{ref}.lock")


def read_loose(directory: str, object_id: str) -> tuple[int, bytes] | None:
    """Return kind and content of an object in `directory` (.git/objects), None when it is no file of its own there.

    Raise ValueError when it is not what its name says, and OSError.
    """
    try:
        with open(os.path.join(directory, object_id[:2], object_id[2:]), "rb") as stream:
            packed = stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    inflating = zlib.decompressobj()
    try:
        data = inflating.decompress(packed)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not inflating.eof or hashlib.sha1(data).hexdigest() != object_id:
        raise ValueError(f"{object_id} is cut short, or another object")
    head, _, content = data.partition(b"\0")
    return _KINDS[head.partition(b" ")[0]], content
