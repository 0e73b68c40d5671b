"""What is about to happen to the work tree, written down before it happens, so that a death half way can be mended.

Runs on the committer thread; owns `integration.json` in the repository's notes directory. There are no "done" marks:
every step is one rename, and where each temporary and each path stand tells whether it was made. That cannot get out
of step with the file system, and costs no sync a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from gitsync.errors import OperationError
from gitsync.git.files import TEMP_PREFIX, storage_error, write_durably

_NAME = "integration.json"
_FORMAT = 1


class Phase(StrEnum):
    """STAGING: temporaries are being written, nothing of the user's was touched. SWAPPING: from the first rename on."""

    STAGING = "staging"
    SWAPPING = "swapping"


@dataclass(frozen=True, slots=True)
class JournalStep:
    """One path that changes: from the print `base` to the print `target` ("" is absent), by way of `temp`.

    `temp` holds the target before the step and the base after it (nothing before a removal, nothing after a creation).
    `is_early`: it has to be out of the way before other paths can come.
    """

    path: bytes
    temp: bytes
    base: str
    target: str
    is_early: bool = False


@dataclass(frozen=True, slots=True)
class Journal:
    """An integration: `ref` goes from commit `base` (None: unborn) to commit `target`, the paths by `steps`.

    `made` are directories that come into being, `gone` those that the target has no more: both are removed only when
    they are empty, the first when the steps are taken back, the second when they are done. `reason` names the backup
    ref.
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
        """Return it in the phase from which on the work tree changes."""
        return replace(self, phase=Phase.SWAPPING)


def temp_name(directory: bytes) -> bytes:
    """Return a new name for a temporary in `directory` ("" is the root): short, and of no other process."""
    name = TEMP_PREFIX + secrets.token_hex(8).encode()
    return directory + b"/" + name if directory else name


def write(notes_dir: Path, journal: Journal) -> None:
    """Put the journal on disk, durably and in one step; raise OperationError (disk-full, read-only, io)."""
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
    write_durably(notes_dir / _NAME, json.dumps(document).encode("ascii"))
    _sync(notes_dir)


def read(notes_dir: Path) -> Journal | None:
    """Return the journal that a death has left, or None; raise OperationError "journal" for a bad one."""
    path = notes_dir / _NAME
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
        # It is written whole or not at all; what cannot be read is not ours to guess at, and not to be passed over:
        # temporaries beside the user's files may hold an edit of his.
        raise OperationError(
            f"cannot read the note of an unfinished pull, {path}: {error}",
            f"look for files named {os.fsdecode(TEMP_PREFIX)}* in the work tree, keep what is yours, then: rm {path}",
            code="journal",
        ) from error


def drop(notes_dir: Path) -> None:
    """Forget the journal, durably: everything in it is done, or taken back; raise OperationError."""
    with contextlib.suppress(FileNotFoundError):
        (notes_dir / _NAME).unlink()
    _sync(notes_dir)


def _sync(directory: Path) -> None:
    """Make the names in `directory` durable: the work tree may be on another disk, and must not be ahead of them."""
    handle = -1
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        os.fsync(handle)
    except OSError as error:
        raise storage_error(f"cannot write to {directory}", error) from error
    finally:
        if handle >= 0:
            os.close(handle)
