"""What is remembered of home's files, and what is linked at once, is what a fresh look and the applier come to."""

from __future__ import annotations

import mmap
import os
import random
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from gitsync.core.dotfiles import FileKind
from gitsync.git.applying.temporaries import Content
from gitsync.git.staging.contents import KnownContents
from gitsync.mirror.observe import Looker, Seen
from gitsync.mirror.place import Placed, Placement, Placer

pytestmark = pytest.mark.slow

NAMES = (b"a", b"d/b", b"d/c")
# Longer than a tick of the clock that stamps files.
PAUSE_S = 0.025


class Writer:
    """Another program: it writes by all ways there are, and keeps files open."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        self.root, self.chance = root, chance
        self.open: dict[bytes, int] = {}

    def step(self, name: bytes) -> None:
        path = self.root / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        how = self.chance.choice(
            ("write", "replace", "hold", "release", "through", "map", "stamp", "mode", "go", "link")
        )
        with suppress(FileNotFoundError, ValueError, FileExistsError):
            getattr(self, how)(path, name)

    def text(self) -> bytes:
        return self.chance.choice((b"one", b"two", b"three")) * self.chance.choice((1, 1, 50))

    def write(self, path: Path, name: bytes) -> None:
        path.write_bytes(self.text())

    def replace(self, path: Path, name: bytes) -> None:
        path.with_name("new").write_bytes(self.text())
        path.with_name("new").replace(path)

    def hold(self, path: Path, name: bytes) -> None:
        self.release(path, name)
        self.open[name] = os.open(path, os.O_RDWR)

    def release(self, path: Path, name: bytes) -> None:
        if name in self.open:
            os.close(self.open.pop(name))

    def through(self, path: Path, name: bytes) -> None:
        if name in self.open:
            os.pwrite(self.open[name], self.text(), 0)

    def map(self, path: Path, name: bytes) -> None:
        with path.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapped:
            mapped[:3] = self.chance.choice((b"one", b"two"))

    def stamp(self, path: Path, name: bytes) -> None:
        before = path.stat()
        path.write_bytes(bytes(before.st_size))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def mode(self, path: Path, name: bytes) -> None:
        path.chmod(self.chance.choice((0o600, 0o644, 0o755)))

    def go(self, path: Path, name: bytes) -> None:
        path.unlink()

    def link(self, path: Path, name: bytes) -> None:
        path.unlink()
        path.symlink_to("nowhere")


@pytest.mark.parametrize("seed", range(4))
def test_what_is_remembered_of_a_file_is_what_is_in_it(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    writer, root = Writer(tmp_path, chance), os.fsencode(tmp_path)
    contents = KnownContents()
    remembered = 0
    for _ in range(60):
        name, is_calm = chance.choice(NAMES), chance.random() < 0.4
        writer.step(name)
        if chance.random() < 0.5:
            time.sleep(PAUSE_S)
        found, fresh = look(root, contents, name, is_calm), look(root, KnownContents(), name, is_calm)
        if fresh.version.kind is FileKind.HELD and found != fresh:
            remembered += 1
            fresh = look(root, KnownContents(), name, True)  # it is open for writing, and nothing was written
        assert found == fresh, f"seed {seed}: {name!r}"
    for name in NAMES:
        writer.release(tmp_path, name)
    assert seed or remembered


def look(root: bytes, contents: KnownContents, name: bytes, is_calm: bool) -> Seen:
    with Looker(root, contents) as looker:
        return looker.look(name, is_calm=is_calm)


@pytest.mark.parametrize("seed", range(12))
def test_a_link_that_is_made_at_once_is_the_one_that_the_applier_makes(tmp_path: Path, seed: int) -> None:
    outcomes = [
        placed(tmp_path / way, random.Random(seed), is_at_once=way == "at once") for way in ("at once", "by steps")
    ]
    assert outcomes[0] == outcomes[1], f"seed {seed}"


def placed(top: Path, chance: random.Random, *, is_at_once: bool) -> object:
    """Link new files from home into a mirror that has something in the way; return what came of it."""
    home, mirror = top / "home", top / "mirror"
    wanted, expected = [], {}
    for number in range(8):
        name = chance.choice(("", "d/", "d/e/", "f/")) + str(number)
        source = home / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(b"%d" % number)
        facts = source.stat()
        one = Placement(
            os.fsencode(name),
            "",
            Content(b"%d" % number).fingerprint,
            (os.fsencode(home), os.fsencode(name)),
            is_linked=True,
            file=(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns),
        )
        wanted.append(one if is_at_once else replace(one, file=None))
        expected[name] = source
    mirror.mkdir()
    for name in chance.sample(sorted(expected), 2):
        trouble(chance.choice(("there", "directory", "gone", "replaced", "edited")), mirror / name, expected[name])
    if chance.random() < 0.5 and not (mirror / "f").exists():
        (mirror / "f").write_text("a file in the place of a directory")

    result = Placer(os.fsencode(mirror), top / "state", keep).place(wanted)
    assert isinstance(result, Placed)
    whys = {path: bool(why) for path, why in result.left.items() if expected[os.fsdecode(path)].exists()}
    # A file that was changed just now may have its second name already: it is looked at again, and is the same file.
    again = {os.fsdecode(path) for path in result.left if is_one_file(home, mirror, os.fsdecode(path))}
    linked = {name for name in expected if is_one_file(home, mirror, name)} - again
    there = {path.relative_to(mirror).as_posix() for path in mirror.rglob("*") if path.is_file()} - again
    return result.done, whys, linked, there


def is_one_file(home: Path, mirror: Path, name: str) -> bool:
    return (home / name).exists() and (mirror / name).exists() and (mirror / name).samefile(home / name)


def trouble(kind: str, place: Path, source: Path) -> None:
    if kind == "there":
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("somebody else's")
    elif kind == "directory":
        place.mkdir(parents=True)
    elif kind == "edited":
        source.write_text("edited since")
    else:
        source.unlink()
        if kind == "replaced":
            source.with_name("other").write_text("of somebody else")
            source.with_name("other").rename(source)


def keep(path: bytes, content: Content) -> None:
    raise AssertionError(f"{path!r} had no place")
