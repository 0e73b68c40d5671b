"""Keeps what was agreed to on this machine, over a restart. Runs on the committer thread; owns `agreement.json` in the
repository's state directory.

Losing the file loses no content: nothing is agreed to then, and what home and mirror have in common is linked again.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from gitsync.core.agreement import Agreement
from gitsync.git.files import write_durably

logger = logging.getLogger(__name__)
NAME = "agreement.json"


def read(repo_state_dir: Path) -> Agreement | None:
    """Return what was agreed to, None where nobody was asked yet."""
    path = repo_state_dir / NAME
    try:
        found = json.loads(path.read_bytes())
        return Agreement(
            frozenset(map(os.fsencode, found["paths"])),
            frozenset(map(os.fsencode, found["directories"])),
            frozenset(map(os.fsencode, found["declined"])),
            {os.fsencode(at): str(blob) for at, blob in found["versions"].items()},
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning("cannot read %s: %s; nothing counts as agreed to", path, error)
        return Agreement()


def write(repo_state_dir: Path, agreement: Agreement) -> None:
    """Write down what is agreed to; raise OperationError."""
    repo_state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    document = {
        "paths": sorted(map(os.fsdecode, agreement.paths)),
        "directories": sorted(map(os.fsdecode, agreement.directories)),
        "declined": sorted(map(os.fsdecode, agreement.declined)),
        "versions": {os.fsdecode(path): blob for path, blob in sorted(agreement.versions.items())},
    }
    write_durably(repo_state_dir / NAME, json.dumps(document).encode("ascii"))
