"""A bug in gitsync ends in status 70 and a report, and takes nothing with it."""

from __future__ import annotations

import subprocess
import sys

from tests.daemon.harness import Machine

BROKEN = """
import sys
from gitsync.daemon import main
main.load = lambda option: 1 // 0
sys.exit(main.main(["--check"]))
"""


def test_a_bug_is_reported_and_no_traceback_shown(box: Machine) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BROKEN], check=False, env=box.env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 70
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: a bug in gitsync; the report is in ")
    (report,) = (box.home / ".local/state/gitsync/reports").iterdir()
    assert "ZeroDivisionError" in report.read_text()
