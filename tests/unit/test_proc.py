"""Children: deadline, cancellation, their own children, no terminal, and no life after ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitsync import proc

PATIENCE_S = 20.0


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def wait_gone(pid: int) -> None:
    ends_at = time.monotonic() + PATIENCE_S
    while is_alive(pid):
        assert time.monotonic() < ends_at, f"{pid} is still there"
        os.sched_yield()


def wait_text(path: Path) -> str:
    ends_at = time.monotonic() + PATIENCE_S
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < ends_at, f"{path} was not written"
        os.sched_yield()
    return path.read_text().strip()


def test_output_input_and_status_come_back() -> None:
    done = proc.run(["sh", "-c", "cat; echo wrong >&2; exit 3"], deadline_s=PATIENCE_S, input=b"x" * 1_000_000)
    assert (len(done.stdout), done.errors, done.returncode, done.ok) == (1_000_000, "wrong", 3, False)


def test_a_child_that_does_not_listen_is_no_trouble() -> None:
    assert proc.run(["true"], deadline_s=PATIENCE_S, input=b"x" * 1_000_000).ok


def test_there_is_no_terminal_to_ask_on() -> None:
    done = proc.run(["sh", "-c", "read answer; echo [$answer]; : </dev/tty"], deadline_s=PATIENCE_S)
    assert done.stdout == b"[]\n"
    assert done.returncode != 0


def test_a_missing_program_is_said() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        proc.run(["no-such-program"], deadline_s=1)


def test_the_deadline_ends_the_whole_group_even_where_it_will_not_go(tmp_path: Path) -> None:
    # The leader goes on SIGTERM, its child ignores it.
    script = 'sh -c \'trap "" TERM; echo $$ > $0; while :; do sleep 1; done\' "$0" & wait'
    done = proc.run(["sh", "-c", script, str(tmp_path / "pid")], deadline_s=0.5)
    assert done.is_over_deadline
    assert not done.ok
    wait_gone(int(wait_text(tmp_path / "pid")))


def test_a_cancelled_child_ends() -> None:
    asked = iter([False, False, True])
    done = proc.run(["sleep", "60"], deadline_s=60, is_cancelled=lambda: next(asked, True))
    assert done.is_cancelled
    assert done.returncode == -signal.SIGTERM


def test_who_inherits_the_pipes_is_not_waited_for(tmp_path: Path) -> None:
    script = 'setsid sleep 60 & echo $! > "$0"; echo done'
    done = proc.run(["sh", "-c", script, str(tmp_path / "pid")], deadline_s=40)
    assert done.ok
    assert done.stdout == b"done\n"
    os.kill(int(wait_text(tmp_path / "pid")), signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_a_child_does_not_outlive_us(tmp_path: Path) -> None:
    code = (
        "import sys; from gitsync import proc; "
        "proc.run(['sh', '-c', 'echo $$ > \"$0\"; exec sleep 60', sys.argv[1]], deadline_s=60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "pid")]) as us:
        pid = int(wait_text(tmp_path / "pid"))
        us.kill()
    wait_gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_a_child_can_clear_away_when_we_are_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from gitsync import proc; "
        "proc.run(['sh', '-c', 'trap \"rm $1; exit 1\" TERM; echo $$ > $1; while :; do sleep 0.1; done', "
        "'sh', sys.argv[1]], deadline_s=60)"
    )
    lock = tmp_path / "main.lock"
    with subprocess.Popen([sys.executable, "-c", code, str(lock)]) as us:
        pid = int(wait_text(lock))
        us.kill()
    wait_gone(pid)
    assert not lock.exists()


def test_the_last_words_of_a_child_that_ends_between_two_looks_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine it writes and ends after the pipes were looked at, and before its status is."""
    poll = subprocess.Popen.poll

    def late(child: subprocess.Popen[bytes]) -> int | None:
        time.sleep(0.6)
        return poll(child)

    monkeypatch.setattr(subprocess.Popen, "poll", late)
    done = proc.run(["sh", "-c", "sleep 0.6; echo said"], deadline_s=20.0)
    assert (done.returncode, done.stdout) == (0, b"said\n")
