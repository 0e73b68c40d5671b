"""Which files there are below a tracked directory of home, as far as they are to be tracked. Runs on its caller's
thread; owns nothing. Ignored directories, other repositories and gitsync's own places are not entered.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from gitsync.core.coverage import Coverage
from gitsync.core.spelling import spelled_in_home
from gitsync.core.temporary import is_temporary
from gitsync.git.rules.ignores import IgnoreRules, is_work_tree

IsPruned = Callable[[bytes], bool]


def files_below(
    home: bytes, directory: bytes, coverage: Coverage, is_pruned: IsPruned, pass_over: Callable[[bytes], None]
) -> Iterator[bytes]:
    """Yield the files and links at and below `directory`; call `pass_over` with each other repository.

    What cannot be listed yields nothing; what the mirror has below it is out of reach then, not absent.
    """
    top = os.path.join(home, directory) if directory else home
    if os.path.realpath(top) != top:
        return  # a link on the way: its files are out of reach, not tracked through it
    waiting = [directory]
    while waiting:
        at = waiting.pop()
        try:
            entries = list(os.scandir(home + b"/" + at if at else home))
        except OSError:
            continue
        for entry in entries:
            name = spelled_in_home(entry.name)
            path = at + b"/" + name if at else name
            if entry.is_dir(follow_symlinks=False):
                if not is_left_out(home, path, coverage, is_pruned):
                    waiting.append(path)
                elif is_work_tree(home + b"/" + path):
                    pass_over(path)
            elif not is_temporary(path) and coverage.entry(path) is not None:
                yield path


def is_left_out(home: bytes, directory: bytes, coverage: Coverage, is_pruned: IsPruned) -> bool:
    """Whether nothing below a directory of home is looked at; asked again whenever something changed there."""
    name = directory.rpartition(b"/")[2]
    if name == b".git" or not coverage.is_watched(directory):
        return True
    found = coverage.entry(directory)
    # Only what is below a tracked directory is left out for what it is: the way to an entry never is.
    if found is None or found.path == directory:
        return False
    return is_work_tree(home + b"/" + directory) or is_pruned(directory)


class HomePrune:
    """Which directories of home a watcher need not watch; `rest` lets go of what the answers needed."""

    def __init__(self, home: bytes, coverage: Coverage, rules: IgnoreRules) -> None:
        self._home = home
        self._coverage = coverage
        self._rules = rules

    def __call__(self, directory: bytes) -> bool:
        """Whether nothing below `directory` is looked at."""
        return is_left_out(self._home, directory, self._coverage, self._rules.is_prunable)

    def rest(self) -> None:
        """Let go of the child that answers for git's rules."""
        self._rules.rest()
