"""A backend's memory between runs: JSON files in the job's state directory. Runs on the thread of the job."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from gitsync.errors import OperationError
from gitsync.git.files import write_durably

# Appended to the name of a file that can no longer be read.
ASIDE = ".damaged"


def read(path: Path) -> dict[str, Any]:
    """Return what was remembered; nothing where there is no such file, or a damaged one, which proves nothing.

    Raise OperationError when it is there and cannot be read.
    """
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OperationError(
            f"cannot read {path}: {error.strerror}", "check the permissions of the state directory"
        ) from error
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def set_aside_damaged(directory: Path) -> list[str]:
    """Rename the files in `directory` that hold no JSON object any more, and return what they were called.

    A power cut, a full disk or a cleaner leaves them empty or cut short. Raise OSError when one cannot be renamed.
    """
    found: list[str] = []
    for path in sorted(directory.glob("*.json")):
        try:
            is_sound = isinstance(json.loads(path.read_bytes()), dict)
        except ValueError:
            is_sound = False
        if not is_sound:
            path.rename(path.with_name(f"{path.name}{ASIDE}"))
            found.append(path.name)
    return found


def write(path: Path, values: dict[str, Any]) -> None:
    """Remember `values`, durably and by rename; raise OperationError when the disk is full."""
    write_durably(path, json.dumps(values).encode())


def write_changed(path: Path, values: dict[str, Any]) -> None:
    """Remember `values` where they differ from what is remembered; nothing at all needs no file. Raise as `write`."""
    data = json.dumps(values).encode()
    try:
        is_same = path.read_bytes() == data
    except FileNotFoundError:
        is_same = not values
    except OSError:
        is_same = False
    if not is_same:
        write_durably(path, data)


def own_id(path: Path) -> str:
    """Return the id that the notes at `path` were made with: two machines with the same names never have the same."""
    known = read(path).get("id")
    if isinstance(known, str):
        return known
    made = os.urandom(8).hex()
    write(path, {"id": made})
    return made
