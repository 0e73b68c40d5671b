"""Which exchange may look at a server when: one look a minute for all repositories there, none while it asks for rest.

Any thread: the exchangers hand one ledger round, by a queue that holds nothing else, and keep it for moments.
Instants are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue

# The shortest time between two looks at one server that are not asked for by a person (seconds).
SPACING_S = 60.0
# The ledger is always back within moments; after this something is badly wrong (seconds).
LEDGER_S = 30.0


@dataclass(slots=True)
class Server:
    """The last looks at a server, those that are planned (by exchange), and until when it asks to be left alone."""

    looks: list[float] = field(default_factory=list)
    planned: dict[str, float] = field(default_factory=dict)
    rests_until: float = 0.0

    def plan(self, name: str, at: float) -> float:
        """Return the first instant from `at` on that no other look is near, and keep it for the exchange `name`."""
        self.planned.pop(name, None)
        at = max(at, self.rests_until)
        for other in sorted((*self.looks, *self.planned.values())):
            if other - at >= SPACING_S:
                break
            at = max(at, other + SPACING_S)
        self.planned[name] = at
        return at

    def see_look(self, name: str, now: float) -> None:
        """The exchange `name` looks now, as planned or because of something else."""
        self.planned.pop(name, None)
        self.looks = [at for at in self.looks if now - at < SPACING_S] + [now]

    def see_refusal(self, until: float) -> None:
        """The server asks everybody to be left alone until then."""
        self.rests_until = max(self.rests_until, until)


class Turns:
    """The ledger of all servers."""

    def __init__(self) -> None:
        self._ledger: SimpleQueue[dict[str, Server]] = SimpleQueue()
        self._ledger.put({})

    @contextmanager
    def open(self, server: str) -> Iterator[Server]:
        """Give the page of one server, to this thread alone."""
        ledger = self._ledger.get(timeout=LEDGER_S)
        try:
            yield ledger.setdefault(server, Server())
        finally:
            self._ledger.put(ledger)


@dataclass(frozen=True, slots=True)
class Turn:
    """The turns of one exchange, called `name`, at a server."""

    turns: Turns
    server: str
    name: str

    def plan(self, at: float) -> float:
        """Return when to look: from `at` on, and not near any other look."""
        with self.turns.open(self.server) as page:
            return page.plan(self.name, at)

    def see_look(self, now: float) -> None:
        """Note a look that begins now."""
        with self.turns.open(self.server) as page:
            page.see_look(self.name, now)

    def see_refusal(self, until: float) -> None:
        """Note until when the server asks to be left alone."""
        with self.turns.open(self.server) as page:
            page.see_refusal(until)

    @property
    def rests_until(self) -> float:
        """Return until when the server asks to be left alone; long ago where it does not."""
        with self.turns.open(self.server) as page:
            return page.rests_until
