"""File systems that can be unmounted and come back, such as a stick: which one a directory is on, by an id that stays.

Any thread; nothing is kept open. The number of a device changes from one mount to the next, and so may inode numbers:
neither identifies a file system. Its UUID does, which udev lists by device; ext4 and btrfs derive `f_fsid` from it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

BY_UUID = Path("/dev/disk/by-uuid")
MOUNTS = Path("/proc/self/mountinfo")
# Their f_fsid is made of the UUID; that of other file systems is made of the number of the device.
_STABLE = frozenset({"ext2", "ext3", "ext4", "btrfs"})
# Their files are on another machine, and its name identifies them.
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"})


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A file system: its kind, and an id that is the same at each mount; "" where the system knows none."""

    kind: str
    id: str

    def is_like(self, other: FileSystem) -> bool:
        """Whether both may be the same one, as far as is known."""
        return self.kind == other.kind and (self.id == other.id or not (self.id and other.id))


def mounted_apart(root: str) -> FileSystem | None:
    """Return the file system of `root` if it can be unmounted while this process runs; None where it cannot, or is not
    there.

    It cannot when it holds the system or the home directory, nor when it is a part of another one that was mounted
    here, as the directories of a container are.
    """
    try:
        device = os.stat(root).st_dev
        if device in (os.stat("/").st_dev, os.stat(os.path.expanduser("~")).st_dev):
            return None
    except OSError:
        return None
    if sys.platform != "linux":
        return FileSystem("", "")
    fields = _mount(f"{os.major(device)}:{os.minor(device)}")
    if fields is None or fields[3] != "/":
        return None
    after = fields[fields.index("-") + 1 :]
    kind, source = after[0], after[1]
    return FileSystem(kind, source if kind in _NETWORK else _uuid(device) or _fsid(root, kind))


def _mount(number: str) -> list[str] | None:
    """Return the fields of the line of a mounted device in mountinfo (proc(5))."""
    try:
        lines = MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines]
    whole = [fields for fields in found if len(fields) > 8 and fields[2] == number]
    return next((fields for fields in whole if fields[3] == "/"), whole[0] if whole else None)


def _uuid(device: int) -> str:
    try:
        return next((link.name for link in BY_UUID.iterdir() if link.stat().st_rdev == device), "")
    except OSError:
        return ""


def _fsid(root: str, kind: str) -> str:
    try:
        return f"{os.statvfs(root).f_fsid:x}" if kind in _STABLE else ""
    except OSError:
        return ""
