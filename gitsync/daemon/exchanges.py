"""The exchangers of a configuration: one for each remote of each repository that is exchanged.

Runs on the main thread, which starts and stops them; messages for them are delivered on the thread that sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gitsync.config.options import RepoConfig
from gitsync.engine.board import Board
from gitsync.engine.exchange.exchanger import Exchanger
from gitsync.engine.messages import Committed, HeadRead, Integrated, Noticing, RemoteMoved
from gitsync.engine.owner import Stop

STOP_S = 4.0


class Exchanges:
    """The exchangers by repository and remote (`RepoConfig.via`); `make` makes one."""

    def __init__(self, board: Board, make: Callable[[RepoConfig], Exchanger]) -> None:
        self._board = board
        self._make = make
        self._by_key: dict[tuple[str, str], Exchanger] = {}

    def __iter__(self) -> Iterator[Exchanger]:
        return iter(list(self._by_key.values()))

    def of(self, name: str) -> list[Exchanger]:
        """Return the exchangers of one repository, in the order of its remotes."""
        return [exchanger for (repo, _), exchanger in list(self._by_key.items()) if repo == name]

    def begin(self, repo: RepoConfig, *first: object) -> None:
        """Start the exchangers of a repository; `first` is what they hear before anything else."""
        exchanges = repo.exchanges if repo.mode != "commit" else ()
        self._board.begin_exchanges(repo.name, [each.via for each in exchanges])
        for each in exchanges:
            exchanger = self._by_key[repo.name, each.via] = self._make(each)
            for message in first:
                exchanger.post(message)
            exchanger.start()

    def end(self, name: str) -> None:
        """Stop the exchangers of a repository, and wait for them for a while."""
        ending = [self._by_key.pop(key) for key in list(self._by_key) if key[0] == name]
        for exchanger in ending:
            exchanger.cancel()
            exchanger.post(Stop())
        for exchanger in ending:
            exchanger.join(STOP_S)

    def addressed(self, name: str, message: object) -> list[Exchanger]:
        """Return those exchangers of a repository that a message is for; any thread."""
        keyed = list(self._by_key.items())
        return [exchanger for (repo, via), exchanger in keyed if repo == name and _is_for(message, via)]


def _is_for(message: object, via: str) -> bool:
    if isinstance(message, Integrated | HeadRead | RemoteMoved | Noticing):
        return message.via == via
    return not (isinstance(message, Committed) and message.taken_via == via)
