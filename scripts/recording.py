"""Records docs/recording.svg: types commands in a terminal, with a home and a daemon of its own, and draws the answers.

`python scripts/recording.py [--bin DIR] [FILE]`. The picture is an animation without a script: the lines appear one
after the other, and stay. Times and ids are those of the run, so a new recording differs from the last.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLUMNS, ROWS = 92, 48
# What is typed, and how long (seconds) to wait before it, for gitsync to notice what the one before did.
SCENE = (
    ("gitsyncctl watch ~/Notes --init", 0.0),
    ("gitsync --daemon", 0.0),
    ("echo '- milk' > ~/Notes/todo.txt", 0.0),
    ("echo '- bread' >> ~/Notes/todo.txt", 3.5),
    ("gitsyncctl status", 3.5),
    ("gitsyncctl log Notes", 0.0),
    ("rm ~/Notes/todo.txt", 0.0),
    ("gitsyncctl restore ~/Notes/todo.txt", 3.5),
    ("gitsyncctl restore ~/Notes/todo.txt --at '8 seconds ago' --dry-run", 0.0),
    ("gitsyncctl find bread", 0.0),
)
TYPED_S, ANSWER_S, READ_S = 0.04, 0.35, 1.4
FONT_PX, LINE_PX, CHAR_PX, EDGE_PX = 14, 19, 8.43, 18
COLOURS = {"31": "#f38ba8", "32": "#a6e3a1", "33": "#f9e2af", "36": "#94e2d5", "2": "#8c92ac"}
_SGR = re.compile(r"\x1b\[([\d;]*)m")
_OTHER = re.compile(r"\x1b\[[\d;?]*[A-Za-ln-z]|\r")


def main(argv: list[str] | None = None) -> int:
    """Record, and write the picture."""
    parser = argparse.ArgumentParser(prog="recording.py", description=__doc__)
    parser.add_argument("--bin", metavar="DIR", default=str(Path(sys.executable).parent), help="where gitsync is")
    parser.add_argument("file", nargs="?", default=str(ROOT / "docs/recording.svg"))
    given = parser.parse_args(argv)
    Path(given.file).write_text(picture(record(given.bin)), encoding="utf-8")
    return 0


def record(programs: str) -> list[tuple[str, list[str]]]:
    """Return each command with the lines that it printed on a terminal."""
    with tempfile.TemporaryDirectory(prefix="gitsync-recording-") as name:
        environment = _environment(Path(name), programs)
        try:
            found = []
            for command, wait_s in SCENE:
                time.sleep(wait_s)
                found.append((command, _typed(command, environment)))
        finally:
            subprocess.run(["gitsyncctl", "stop"], env=environment, check=False, capture_output=True)
    return found


def _environment(directory: Path, programs: str) -> dict[str, str]:
    home, run = directory / "ada", directory / "run"
    home.mkdir()
    run.mkdir(mode=0o700)
    (home / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.org\n[init]\ndefaultBranch = main\n")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "GIT", "NO_COLOR"))}
    own = {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(run),
        "TERM": "xterm",
        "COLUMNS": str(COLUMNS),
        "LC_ALL": "C.UTF-8",
    }
    return {**kept, **own, "PATH": f"{programs}:{os.environ['PATH']}"}


def _typed(command: str, environment: dict[str, str]) -> list[str]:
    here, there = pty.openpty()
    child = subprocess.Popen(
        ["bash", "-c", command], env=environment, cwd=environment["HOME"], stdout=there, stderr=there, stdin=there
    )
    os.close(there)
    data = b""
    while True:
        is_ready = select.select([here], [], [], 0.1)[0]
        try:
            piece = os.read(here, 65536) if is_ready else b""
        except OSError:  # the other end is closed
            break
        data += piece
        if not piece and child.poll() is not None:  # a daemon may keep the terminal
            break
    child.wait(60)
    os.close(here)
    if child.returncode:
        raise SystemExit(f"error: {command} failed: {data.decode(errors='replace')}")
    lines = data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")[:-1]
    # A line of progress is taken away by what comes after it.
    return [_OTHER.sub("", line.rpartition("\x1b[K")[2]) for line in lines]


def picture(scene: list[tuple[str, list[str]]]) -> str:
    """Return the animation as SVG."""
    drawn: list[str] = []
    at_s, row = 0.6, 0
    for command, lines in scene:
        typed = [f'<tspan fill="#a6e3a1">$</tspan> {escape(command)}']
        for number, line in enumerate([*typed, *(_spans(line) for line in lines)]):
            at_s += len(command) * TYPED_S if number == 0 else ANSWER_S if number == 1 else 0.05
            y = EDGE_PX * 2 + (row + 1) * LINE_PX
            drawn.append(f'<text x="{EDGE_PX}" y="{y}" class="l" style="animation-delay:{at_s:.2f}s">{line}</text>')
            row += 1
        at_s += READ_S if lines else ANSWER_S
    width, height = int(COLUMNS * CHAR_PX + 2 * EDGE_PX), EDGE_PX * 3 + (row + 1) * LINE_PX
    dots = "".join(
        f'<circle cx="{EDGE_PX + 18 * n}" cy="{EDGE_PX}" r="5.5" fill="{colour}"/>'
        for n, colour in enumerate(("#f38ba8", "#f9e2af", "#a6e3a1"))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img"><title>gitsync in a terminal</title>\n'
        "<desc>Recorded by scripts/recording.py from a real run.</desc>\n"
        f"<style>text{{font:{FONT_PX}px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#cdd6f4;"
        "white-space:pre}.l{opacity:0;animation:s .01s forwards}@keyframes s{to{opacity:1}}"
        "@media (prefers-reduced-motion:reduce){.l{animation-delay:0s!important}}</style>\n"
        f'<rect width="100%" height="100%" rx="9" fill="#1e1e2e"/>{dots}\n' + "\n".join(drawn) + "\n</svg>\n"
    )


def _spans(line: str) -> str:
    """Return a line of a terminal as text with its colours."""
    return "".join(_coloured(line))


def _coloured(line: str) -> Iterator[str]:
    codes: list[str] = []
    for number, part in enumerate(_SGR.split(line)):
        if number % 2:
            codes = [code for code in part.split(";") if code not in ("", "0")] if part not in ("", "0") else []
        elif part:
            colour = next((COLOURS[code] for code in codes if code in COLOURS), "")
            style = (f' fill="{colour}"' if colour else "") + (' font-weight="bold"' if "1" in codes else "")
            yield f"<tspan{style}>{escape(part)}</tspan>" if style else escape(part)


if __name__ == "__main__":
    sys.exit(main())
