"""The write-ahead journal of a change to the work tree, from which an interrupted change is recovered.

Runs on the committer thread; owns `integration.json` in the repository's state directory. Steps are not marked as
done: each is one rename, and the positions of temporary and path show whether it was made. That cannot disagree with
the file system, and saves a sync for each file.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from gitsync.core.temporary import TEMP_PREFIX
from gitsync.errors import OperationError
from gitsync.git.files import storage_error, write_durably
from gitsync.git.flush import full_fsync

_NAME = "integration.json"
_FORMAT = 1


class Phase(StrEnum):
    """STAGING: temporaries are being written, the work tree is unchanged. SWAPPING: from the first rename on."""

    STAGING = "staging"
    SWAPPING = "swapping"


class JournalStep(NamedTuple):
    """One path to change from fingerprint `base` to fingerprint `target` ("" is absent), through the temporary `temp`.

    `temp` holds the target before the step and the base after it (nothing before a removal, nothing after a creation).
    `is_early`: the path must be removed before others can be created.
    """

    path: bytes
    temp: bytes
    base: str
    target: str
    is_early: bool = False


@dataclass(frozen=True, slots=True)
class Journal:
    """An integration: `ref` moves from commit `base` (None: unborn) to commit `target`, the paths by `steps`.

    `made` are directories to create, `gone` directories that the target does not have. Both are removed only when
    empty: `made` when the steps are rolled back, `gone` when they are done. `reason` names the backup ref.
    """

    phase: Phase
    ref: str
    base: str | None
    target: str
    base_tree: str | None
    target_tree: str
    has_modes: bool
    steps: tuple[JournalStep, ...]
    made: tuple[bytes, ...] = ()
    gone: tuple[bytes, ...] = ()
    reason: str = "pull"

    def swapping(self) -> Journal:
        """Return the journal in its second phase, in which the work tree changes."""
        return replace(self, phase=Phase.SWAPPING)


def temp_name(directory: bytes) -> bytes:
    """Return an unused, short name for a temporary in `directory` ("" is the root)."""
    name = TEMP_PREFIX + os.urandom(8).hex().encode()
    return directory + b"/" + name if directory else name


def write(repo_state_dir: Path, journal: Journal) -> None:
    """Write the journal durably and atomically; raise OperationError (disk-full, read-only, io)."""
    document: dict[str, Any] = {
        "format": _FORMAT,
        "phase": str(journal.phase),
        "ref": journal.ref,
        "base": journal.base,
        "target": journal.target,
        "base_tree": journal.base_tree,
        "target_tree": journal.target_tree,
        "has_modes": journal.has_modes,
        "steps": [
            [os.fsdecode(step.path), os.fsdecode(step.temp), step.base, step.target, step.is_early]
            for step in journal.steps
        ],
        "made": [os.fsdecode(path) for path in journal.made],
        "gone": [os.fsdecode(path) for path in journal.gone],
        "reason": journal.reason,
    }
    write_durably(repo_state_dir / _NAME, json.dumps(document).encode("ascii"))
    _sync(repo_state_dir)


def read(repo_state_dir: Path) -> Journal | None:
    """Return the journal that a crash left, or None; raise OperationError "journal" for an invalid one."""
    path = repo_state_dir / _NAME
    try:
        found = json.loads(path.read_bytes())
        if found["format"] != _FORMAT:
            raise ValueError(f"format {found['format']} is not known")
        return Journal(
            Phase(found["phase"]),
            str(found["ref"]),
            found["base"],
            str(found["target"]),
            found["base_tree"],
            str(found["target_tree"]),
            bool(found["has_modes"]),
            tuple(
                JournalStep(os.fsencode(at), os.fsencode(temp), str(base), str(target), bool(is_early))
                for at, temp, base, target, is_early in found["steps"]
            ),
            tuple(os.fsencode(item) for item in found["made"]),
            tuple(os.fsencode(item) for item in found["gone"]),
            str(found.get("reason", "pull")),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        # It is written atomically, so an unreadable journal is unexpected. It must not be ignored: temporaries beside
        # the user's files may hold an edit.
        why = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise OperationError(
            f"cannot read the journal of an unfinished pull, {path}: {why}",
            f"look for files named {os.fsdecode(TEMP_PREFIX)}* in the work tree, keep what you need, then: rm {path}",
            code="journal",
        ) from error


def drop(repo_state_dir: Path) -> None:
    """Remove the journal durably, when its steps are done or rolled back; raise OperationError."""
    with contextlib.suppress(FileNotFoundError):
        (repo_state_dir / _NAME).unlink()
    _sync(repo_state_dir)


def _sync(directory: Path) -> None:
    """Sync the entries of `directory`: the work tree may be on another disk, and must not get ahead of the journal."""
    handle = -1
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        full_fsync(handle)
    except OSError as error:
        raise storage_error(f"cannot write to {directory}", error) from error
    finally:
        if handle >= 0:
            os.close(handle)
