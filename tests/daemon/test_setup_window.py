"""The guided setup in its window, on a real screen: what is typed and clicked, and what comes of it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.asked import make_clones_slow
from tests.daemon.harness import BIN, Machine
from tests.needs import needs

CHECKOUT = Path(__file__).resolve().parents[2]
Press = Callable[..., subprocess.CompletedProcess[str]]
SKIPPED = (
    ("question: Which directory is to be watched?", "types", ""),
    ("question: What would you like?", "clicks", "buttons.next"),
    ("question: For which directory is there to be a job?", "types", ""),
)


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    """A screen that nobody sees: its $DISPLAY."""
    needs("Xvfb", "_tkinter")
    ours, theirs = os.pipe()
    command = ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[theirs], stderr=subprocess.DEVNULL) as server:
        os.close(theirs)
        with open(ours, encoding="ascii") as told:
            number = told.readline().strip()
        yield f":{number}"
        server.terminate()


@pytest.fixture
def press(box: Machine, screen: str) -> Press:
    """Opens the window on the machine, and does there what the script says."""

    def run(*script: tuple[str, str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tests.fakes.pressing", json.dumps(script), "setup", "--window"],
            env={**box.env, "DISPLAY": screen, "PYTHONPATH": str(CHECKOUT)},
            cwd=box.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    return run


def test_a_machine_is_set_up_by_clicks_and_keys(box: Machine, press: Press, hub: Path) -> None:
    (box.home / ".gitconfig").unlink()
    (box.home / ".bashrc").write_text("alias ll='ls -l'\n")
    done = press(
        ("question: Your name", "shrinks", "1x1"),
        ("question: Your name", "types", "Ada <ada"),
        ('fault: "Ada <ada" cannot be that', "types", "Ada Grüß"),
        ("git config --global user.name 'Ada Grüß'", "clicks", "buttons.yes"),
        ("question: Your mail", "types", "ada@example.org"),
        ("question: Run that?", "presses", "<Return>"),
        ("question: Which directory", "types", "My Notes"),
        ("question: The address of its remote?", "types", f"{hub}-not"),
        ("question: Use it anyway?", "presses", "<Return>"),
        ("question: The address of its remote?", "types", str(hub)),
        ("gitsyncctl watch ~/'My Notes' --init", "clicks", "buttons.yes"),
        ("watching ~/My Notes as My Notes", "types", ""),
        ("question: What would you like?", "clicks", "choices.new"),
        ("question: What would you like?", "clicks", "buttons.next"),
        ("question: The address of its remote?", "types", ""),
        ("question: Where is it to be?", "clicks", "buttons.next"),
        ("question: Make it?", "clicks", "buttons.yes"),
        ("gitsyncctl add ~/.bashrc ~/.gitconfig", "clicks", "buttons.no"),
        ("question: Which file", "types", ".bashrc"),
        ("question: Track ~/.bashrc?", "clicks", "buttons.yes"),
        ("question: Another one?", "types", ""),
        ("question: For which directory", "types", ""),
        ("title: The end", "clicks", "buttons.left"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "watch ~/My Notes; to undo it:\n  gitsyncctl unwatch ~/'My Notes'\n" in done.stdout
    assert tomllib.loads(box.config.read_text())["repo"] == [{"path": "~/My Notes"}]
    assert run_git(box.home / "My Notes", "remote", "get-url", "origin") == str(hub)
    assert run_git(box.home / ".local/share/gitsync/home", "ls-files", ".bashrc") == ".bashrc"
    assert "Ada Grüß" in (box.home / ".gitconfig").read_text()


@pytest.mark.parametrize(
    "leave",
    [
        [("Which directory", "clicks", "buttons.left"), ("title: Left before the end", "presses", "<Return>")],
        [("Which directory", "presses", "<Escape>"), ("title: Left before the end", "closes", "")],
        [("Which directory", "closes", "")],
        [("Which directory", "interrupts", ""), ("title: Left before the end", "clicks", "buttons.left")],
    ],
    ids=["Cancel", "Escape", "closed", "Ctrl-C"],
)
def test_who_leaves_is_told_what_was_not_asked(box: Machine, press: Press, leave: list[tuple[str, str, str]]) -> None:
    done = press(*leave)
    assert (done.returncode, done.stderr) == (130, "")
    assert done.stdout.startswith("Nothing was changed.\nNot asked to the end: directories to watch, ")
    assert not box.config.exists()


def test_what_takes_long_is_shown_and_can_be_cancelled(press: Press) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"git://127.0.0.1:{silent.getsockname()[1]}/notes"
        done = press(
            ("question: Which directory", "types", "notes"),
            ("question: The address of its remote?", "types", url),
            (f"asking {url}  1 s", "clicks", "buttons.left"),
            ("title: Left before the end", "clicks", "buttons.left"),
        )
    assert (done.returncode, done.stderr) == (130, "")


def test_an_act_can_be_cancelled_in_the_middle(box: Machine, press: Press, hub: Path, tmp_path: Path) -> None:
    make_clones_slow(box, tmp_path)
    done = press(
        SKIPPED[0],
        ("question: What would you like?", "clicks", "choices.clone"),
        ("question: What would you like?", "clicks", "buttons.next"),
        ("question: The address that it was pushed to?", "types", str(hub)),
        ("question: Where is it to be?", "clicks", "buttons.next"),
        ("question: Take it over?", "clicks", "buttons.yes"),
        ("clone  1 s", "clicks", "buttons.left"),
        ("title: Left before the end", "clicks", "buttons.left"),
    )
    assert (done.returncode, done.stderr) == (130, "")
    assert "clone the mirror ~/.local/share/gitsync/home: interrupted" in done.stdout
    assert not (box.home / ".local/share/gitsync/home").exists()


def test_a_second_time_shows_what_there_is(box: Machine, press: Press) -> None:
    box.configure(box.repo())
    done = press(*SKIPPED, ("title: The end", "clicks", "buttons.left"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing was changed.\n" in done.stdout
    # What the last step said has not been seen before its end.
    assert done.stdout.startswith("there is no service manager here")


def test_keys_do_what_they_do_elsewhere(box: Machine, press: Press) -> None:
    done = press(
        ("no program before gitsync left anything to take over", "types", "//"),
        ("fault: all of / is too much to watch", "keys", "<Control-a> <BackSpace> <Tab> <Tab> <Return>"),
        ("question: What would you like?", "keys", "<Down> <Return>"),
        ("question: The address of its remote?", "keys", "<Tab> <space>"),
        ("question: Where is it to be?", "keys", "<Return>"),
        ("question: Make it?", "keys", "<Shift-Tab> <space>"),
        SKIPPED[2],
        ("title: The end", "keys", "<Escape>"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not box.config.exists()


def test_without_a_screen_it_says_so(box: Machine, screen: str) -> None:
    box.env.pop("DISPLAY", None)
    done = box.ctl("setup", "--window")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("error: cannot open a window: ")
    assert "gitsyncctl setup\n" in done.stderr


def test_without_tkinter_it_says_what_to_install(box: Machine, tmp_path: Path) -> None:
    # What a Python without tkinter raises, from where it would be.
    (tmp_path / "tkinter.py").write_text("raise ModuleNotFoundError('No module named', name='_tkinter')\n")
    done = subprocess.run(
        [BIN / "gitsyncctl", "setup", "--window"],
        env={**box.env, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert "python3-tk" in done.stderr
