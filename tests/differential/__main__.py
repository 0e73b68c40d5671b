"""The long run: `python -m tests.differential`, also a part of `make soak`.

SOAK_SECONDS (default 300) says for how long; each case has a seed of its own, counted up from SOAK_SEED (default: from
the clock). The same seed makes the same case again: SOAK_SEED=7 SOAK_SECONDS=0 runs the case 7 alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import tests.conftest
from gitsync.errors import GitsyncError
from tests.differential.compare import Case, DifferentError


def main() -> int:
    """Run cases until the time is over; return 1 when one of them found a difference."""
    assert tests.conftest.GITCONFIG  # it gives the tests a home of their own
    begun = time.monotonic()
    seconds = float(os.environ.get("SOAK_SECONDS", "300"))
    number = int(os.environ.get("SOAK_SEED") or time.time()) % 100_000_000
    tally: Counter[str] = Counter()
    found = cases = 0
    while cases == 0 or time.monotonic() < begun + seconds:
        with tempfile.TemporaryDirectory(prefix="gitsync-case-") as place:
            try:
                case = Case(Path(place), number)
                case.run()
                tally += case.tally
            except (DifferentError, GitsyncError, OSError, RuntimeError) as error:
                found += 1
                print(f"seed {number}: {type(error).__name__}: {error}", flush=True)
                print(f"to see it again: SOAK_SEED={number} SOAK_SECONDS=0 python -m tests.differential\n", flush=True)
        cases += 1
        number += 1
    told = ", ".join(f"{count} {what}" for what, count in sorted(tally.items()))
    print(f"{cases} cases in {time.monotonic() - begun:.0f} s, {found} differ: {told}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
