"""A history as a person has one: weeks of notes, a directory that was renamed, pictures, deleted files, two machines.

Written straight into git, so that it takes no time and is the same each time but for the day that it ends on.
"""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path

import pytest

from tests.conftest import run_git

DAY_S = 86400
HOUR_S = 3600
MACHINES = ("desk", "laptop")


class World:
    """A repository that is filled commit by commit, each at a time of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        run_git(root, "init", "-q")
        self.now = int(time.time())
        clock = time.localtime(self.now)
        # How long it is today: a commit of some hours ago is one of yesterday after midnight.
        self.day_s = clock.tm_hour * HOUR_S + clock.tm_min * 60 + clock.tm_sec

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str, *, ago_s: float, machine: str = "desk") -> None:
        """Commit everything as of some seconds ago."""
        at = f"{int(self.now - ago_s)} +0000"
        run_git(self.root, "add", "--all")
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("GIT_COMMITTER_DATE", at)
            patched.setenv("GIT_AUTHOR_DATE", at)
            run_git(self.root, "commit", "-q", "--allow-empty", "-m", f"{message}\n\nGitsync-Machine: {machine}")


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """Return a picture: a gradient of a colour."""
    rows = b"".join(
        b"\0"
        + b"".join(bytes(int(part * (0.4 + 0.6 * (x + y) / (width + height))) for part in colour) for x in range(width))
        for y in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PROMISE = "We will come to Zanzibar in the spring, if the ferry runs."
LETTER = f"""\
Dear aunt Josephine,

thank you for the parcel. The marmalade is nearly gone already, and the
children ask every morning whether there is more of it.

{PROMISE}

Yours, Ada
"""
CODE = '''\
"""Counts the words of a text."""

from collections import Counter


def words(text: str) -> Counter[str]:
    """Return how often each word occurs."""
    return Counter(text.lower().split())


if __name__ == "__main__":
    print(words("a rose is a rose"))
'''


def usual(root: Path) -> World:
    """Make the history of a usual repository: some forty commits over five weeks."""
    world = World(root)
    world.write("README.md", "# Notes\n\nEverything that must not be lost.\n")
    world.write("journal/2026-10.md", "# October\n\n- planted the tulips\n")
    world.write("drafts/letter.txt", LETTER.replace(f"{PROMISE}\n\n", ""))
    world.write("code/words.py", CODE)
    world.write("pictures/garden.png", png(360, 240, (90, 170, 110)))
    world.write("taxes/2025.ods", b"PK\3\4" + bytes(range(256)) * 40)
    world.commit("Add 6 files", ago_s=36 * DAY_S)
    diary = (root / "journal/2026-10.md").read_text()
    for day in range(34, 12, -1):
        diary += f"- day {35 - day}: watered everything\n"
        world.write("journal/2026-10.md", diary)
        ago_s = day * DAY_S + (day % 5) * HOUR_S
        world.commit("Change journal/2026-10.md", ago_s=ago_s, machine=MACHINES[day % 3 == 0])
    world.write("drafts/letter.txt", LETTER)
    world.commit("Change drafts/letter.txt", ago_s=12 * DAY_S, machine="laptop")
    run_git(root, "mv", "drafts", "letters")
    world.commit("Rename drafts/letter.txt to letters/letter.txt", ago_s=10 * DAY_S)
    (root / "letters/letter.txt").rename(root / "letters/aunt.txt")
    world.commit("Rename letters/letter.txt to letters/aunt.txt", ago_s=9 * DAY_S)
    world.write(
        "letters/aunt.txt",
        LETTER.replace(PROMISE, "We cannot come this year."),
    )
    world.commit("Change letters/aunt.txt", ago_s=8 * DAY_S)
    world.write("todo.txt", "buy milk\ncall the plumber\npay the rent\n")
    world.commit("Add todo.txt", ago_s=3 * DAY_S)
    (root / "taxes/2025.ods").unlink()
    world.commit("Remove taxes/2025.ods", ago_s=2 * DAY_S, machine="laptop")
    world.write("pictures/garden.png", png(360, 240, (170, 90, 120)))
    world.commit("Change pictures/garden.png", ago_s=world.day_s + HOUR_S)
    world.write("todo.txt", "buy milk and bread\ncall the plumber\npay the rent\n")
    world.commit("Change todo.txt", ago_s=min(5 * HOUR_S, world.day_s * 0.8), machine="laptop")
    world.write("code/words.py", CODE.replace("lower", "casefold").replace("is a rose", "is a rose is a rose"))
    world.write("todo.txt", "buy bread\ncall the plumber at nine\npay the rent\nwrite to aunt Josephine\n")
    world.commit("Change 2 files: code/words.py, todo.txt", ago_s=min(2 * HOUR_S, world.day_s * 0.4))
    return world
