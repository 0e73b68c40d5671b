"""Which files git stores in another form than they have on disk, and storing those through the git program.

Runs on the committer thread. libgit2 knows no external filters (git-lfs, git-crypt) and no working-tree-encoding: it
would store such files wrongly, without a word.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import pygit2

from gitsync.errors import OperationError
from gitsync.git.objects.store import ObjectStore
from gitsync.git.objects.trees import lookup
from gitsync.git.program import failed

_ATTRIBUTES = b".gitattributes"
_CHILD_S = 60.0
# How fast a child is taken to read, in bytes a second, when its deadline is set.
_SLOW = 5 << 20


class Attributes(NamedTuple):
    """What .gitattributes and the configuration say of a path."""

    filter: str = ""
    encoding: str = ""
    is_ident: bool = False
    has_line_ends: bool = False


_NONE = Attributes()


class Filters:
    """Answers for one repository; `refresh` before each batch, because attributes are files like others."""

    def __init__(self, store: ObjectStore, root: str) -> None:
        self._store = store
        self._repository = store.repository
        self._program = store.program
        self._root = os.fsencode(root)
        self._directories: dict[bytes, bool] = {}
        self._head_tree: str | None = None
        self._are_global = False
        self._is_auto_crlf = False

    def refresh(self, head_tree: str | None) -> None:
        """Look anew where attributes may come from; `head_tree` is HEAD's."""
        self._directories.clear()
        self._head_tree = head_tree
        config = self._repository.config_snapshot
        common = os.path.join(os.fsdecode(self._repository.path), "commondir")
        places = [
            os.path.join(self._repository.path, "info/attributes"),
            "/etc/gitattributes",
            _global_attributes(config),
        ]
        if os.path.exists(common):
            with open(common) as stream:
                places.append(os.path.join(self._repository.path, stream.read().strip(), "info/attributes"))
        self._are_global = any(os.path.exists(place) for place in places)
        self._is_auto_crlf = _text(config, "core.autocrlf").lower() not in ("", "false", "no", "off", "0")

    def attributes(self, path: bytes) -> Attributes:
        """Return what has a say in how `path` is stored."""
        if not self._are_global and not self._is_told(path.rpartition(b"/")[0]):
            return Attributes(has_line_ends=True) if self._is_auto_crlf else _NONE
        said = {name: self._repository.get_attr(path, name) for name in ("filter", "working-tree-encoding", "ident")}
        text, eol, crlf = (self._repository.get_attr(path, name) for name in ("text", "eol", "crlf"))
        is_text = (
            text is not False
            and crlf is not False
            and (self._is_auto_crlf or text is not None or eol is not None or crlf is not None)
        )
        return Attributes(_word(said["filter"]), _word(said["working-tree-encoding"]), said["ident"] is True, is_text)

    def is_converted(self, told: Attributes, data: bytes) -> bool:
        """Whether git would store something else than `data`, or might."""
        return bool(
            told.filter
            or told.encoding
            or (told.is_ident and b"$Id" in data)
            or (told.has_line_ends and b"\r\n" in data)
        )

    def store_data(self, path: bytes, told: Attributes, data: bytes) -> str:
        """Store `data` as git stores `path` and return the blob's id; raise OperationError "filter" when it cannot."""
        return self._store_by_git(path, told, len(data), data=data)

    def store_open(self, path: bytes, told: Attributes, handle: int) -> str:
        """Store an open file, which may be large, as git stores `path`, without the GIL; raise OperationError."""
        os.lseek(handle, 0, os.SEEK_SET)
        return self._store_by_git(path, told, os.fstat(handle).st_size, handle=handle)

    def _store_by_git(
        self, path: bytes, told: Attributes, size: int, data: bytes | None = None, handle: int | None = None
    ) -> str:
        settings = []
        if told.filter:
            self._require_driver(path, told.filter)
            # Without this git stores the unfiltered content when the filter fails.
            settings.append(f"filter.{told.filter}.required=true")
        is_plain = told == _NONE
        how = (b"--no-filters",) if is_plain else (b"--path=" + path,)
        done = self._program.run(
            "hash-object", "-w", "--stdin", *how, input=data, stdin_fd=handle, settings=settings,
            deadline_s=_CHILD_S + size / _SLOW,
        )  # fmt: skip
        name = os.fsdecode(path)
        if not done.ok:
            what = f"git cannot store {name!r}" + (f" through the filter {told.filter!r}" if told.filter else "")
            raise failed(what, done, code="git" if is_plain else "filter")
        blob = done.stdout.decode("ascii").strip()
        if not self._store.has(blob):
            raise OperationError(f"git stored {name!r}, but it is not there", "is the disk full?", code="disk-full")
        return blob

    def _require_driver(self, path: bytes, name: str) -> None:
        config = self._repository.config_snapshot
        if not any(_text(config, f"filter.{name}.{key}") for key in ("clean", "process", "smudge")):
            hint = "git lfs install" if name == "lfs" else f"git config filter.{name}.clean COMMAND"
            raise OperationError(
                f"{os.fsdecode(path)!r} needs the filter {name!r}, which is not set up here: not committed",
                f"set it up: {hint}",
                code="filter",
            )

    def _is_told(self, directory: bytes) -> bool:
        """Whether an attributes file stands in `directory` or above, on disk or in HEAD."""
        known = self._directories.get(directory)
        if known is None:
            here = directory + b"/" + _ATTRIBUTES if directory else _ATTRIBUTES
            known = (
                os.path.lexists(os.path.join(self._root, here))
                or lookup(self._store, self._head_tree, here) is not None
                or (bool(directory) and self._is_told(directory.rpartition(b"/")[0]))
            )
            self._directories[directory] = known
        return known


def _global_attributes(config: pygit2.Config) -> str:
    named = _text(config, "core.attributesfile")
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.expanduser(named) if named else os.path.join(home, "git/attributes")


def _text(config: pygit2.Config, key: str) -> str:
    try:
        return str(config[key])
    except (KeyError, ValueError):
        return ""


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""
