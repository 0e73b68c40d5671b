"""How git stores a file that has another form on disk: line ends and `$Id$` here, filters and encodings through git.

Runs on the committer thread. libgit2 knows no external filters (git-lfs, git-crypt) and no working-tree-encoding, and
reads attributes otherwise than git: it would store such files wrongly, without a word.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gitsync.errors import OperationError
from gitsync.git.objects.store import ObjectStore
from gitsync.git.program import failed
from gitsync.git.rules import config
from gitsync.git.rules.attributes import Attributes, WorkTreeAttributes, eol_settings
from gitsync.git.rules.config import GitConfig
from gitsync.git.rules.line_ends import Eol, EolSettings, has_crlf, to_git, without_ident
from gitsync.proc import Completed

_CHILD_S = 60.0
# How fast a child is taken to read, in bytes a second, when its deadline is set.
_SLOW = 5 << 20


class Filters:
    """Answers for one repository; `refresh` before each batch, because attributes are files like others.

    `old` is everywhere the blob that the index has at the path: where that has CRLF, guessed text keeps it.
    """

    def __init__(self, store: ObjectStore, root: str) -> None:
        self._store = store
        self._program = store.program
        self._root = Path(root)
        self._attributes = WorkTreeAttributes(store, root)
        self._config = GitConfig({})
        self._settings = EolSettings()
        self._is_safe = False

    def refresh(self, head_tree: str | None) -> None:
        """Look again where attributes may come from; `head_tree` is HEAD's."""
        self._config = config.read(self._root)
        self._attributes.refresh(head_tree, self._config)
        self._settings = eol_settings(self._config)
        self._is_safe = self._config.is_true("core.safecrlf")

    def rest(self) -> None:
        """Let go of what the questions needed."""
        self._attributes.rest()

    def learn(self, paths: Iterable[bytes]) -> None:
        """Ask git about many paths at once, for the questions to come."""
        self._attributes.learn(paths)

    def attributes(self, path: bytes) -> Attributes:
        """Return what has a say in how `path` is stored; raise OperationError when git cannot be asked."""
        return self._attributes.of(path)

    def is_plain(self, told: Attributes) -> bool:
        """Whether a file is stored as it is, whatever is in it."""
        return not (told.filter or told.encoding or told.is_ident) and told.line_ends(self._settings) is Eol.BINARY

    def needs_git(self, told: Attributes) -> bool:
        """Whether git itself has to convert the file."""
        if told.filter:
            return True
        # git refuses what it could not restore.
        is_checked = self._is_safe and told.line_ends(self._settings) is not Eol.BINARY
        return bool(told.encoding) or is_checked

    def stored(self, told: Attributes, data: bytes, old: str | None) -> bytes:
        """Return what is stored of `data`, where git does not have to convert it."""
        data = to_git(data, told.line_ends(self._settings), lambda: self._has_crlf(old))
        return without_ident(data) if told.is_ident else data

    def store_data(self, path: bytes, told: Attributes, data: bytes, old: str | None) -> str:
        """Have git store `data` as it stores `path` and return the blob's id; raise OperationError "filter" when it
        cannot.
        """
        return self._store_by_git(path, told, len(data), old, data=data)

    def store_open(self, path: bytes, told: Attributes, handle: int, old: str | None) -> str:
        """Store an open file, which may be large, as git stores `path`, without the GIL; raise OperationError."""
        os.lseek(handle, 0, os.SEEK_SET)
        return self._store_by_git(path, told, os.fstat(handle).st_size, old, handle=handle)

    def _has_crlf(self, old: str | None) -> bool:
        return old is not None and self._store.has(old) and has_crlf(self._store.read(old)[1])

    def _store_by_git(
        self,
        path: bytes,
        told: Attributes,
        size: int,
        old: str | None,
        data: bytes | None = None,
        handle: int | None = None,
    ) -> str:
        settings = []
        if told.filter and self._require_driver(path, told.filter):
            # Without this git stores the unfiltered content when the filter fails.
            settings.append(f"filter.{told.filter}.required=true")
        eol = told.line_ends(self._settings)
        if eol.is_guessed and self._has_crlf(old):
            return self._store_beside(path, told, size, old, settings)
        is_plain = self.is_plain(told)
        how = (b"--no-filters",) if is_plain else (b"--path=" + path,)
        done = self._run(
            told, "hash-object", "-w", "--stdin", *how, input=data, stdin_fd=handle, settings=settings,
            deadline_s=_CHILD_S + size / _SLOW,
        )  # fmt: skip
        if not done.ok:
            raise failed(_cannot(path, told), done, code="git" if is_plain else "filter")
        return self._checked(path, done.stdout.decode("ascii").strip())

    def _store_beside(self, path: bytes, told: Attributes, size: int, old: str | None, settings: list[str]) -> str:
        """Store the file at `path` as it is on disk now, by way of an index that has `old` there: `hash-object` does
        not look whether the index has CRLF.
        """
        with tempfile.TemporaryDirectory(prefix="gitsync-index-", dir=self._program.git_dir) as scratch:
            own = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
            deadline_s = _CHILD_S + size / _SLOW
            for options, line in (
                (("--index-info",), b"100644 %b\t%b\0" % ((old or "").encode("ascii"), path)),
                (("--stdin",), path + b"\0"),
            ):
                done = self._run(
                    told, "update-index", "--add", "-z", *options, input=line, env=own, settings=settings,
                    deadline_s=deadline_s,
                )  # fmt: skip
                if not done.ok:
                    raise failed(_cannot(path, told), done, code="filter")
            listed = self._program.run("ls-files", "--stage", "-z", env=own)
        return self._checked(path, listed.stdout.split(b" ")[1].decode("ascii"))

    def _run(self, told: Attributes, *argv: str | bytes, **how: Any) -> Completed:
        patience = self._store.patience
        if not told.filter:
            return self._program.run(*argv, is_cancelled=patience.is_leaving, **how)
        return patience.run(
            f"the filter {told.filter!r}",
            lambda is_cancelled: self._program.run(*argv, is_cancelled=is_cancelled, **how),
        )

    def _checked(self, path: bytes, blob: str) -> str:
        if not self._store.has(blob):
            name = os.fsdecode(path)
            raise OperationError(f"git stored {name!r}, but it is not there", "is the disk full?", code="disk-full")
        return blob

    def _require_driver(self, path: bytes, name: str) -> bool:
        """Return whether the filter of that name does something to what is stored; raise OperationError "filter" for
        one that is not set up.
        """
        keys = {key: f"filter.{name}.{key}" for key in ("clean", "process", "smudge")}
        if not any(key in self._config.values for key in keys.values()):
            hint = "git lfs install" if name == "lfs" else f"git config filter.{name}.clean COMMAND"
            raise OperationError(
                f"{os.fsdecode(path)!r} needs the filter {name!r}, which is not set up here: not committed",
                f"set it up: {hint}",
                code="filter",
            )
        return bool(self._config.get(keys["clean"]) or self._config.get(keys["process"]))


def _cannot(path: bytes, told: Attributes) -> str:
    through = f" through the filter {told.filter!r}" if told.filter else ""
    return f"git cannot store {os.fsdecode(path)!r}{through}"
