"""A run of the tests that leaves a process behind fails, and says which test started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import leftovers

ROOT = Path(__file__).resolve().parents[2]
CONFTEST = """
import tests.leftovers
from tests.leftovers import pytest_sessionfinish
tests.leftovers.PATIENCE_S = 0.5
tests.leftovers.mark()
"""
LEAVING = """
import subprocess
from pathlib import Path

def test_it():
    subprocess.Popen(["sleep", "60"], start_new_session=True)
"""


def _run(directory: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    (directory / "conftest.py").write_text(CONFTEST)
    (directory / "test_it.py").write_text(test)
    kept = {name: value for name, value in os.environ.items() if name != leftovers.NAME and "PYTEST" not in name}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(directory), *options]
    return subprocess.run(
        [*command, str(directory)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=directory,
        env=kept | {"PYTHONPATH": str(ROOT)},
    )


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="processes are found by /proc")
@pytest.mark.slow
@pytest.mark.parametrize(
    "workers",
    # With a worker pytest-xdist now and then waits at its end for as long as the process runs.
    ["0", pytest.param("1", marks=pytest.mark.soak)],
)
def test_a_process_that_is_left_running_fails_the_run(tmp_path: Path, workers: str) -> None:
    ran = _run(tmp_path, LEAVING, "--numprocesses", workers)
    line = next((line for line in ran.stdout.splitlines() if line.startswith("PID ")), "")
    assert line, ran.stdout
    os.kill(int(line.split()[1].rstrip(":")), signal.SIGKILL)
    assert "sleep 60: started by test_it.py::test_it (call)" in line
    assert ran.returncode == 1


def test_a_run_that_leaves_nothing_passes(tmp_path: Path) -> None:
    ran = _run(tmp_path, "def test_it():\n    pass\n")
    assert (ran.returncode, "still running" in ran.stdout) == (0, False)
