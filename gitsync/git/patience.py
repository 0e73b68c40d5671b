"""How long a program of the user's, a filter or one that signs, may keep the other repositories waiting.

Runs on the committer thread; owns, for one repository, what its programs took. All repositories are worked on by one
thread, so a filter that hangs would stop them all. It is ended as soon as something else is due, has the double time at
the next try, and that try comes much later: a filter that is only slow gets its time, and one that hangs takes little.
"""

from __future__ import annotations

from collections.abc import Callable

from gitsync.clock import SystemClock
from gitsync.errors import OperationError, TransientError
from gitsync.proc import Completed
from gitsync.text import span

FIRST_S, LONGEST_S = 4.0, 32.0
# How many times as long as it took a program is left alone afterwards.
REST = 10.0

SLOW_HINT = "see whether it waits for something, as a network or a question; it is in git's configuration"

IsCancelled = Callable[[], bool]


class Patience:
    """Runs the programs of one repository; it outlives the opened work tree."""

    def __init__(
        self,
        is_leaving: IsCancelled | None = None,
        is_waited_for: Callable[[float], bool] | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        """`is_leaving` tells when no program is waited for any more, `is_waited_for` whether other work waits and has
        done so for this long (seconds).
        """
        self.is_leaving = is_leaving or (lambda: False)
        self._is_waited_for = is_waited_for or (lambda _: False)
        self._now = now or SystemClock().now
        self._grace_s = FIRST_S
        self._again_at: dict[str, float] = {}

    def run(self, program: str, start: Callable[[IsCancelled], Completed]) -> Completed:
        """Run `program`, which `start` does until its argument says that it is cancelled.

        Raise OperationError "slow-program" when it took too long, now or not long ago.
        """
        if (left_s := self._again_at.get(program, 0.0) - self._now()) > 0:
            raise OperationError(
                f"{program} did not finish in time; it is tried again in {span(left_s)}", SLOW_HINT, code="slow-program"
            )
        began_at = self._now()
        try:
            done = start(lambda: self.is_leaving() or self._is_waited_for(self._grace_s))
        except TransientError as error:
            if error.code != "git-slow":
                raise
            raise self._too_slow(program, began_at) from error
        if done.is_cancelled and not self.is_leaving():
            self._grace_s = min(self._grace_s * 2, LONGEST_S)
            raise self._too_slow(program, began_at)
        return done

    def _too_slow(self, program: str, began_at: float) -> OperationError:
        took_s = self._now() - began_at
        self._again_at[program] = self._now() + took_s * REST
        message = f"{program} did not finish in {span(took_s)}; it is tried again in {span(took_s * REST)}"
        return OperationError(message, SLOW_HINT, code="slow-program")
