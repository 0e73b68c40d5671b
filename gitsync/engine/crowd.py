"""How many others push at the same time, as far as one machine can tell from whether its own pushes get through.

Runs on the thread of the exchanger that owns it. Who loses a push has fetched and merged for nothing, and has slowed
down the one who won. So the window over which tries are spread doubles with every loss. It shrinks by one try with
every win: if it began anew, as Ethernet's does, those who came last would go first, for ever. Source: Bharghavan,
Demers, Shenker and Zhang, "MACAW: a media access protocol for wireless LANs", SIGCOMM 1994, section 3.1.
"""

from __future__ import annotations

import random

# The widest window, in tries: with more machines than this, several try at once, and one of them gets through.
WIDEST = 10.0
# What takes less (seconds) needs no spreading over its own length.
SHORTEST_S = 0.1
# No push was lost for so long (seconds): whoever was there has gone.
CALM_S = 30.0


class Crowd:
    """The window of one exchange; begins empty."""

    def __init__(self) -> None:
        self._window = 0.0  # in tries
        self._try_s = SHORTEST_S
        self._lost_at = 0.0

    def lose(self, now: float, took_s: float) -> None:
        """Another machine's push came first; ours took `took_s` seconds, the look before it included."""
        self._window = min(WIDEST, max(1.0, 2.0 * self._window))
        self._try_s = max(SHORTEST_S, (self._try_s + took_s) / 2.0)
        self._lost_at = now

    def win(self) -> None:
        """A push of ours got through."""
        self._window = max(0.0, self._window - 1.0)

    def see_calm(self) -> None:
        """A look found nothing new: nobody got through since the one before."""
        self._window = self._window / 2.0 if self._window > 1.0 else 0.0

    def span(self, now: float) -> float:
        """Return over how many seconds the next tries are to be spread; 0 when nobody is in the way."""
        if now - self._lost_at > CALM_S:
            self._window = 0.0
        return self._window * self._try_s

    def turn(self, now: float) -> float:
        """Return a random wait (seconds) within that span."""
        return self.span(now) * random.random()
