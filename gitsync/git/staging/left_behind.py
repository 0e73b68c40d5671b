"""Submodules that a pull moved on, and whose checkout is still where it was: that is not an edit.

Runs on the committer thread; owns `left-behind.json` in the repository's state directory.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path

import pygit2

from gitsync.errors import OperationError
from gitsync.git.files import write_durably

logger = logging.getLogger(__name__)

FILE = "left-behind.json"


class LeftBehind:
    """The commit that was checked out in each such submodule when the pull came."""

    def __init__(self, root: str, state_dir: Path) -> None:
        self._root = root
        self._path = state_dir / FILE
        self._tips = self._read()

    def note(self, moved: Iterable[tuple[bytes, str]]) -> None:
        """Remember the submodules (path, the commit that it is to have) that are at another commit now."""
        tips = dict(self._tips)
        for path, wanted in moved:
            tip = checked_out(os.path.join(self._root, os.fsdecode(path)))
            # Two pulls may come before the checkout follows: it is where it was before the first.
            if tip is not None and tip != wanted:
                tips[os.fsdecode(path)] = tip
            else:
                tips.pop(os.fsdecode(path), None)
        self._write(tips)

    def holds(self, path: bytes, tip: str) -> bool:
        """Whether the submodule at `path` is still where a pull found it; elsewhere, somebody has moved it."""
        noted = self._tips.get(os.fsdecode(path))
        if noted is not None and noted != tip:
            self._write({other: at for other, at in self._tips.items() if other != os.fsdecode(path)})
        return noted == tip

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            logger.warning("cannot read %s: %s", self._path, error)
            return {}
        return {str(path): str(tip) for path, tip in found.items()} if isinstance(found, dict) else {}

    def _write(self, tips: dict[str, str]) -> None:
        if tips == self._tips:
            return
        self._tips = tips
        try:
            write_durably(self._path, json.dumps(tips).encode())
        except OperationError as error:
            logger.warning("this will be forgotten at the next start: %s", error.message)


def checked_out(directory: str) -> str | None:
    """Return the commit that is checked out in the repository at `directory`, None when it cannot be read."""
    try:
        repository = pygit2.Repository(directory, pygit2.enums.RepositoryOpenFlag.NO_SEARCH)
        return None if repository.head_is_unborn else str(repository.head.target)
    except (pygit2.GitError, KeyError, ValueError):
        return None
