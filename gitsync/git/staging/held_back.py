"""Which new files the committer would hold back by name, for those who show what it would take. Any thread."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from gitsync.core.secrets import HEAD_BYTES, secret_in
from gitsync.git.objects.trees import is_refused
from gitsync.git.rules.ignores import IgnoreRules


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a repository's configuration lets in: files up to a size in bytes (None: any), and `include` patterns."""

    rules: IgnoreRules
    root: bytes
    max_file_size: int | None
    holds_secrets: bool
    include: tuple[str, ...] = ()

    def takes_new(self, path: bytes) -> bool:
        """Whether an untracked file that git does not ignore would be committed."""
        if path.endswith(b"/") or is_refused(path) or self.rules.is_excluded(path):
            return False
        place = os.path.join(self.root, path)
        try:
            facts = os.lstat(place)
            if stat.S_ISLNK(facts.st_mode):
                return not (self.holds_secrets and secret_in(path, os.readlink(place)))
            if not stat.S_ISREG(facts.st_mode):
                return False
            if self.max_file_size is not None and facts.st_size > self.max_file_size:
                return False
            with open(place, "rb") as stream:
                return not (self.holds_secrets and secret_in(path, stream.read(HEAD_BYTES)))
        except OSError:
            return False  # gone again, or not to be read: it would not be committed now either

    def takes_change(self, path: bytes) -> bool:
        """Whether a change of a tracked file would be committed."""
        return not self.rules.excluding(path, False)
