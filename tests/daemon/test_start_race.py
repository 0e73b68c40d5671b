"""A command that comes while the daemon starts is not lost, whichever of the two reads the configuration first."""

from __future__ import annotations

import os
import random
import subprocess
import time

import pytest

from tests.conftest import run_git
from tests.daemon.harness import BIN, Machine, wait_for

STARTS = int(os.environ.get("SOAK_STARTS", "6"))


@pytest.mark.soak
def test_what_is_configured_at_a_random_moment_of_the_start_counts(box: Machine) -> None:
    seed = int(os.environ.get("SOAK_SEED", random.randrange(1 << 30)))
    print(f"SOAK_SEED={seed}")
    moments = random.Random(seed)
    box.write_config('[defaults]\nquiet = "100ms"\n')
    names: list[str] = []
    for number in range(STARTS):
        name = f"r{number}"
        run_git(box.home, "init", "-q", name)
        box.process = subprocess.Popen(
            [BIN / "gitsync", "-q"], env=box.env, cwd=box.home, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(0.0, 0.9))
        assert box.ctl("watch", str(box.home / name)).returncode == 0
        names.append(name)
        if number % 3 == 2:
            assert box.ctl("unwatch", names.pop(0)).returncode == 0
        wait_for("the daemon to watch them", lambda: _watched(box) == sorted(names))
        box.stop()


def _watched(box: Machine) -> list[str] | None:
    status = box.status()
    return sorted(repo["name"] for repo in status["repos"]) if status.get("daemon") else None


def test_a_start_waits_for_a_command_that_works_alone(box: Machine) -> None:
    box.configure(box.repo())
    state = box.home / ".local/state/gitsync"
    state.mkdir(parents=True, mode=0o700)
    holder = subprocess.Popen(["flock", str(state / "lock"), "sleep", "0.7"])
    wait_for("the lock", lambda: subprocess.run(["flock", "-n", str(state / "lock"), "true"], check=False).returncode)
    box.start()
    assert holder.wait(10) == 0
    # One that takes longer is waited for as well, when it is known to be one.
    box.stop()
    script = f'echo "$$" >{state}/lock; echo "ends soon" >>{state}/lock; sleep 3.4'
    holder = subprocess.Popen(["flock", str(state / "lock"), "sh", "-c", script])
    wait_for("the mark", lambda: (state / "lock").read_text().endswith("soon\n"))
    box.start()
    assert holder.wait(10) == 0
    # Another daemon is not waited for.
    assert box.gitsync("-q").returncode == 3
