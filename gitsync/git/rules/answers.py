"""Answers of a git command that goes on answering: remembered by path, asked for in numbers. On its owner's thread.

The child is started by the first question that memory has no answer to, and ended by `rest`: between two batches there
is none. It keeps the rule files that it has read, which is why it must not outlive a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from gitsync.errors import OperationError, TransientError
from gitsync.git.program import GitProgram
from gitsync.git.rules.chain import Chain, Chains
from gitsync.proc import Conversation, ConversationOverError
from gitsync.text import clean

T = TypeVar("T")

# How long git may take over one question; it reads rule files, and perhaps the index, at the first.
_DEADLINE_S = 60.0
# How many paths are asked for at a time, and how many answers are kept.
_CHUNK = 1000
_KEPT_MAX = 200_000

# The arguments and the environment of the child, given whether it has to look into the index.
Start = Callable[[bool], tuple[Sequence[str], Mapping[str, str]]]


class Answers(Generic[T]):
    """git's answers about paths from rule files: `read` makes an answer of the `fields` strings that git gives for a
    path, `nothing` is the answer where no rule file has a say.
    """

    def __init__(
        self,
        program: GitProgram,
        chains: Chains,
        start: Start,
        fields: int,
        read: Callable[[list[bytes]], T],
        nothing: T,
    ) -> None:
        self._program = program
        self._chains = chains
        self._start = start
        self._fields = fields
        self._read = read
        self._nothing = nothing
        self._kept: dict[Hashable, T] = {}
        self._child: Conversation | None = None
        self._child_has_index = False

    def of(self, path: bytes) -> T:
        """Return git's answer for one path; raise OperationError when git cannot be asked."""
        known = self._known(path)
        if known is None:
            self.learn([path])
            known = self._known(path)
        return self._nothing if known is None else known

    def learn(self, paths: Iterable[bytes]) -> None:
        """Ask for all `paths` that memory has no answer to at once; raise OperationError when git cannot be asked."""
        unknown = self._unknown(paths)
        for at in range(0, len(unknown), _CHUNK):
            chunk = unknown[at : at + _CHUNK]
            for (key, _), answer in zip(chunk, self._ask([path for _, path in chunk]), strict=True):
                if len(self._kept) >= _KEPT_MAX:
                    self._kept.clear()
                self._kept[key] = answer

    def _unknown(self, paths: Iterable[bytes]) -> list[tuple[Hashable, bytes]]:
        """Return one path of each kind that has no answer yet: the others of its kind have the same."""
        found: dict[Hashable, bytes] = {}
        above: bytes | None = None
        for path in paths:
            directory, _, name = path.rpartition(b"/")
            if directory != above:
                # Neighbours come one after the other.
                above, chain = directory, self._chains.at(directory)
            if path and chain.has_rules and not chain.is_beyond_link:
                key = _key(chain, path, directory, name)
                if key not in self._kept:
                    found[key] = path
        return list(found.items())

    def rest(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _known(self, path: bytes) -> T | None:
        if not path:
            return self._nothing
        directory, _, name = path.rpartition(b"/")
        chain = self._chains.at(directory)
        if not chain.has_rules or chain.is_beyond_link:
            return self._nothing
        return self._kept.get(_key(chain, path, directory, name))

    def _ask(self, paths: list[bytes]) -> list[T]:
        needs_index = any(self._chains.at(path.rpartition(b"/")[0]).needs_index for path in paths)
        if self._child is not None and needs_index and not self._child_has_index:
            self.rest()
        if self._child is None:
            self._child_has_index = needs_index
            argv, env = self._start(needs_index)
            self._child = self._program.converse(*argv, env=env)
        # The dot keeps git from taking a name that begins with a colon for a pathspec with magic.
        question = b"".join(b"./" + path + b"\0" for path in paths)
        try:
            told = self._child.ask(question, len(paths) * self._fields, deadline_s=_DEADLINE_S)
        except ConversationOverError as error:
            self.rest()
            if len(paths) == 1:
                raise self._refused(paths[0], error) from error
            return [answer for path in paths for answer in self._ask([path])]
        return [self._read(told[at : at + self._fields]) for at in range(0, len(told), self._fields)]

    def _refused(self, path: bytes, error: ConversationOverError) -> OperationError:
        command = self._start(False)[0][0]
        words = str(error).splitlines()[-1:] or ["it ended"]
        if words[0].startswith("no answer"):
            return TransientError(
                f"git {command} in {clean(self._program.root)}: {words[0]}",
                "it is tried again by itself",
                code="git-slow",
            )
        name = clean(path.decode("utf-8", "surrogateescape"))
        return OperationError(
            f"git {command} failed for {name!r} in {clean(self._program.root)}: {words[0]}", code="git"
        )


def _key(chain: Chain, path: bytes, directory: bytes, name: bytes) -> Hashable:
    """Return what an answer depends on: the chain and, in short or in full, the path."""
    if chain.patterns is None:
        return chain.number, path
    return chain.number, directory if chain.patterns.has_slash else None, chain.patterns.matching(name)
