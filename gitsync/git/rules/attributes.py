"""What git's attributes say of paths, asked of git. Runs on its owner's thread.

`Attributes` is what matters here of one path. `WorkTreeAttributes` answers for files on disk, with a memory;
`tree_attributes` for a tree that is not checked out, whose attribute files are laid out beside.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gitsync.git.files import signature_of
from gitsync.git.objects.modes import MODE_LINK
from gitsync.git.objects.store import ObjectStore, common_dir
from gitsync.git.objects.trees import TREE, lookup
from gitsync.git.program import GitProgram, failed
from gitsync.git.rules.answers import Answers
from gitsync.git.rules.chain import Chains, patterns_of
from gitsync.git.rules.config import GitConfig
from gitsync.git.rules.line_ends import Eol, EolSettings, eol_of
from gitsync.git.rules.patterns import parse

NAME = b".gitattributes"
_ASKED = ("filter", "working-tree-encoding", "ident", "text", "crlf", "eol", "merge")
_NO_VALUE = frozenset(("unspecified", "unset", "set", ""))
_UTF8 = frozenset(("utf-8", "utf8"))


class Attributes(NamedTuple):
    """What is said of a path: the name of its filter, its encoding on disk, the rest as git prints it."""

    filter: str = ""
    encoding: str = ""
    is_ident: bool = False
    text: str = "unspecified"
    crlf: str = "unspecified"
    eol: str = "unspecified"
    merge: str = "unspecified"

    def line_ends(self, settings: EolSettings) -> Eol:
        """Return what becomes of the path's line ends."""
        return eol_of(self.text, self.crlf, self.eol, settings)


NOTHING = Attributes()


class WorkTreeAttributes:
    """The attributes of one work tree; `refresh` before a batch of questions and `rest` after it."""

    def __init__(self, store: ObjectStore, root: str) -> None:
        self._store = store
        self._head_tree: str | None = None
        self._is_sparse = False
        self._chains = Chains(os.fsencode(root), NAME, self._tracked, parse)
        self._answers = Answers(store.program, self._chains, self._start, 3 * len(_ASKED), _read, NOTHING)

    def refresh(self, head_tree: str | None, settings: GitConfig) -> None:
        """Look again at the attribute files; `head_tree` is HEAD's."""
        self.rest()  # a child keeps the files that it has read
        self._head_tree = head_tree
        self._is_sparse = settings.is_true("core.sparsecheckout")
        places = outside_files(self._store.program, settings)
        outside = tuple(map(signature_of, places))
        # Names that differ in case alone are the same for git then.
        patterns = None if settings.is_true("core.ignorecase") else patterns_of(places, parse)
        self._chains.refresh((settings.stamp or object(), outside), has_outside=any(outside), patterns=patterns)

    def rest(self) -> None:
        """Let go of what the questions needed."""
        self._answers.rest()

    def of(self, path: bytes) -> Attributes:
        """Return what is said of a file; raise OperationError when git cannot be asked."""
        return self._answers.of(path)

    def learn(self, paths: Iterable[bytes]) -> None:
        """Ask git about many paths at once, for the questions to come."""
        self._answers.learn(paths)

    def _start(self, needs_index: bool) -> tuple[Sequence[str], Mapping[str, str]]:
        # It reads all of the index at its start, and has to only for attribute files that are not on disk.
        nowhere = {"GIT_INDEX_FILE": os.path.join(self._store.program.git_dir, "gitsync-no-index")}
        return ("check-attr", "-z", "--stdin", *_ASKED), {} if needs_index else nowhere

    def _tracked(self, path: bytes) -> str | None:
        # One that was deleted counts no longer; one that is not checked out does.
        if not self._is_sparse:
            return None
        entry = lookup(self._store, self._head_tree, path)
        return None if entry is None or entry.mode in (TREE, MODE_LINK) else entry.id


