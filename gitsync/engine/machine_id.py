"""The id of this machine, by which other machines know it: a random number in the state directory.

Any thread and process. A home directory that was copied to another machine, or to another place, gets a new id: the
file names the machine and the directory that it was made for. A cloned virtual machine is noticed by what its twin
reports (`renew`).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitsync import digests
from gitsync.core.machines import ID
from gitsync.git.files import write_durably

FILE = "machine.json"
MACHINE_ID = Path("/etc/machine-id")


def machine_id(state_dir: Path, system: Path = MACHINE_ID) -> str:
    """Return the id, created where there is none for this machine. Raise OperationError when it cannot be stored."""
    found = _read(state_dir, system)
    if found:
        return found
    with _alone(state_dir):
        return _read(state_dir, system) or _create(state_dir, system)


def renew(state_dir: Path, was: str, system: Path = MACHINE_ID) -> str:
    """Return another id than `was`, which another machine uses, too. Raise OperationError when it cannot be stored."""
    with _alone(state_dir):
        found = _read(state_dir, system)
        return found if found not in ("", was) else _create(state_dir, system)


def _read(state_dir: Path, system: Path) -> str:
    try:
        found = json.loads((state_dir / FILE).read_bytes())
    except (OSError, ValueError):
        return ""
    if not isinstance(found, dict) or found.get("of") != _place(state_dir, system):
        return ""
    id = found.get("id")
    return id if isinstance(id, str) and ID.fullmatch(id) else ""


def _create(state_dir: Path, system: Path) -> str:
    id = os.urandom(8).hex()
    write_durably(state_dir / FILE, json.dumps({"id": id, "of": _place(state_dir, system)}).encode())
    return id


def _place(state_dir: Path, system: Path) -> str:
    """Return what the id is made for, as a digest: the machine's own id is not to be given away."""
    try:
        own = system.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        own = ""
    return digests.sha256(os.fsencode(f"{own} {os.path.realpath(state_dir)}")).hexdigest()


@contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    handle = os.open(state_dir / f"{FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
