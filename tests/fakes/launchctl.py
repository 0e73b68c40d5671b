"""launchctl and the launchd behind it, for one agent: `python launchctl.py VERB ...`, with LAUNCHD as its directory.

An agent that is bootstrapped runs, with launchd's environment, until it is booted out; one that fails is started again,
as `KeepAlive` says. Its lies: it answers late, with 37 and then 5 to the bootstraps that follow a bootout, and with 36
to that one, which it has begun; between two starts it waits a fifth of a second.
"""

from __future__ import annotations

import json
import os
import plistlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PLACE = Path(os.environ.get("LAUNCHD", "/nonexistent"))
LATE_S = 0.1
THROTTLE_S = 0.2


def main(verb: str, *words: str) -> int:
    """Answer one call."""
    time.sleep(LATE_S)
    if verb == "enable":
        return 0
    if verb == "bootstrap":
        return _bootstrap(Path(words[1]))
    facts = _facts()
    if facts is None:
        print("Could not find service", file=sys.stderr)
        return 113
    if verb == "print":
        running = "running" if facts["pid"] else "not running"
        print(f"{words[0]} = {{\n\tactive count = 1\n\tstate = {running}")
        if facts["pid"]:
            print(f"\tpid = {facts['pid']}")
        print(f"\tlast exit code = {facts['exit'] if facts['exit'] is not None else '(never exited)'}\n}}")
        return 0
    if verb == "bootout":
        (PLACE / "busy").write_text("37\n5\n")
        os.kill(facts["launchd"], signal.SIGTERM)
        return 36
    return 64


def _bootstrap(plist: Path) -> int:
    busy = PLACE / "busy"
    answers = busy.read_text().split() if busy.exists() else []
    if answers:
        busy.write_text("\n".join(answers[1:]))
        return int(answers[0])
    if _facts() is not None:
        return 5
    subprocess.Popen(
        [sys.executable, __file__, "launchd", str(plist)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    while _facts() is None:
        time.sleep(0.02)
    return 0


def launchd(plist: Path) -> int:
    """Keep the agent of a plist alive until SIGTERM."""
    given: dict[str, Any] = plistlib.loads(plist.read_bytes())
    ending: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def end(number: int, frame: object) -> None:
        ending.append(number)
        if child is not None:
            child.terminate()

    signal.signal(signal.SIGTERM, end)
    status = None
    while not ending:
        environment = {**os.environ, **given["EnvironmentVariables"], "XPC_SERVICE_NAME": given["Label"]}
        with Path(given["StandardErrorPath"]).open("ab") as errors:
            child = subprocess.Popen(
                given["ProgramArguments"], env=environment, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors
            )
        _tell(child.pid, status)
        status = child.wait()
        _tell(0, status)
        if status == 0 and given["KeepAlive"] == {"SuccessfulExit": False}:
            while not ending:
                signal.pause()
        time.sleep(THROTTLE_S)
    (PLACE / "agent").unlink()
    return 0


def _tell(pid: int, status: int | None) -> None:
    new = PLACE / "agent.new"
    new.write_text(json.dumps({"launchd": os.getpid(), "pid": pid, "exit": status}))
    new.rename(PLACE / "agent")


def _facts() -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((PLACE / "agent").read_text())
    except FileNotFoundError:
        return None
    return found


if __name__ == "__main__":
    sys.exit(launchd(Path(sys.argv[2])) if sys.argv[1] == "launchd" else main(*sys.argv[1:]))