def outside_files(program: GitProgram, settings: GitConfig) -> list[str]:
    """Return the attribute files that are in no work tree, there or not: the repository's, the user's, the system's."""
    config_home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    own = os.path.expanduser(settings.get("core.attributesfile", f"{config_home}/git/attributes"))
    return [
        os.path.join(common_dir(program.git_dir), "info/attributes"),
        os.path.join(program.root, own),
        *(os.path.join(prefix, "gitattributes") for prefix in ("/etc", "/usr/local/etc", "/opt/homebrew/etc")),
    ]


def eol_settings(settings: GitConfig) -> EolSettings:
    """Return what the configuration says of line ends."""
    is_input = settings.get("core.autocrlf").lower() == "input"
    autocrlf = "input" if is_input else "true" if settings.is_true("core.autocrlf") else "false"
    return EolSettings(autocrlf, settings.get("core.eol").lower() == "crlf")


class LaidOut:
    """The attribute files of one tree in a scratch directory below `place`, for git to read; close it in the end.

    With a work tree `beside`, its files count, too, where the tree has none, unless they are the `base` tree's, and so
    are about to go.
    """

    def __init__(
        self, store: ObjectStore, tree: str, place: Path, beside: str | None = None, base: str | None = None
    ) -> None:
        self._store = store
        self._tree = tree
        self._beside = beside
        self._base = base
        self._scratch = tempfile.TemporaryDirectory(prefix="attributes-", dir=place)
        self._laid: set[bytes] = set()
        self._found = False
        self.program = GitProgram(store.program.git_dir, self._scratch.name)
        # The user's index may hold other attribute files.
        self.env = {"GIT_INDEX_FILE": os.path.join(self._scratch.name, "no-index")}

    def close(self) -> None:
        """Remove the scratch directory."""
        self._scratch.cleanup()

    def of(self, paths: Iterable[bytes], settings: GitConfig) -> dict[bytes, Attributes]:
        """Return what the tree's attributes say of each of `paths`; raise OperationError when git cannot be asked."""
        wanted = list(paths)
        for path in wanted:
            self._lay_out(path.rpartition(b"/")[0])
        outside = outside_files(self._store.program, settings)
        if not wanted or not (self._found or any(map(os.path.exists, outside))):
            return dict.fromkeys(wanted, NOTHING)
        given = b"".join(b"./" + path + b"\0" for path in wanted)
        done = self.program.run("check-attr", "-z", "--stdin", *_ASKED, input=given, env=self.env)
        if not done.ok:
            raise failed(f"cannot read the attributes of {self._store.program.root}", done)
        fields, count = done.stdout.split(b"\0"), 3 * len(_ASKED)
        return {path: _read(fields[at * count : (at + 1) * count]) for at, path in enumerate(wanted)}

    def _lay_out(self, directory: bytes) -> None:
        while directory not in self._laid:
            self._laid.add(directory)
            where = directory + b"/" + NAME if directory else NAME
            data = self._content(where)
            if data is not None:
                self._found = True
                file = Path(self._scratch.name, os.fsdecode(where))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            directory = directory.rpartition(b"/")[0]

    def _content(self, where: bytes) -> bytes | None:
        entry = lookup(self._store, self._tree, where)
        if entry is not None and entry.mode != TREE:
            return None if entry.mode == MODE_LINK else self._store.read(entry.id)[1]
        if self._beside is None or lookup(self._store, self._base, where) is not None:
            return None
        place = os.path.join(os.fsencode(self._beside), where)
        above = os.path.dirname(place)
        if os.path.realpath(above) != above:
            return None  # beyond a symbolic link, which a directory is about to replace
        try:
            handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(handle, "rb") as stream:
                return stream.read()
        except OSError:
            return None  # there is none that git would read


def _read(fields: list[bytes]) -> Attributes:
    values = dict(zip(_ASKED, map(os.fsdecode, fields[2::3]), strict=True))
    name, encoding = values["filter"], values["working-tree-encoding"]
    return Attributes(
        "" if name in _NO_VALUE else name,
        "" if encoding in ("unspecified", "unset", "") or encoding.lower() in _UTF8 else encoding,
        values["ident"] == "set",
        values["text"],
        values["crlf"],
        values["eol"],
        values["merge"],
    )
