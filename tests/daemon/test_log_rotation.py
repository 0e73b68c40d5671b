"""The log of the daemon, rotated by logrotate as docs/service.rst says, in both of its ways."""

from __future__ import annotations

import re
import subprocess
from functools import partial
from pathlib import Path

from tests.daemon.harness import Machine, wait_for
from tests.needs import needs

ROOT = Path(__file__).resolve().parents[2]


def recipe(log: Path, pid_file: Path) -> str:
    """Return the recipe of the page, for these files."""
    page = (ROOT / "docs/service.rst").read_text()
    found = re.search(r"(?m)^    /home/ada/\S*/gitsync\.log \{\n(?:    .*\n)+?    \}\n", page)
    assert found is not None
    text = re.sub(r"(?m)^    ", "", found[0])
    places = "/home/ada/.local/state/gitsync/gitsync"
    text = text.replace(f"{places}.log", str(log)).replace(f"{places}.pid", str(pid_file))
    return re.sub(r"(?m)^ *(su|create) .*\n", lambda each: "    create 0600\n" if each[1] == "create" else "", text)


def is_told(log: Path, word: str) -> bool:
    return word in log.read_text()


def test_it_goes_on_after_logrotate_in_both_ways(box: Machine, tmp_path: Path) -> None:
    needs("logrotate")
    root, log, pid_file = box.repo(), tmp_path / "gitsync.log", tmp_path / "pid"
    box.configure(root)
    conf = tmp_path / "logrotate.conf"
    box.start("--log-file", str(log), "--pid-file", str(pid_file))
    for number, way in enumerate((recipe(log, pid_file), f"{log} {{\n    rotate 3\n    copytruncate\n}}\n")):
        conf.write_text(way)
        conf.chmod(0o600)
        command = ["logrotate", "--force", "--state", str(tmp_path / f"state{number}"), str(conf)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{done.stderr}\n{way}"
        assert log.with_name("gitsync.log.1").stat().st_size > 0
        (root / f"{number}.txt").write_text("a\n")
        box.wait_committed(root)
        wait_for("the log to go on", partial(is_told, log, f"Add {number}.txt"))
        assert "\0" not in log.read_text()
        assert log.stat().st_mode & 0o777 == 0o600
