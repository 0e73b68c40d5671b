"""The long run: `python -m tests.convergence.soak`, or `make soak`.

SOAK_SECONDS (default 300) says for how long; each turn has a seed of its own, counted up from SOAK_SEED (default: from
the clock), and is printed before it begins. The same seed makes the same turn again: SOAK_SEED=7 SOAK_SECONDS=0 runs
the turn 7 alone. A failure is shortened by hypothesis and ends the run with status 1.
"""

from __future__ import annotations

import os
import sys
import time

from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.convergence.engines import Engines
from tests.convergence.machine import QUIET, AskingMachine, ConvergenceMachine

EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "6"))
STEPS = int(os.environ.get("SOAK_STEPS", "50"))
CONFLICTS = ("keep-both", "manual", "keep-both", "newest", "union", "manual", "theirs", "ours")


def main() -> int:
    """Run turns until the time is over."""
    begun = time.monotonic()
    seconds = float(os.environ.get("SOAK_SECONDS", "300"))
    number = int(os.environ.get("SOAK_SEED") or time.time()) % 1_000_000
    phases = [Phase.generate, Phase.shrink] if os.environ.get("SOAK_SHRINK", "1") != "0" else [Phase.generate]
    engines = Engines()
    turns = 0
    try:
        while turns == 0 or time.monotonic() < begun + seconds:
            policy = os.environ.get("SOAK_CONFLICT") or CONFLICTS[number % len(CONFLICTS)]
            print(f"seed {number} conflict {policy}", flush=True)
            chosen = {
                "engines": engines,
                "conflict": policy,
                "bug": os.environ.get("SOAK_BUG", ""),
                "is_shared": os.environ.get("SOAK_SHARED", "1") != "0",
            }
            base = AskingMachine if number % 3 == 2 else ConvergenceMachine
            machine = seed(number)(type("Machine", (base,), chosen))
            try:
                run_state_machine_as_test(
                    machine, settings=settings(QUIET, max_examples=EXAMPLES, stateful_step_count=STEPS, phases=phases)
                )
            except BaseException:
                print(f"\nto see it again: SOAK_SEED={number} SOAK_SECONDS=0 make soak", flush=True)
                raise
            turns += 1
            number += 1
    finally:
        engines.close()
    told = ", ".join(f"{count} {what}" for what, count in sorted(engines.tally.items()))
    print(f"{turns} turns in {time.monotonic() - begun:.0f} s, none failed: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
