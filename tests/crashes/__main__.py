"""Every point of every scene: `python -m tests.crashes [SCENE ...]`, a part of `make soak`.

CRASH_WAYS=kill,power (default: all) says what is met, CRASH_STRIDE=10 tries every tenth call, CRASH_SECONDS ends it.
Each failure is printed with what was said; the last lines count what was tried. The status is 1 when anything failed.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter

from tests.crashes import points
from tests.crashes.scenes import SCENES
from tests.crashes.world import World
from tests.tools import is_there


def main(names: list[str]) -> int:
    """Try them; return the exit status."""
    ways = os.environ.get("CRASH_WAYS", ",".join(points.WAYS)).split(",")
    stride = int(os.environ.get("CRASH_STRIDE", "1"))
    ends_at = time.monotonic() + float(os.environ.get("CRASH_SECONDS", "inf"))
    tried: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    world = World()
    try:
        for scene in SCENES:
            if (names and scene.name not in names) or not all(map(is_there, scene.tools)):
                continue
            stage = points.prepare(world, scene)
            for way in ways:
                apt = [call for call in stage.calls if points.is_apt(way, call)]
                for call in apt[::stride]:
                    if time.monotonic() > ends_at:
                        break
                    tried[way] += 1
                    wrong = points.attempt(world, stage, way, call.number)
                    if wrong:
                        failed[way] += 1
                        print("\n".join([f"== {scene.name} {way} {call}", *wrong]), flush=True)
                print(f"## {scene.name} {way}: {tried[way]} tried so far, {failed[way]} failed", flush=True)
    finally:
        world.close()
    for way in ways:
        print(f"{way}: {tried[way]} points, {failed[way]} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
