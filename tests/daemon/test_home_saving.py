"""Home files with a daemon: every way of saving, hard links and copies, on one file system and on two."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for
from tests.daemon.homes import (
    EDITORS,
    QUICK,
    STYLES,
    begin,
    committed,
    ctl,
    edit,
    home_status,
    mode_of,
    wait_committed,
    wait_home,
)
from tests.needs import needs


@pytest.mark.parametrize("link", ["auto", "copy"])
def test_every_way_of_saving_is_committed_and_healed(box: Machine, link: str) -> None:
    mirror = begin(box, link=link)
    files = {style.__name__: box.home / f".{style.__name__}" for style in STYLES}
    for path in files.values():
        path.write_bytes(b"one\n")
        path.chmod(0o600)
    ctl(box, "add", *map(str, files.values()))
    data = b"one\n"
    for count in range(3):
        data += b"%d\n" % count
        for style in STYLES:
            style(files[style.__name__], data)
        for path in files.values():
            wait_committed(box, path.name, data)
    assert wait_home(box)["tracked"] == len(STYLES)
    for path in files.values():
        assert path.read_bytes() == (mirror / path.name).read_bytes() == data
        assert mode_of(path) == mode_of(mirror / path.name) == 0o600
        assert path.samefile(mirror / path.name) == (link == "auto")


def test_a_file_becomes_a_directory_and_a_directory_a_file_in_one_run(box: Machine) -> None:
    (box.home / "app/was-directory").mkdir(parents=True)
    (box.home / "app/keep").write_text("one\n")
    (box.home / "app/was-file").write_text("one\n")
    (box.home / "app/was-directory/inner").write_text("one\n")
    ctl(box, "init")
    ctl(box, "add", "~/app")
    (box.home / "app/was-file").unlink()
    (box.home / "app/was-file").mkdir()
    (box.home / "app/was-file/inner").write_text("two\n")
    (box.home / "app/was-directory/inner").unlink()
    (box.home / "app/was-directory").rmdir()
    (box.home / "app/was-directory").write_text("two\n")
    done = box.gitsync("--once")
    assert done.returncode == 0, done.stderr
    found = run_git(box.home / ".local/share/gitsync/home", "ls-tree", "-r", "--name-only", "HEAD", "app").split()
    assert found == ["app/keep", "app/was-directory", "app/was-file/inner"]
    assert (box.home / "app/was-file/inner").read_text() == (box.home / "app/was-directory").read_text() == "two\n"


@pytest.mark.parametrize("program", ["vim", "emacs"])
def test_what_real_editors_do(box: Machine, program: str) -> None:
    needs(program)
    mirror = begin(box)
    commands = {name: command for name, command in EDITORS.items() if command[0] == program}
    for name in commands:
        (box.home / f".{name}").write_text("one\n")
        (box.home / f".{name}").chmod(0o600)
    ctl(box, "add", *(str(box.home / f".{name}") for name in commands))
    for count in range(1, 3):
        for name, command in commands.items():
            edit(command, box.home / f".{name}", box.env)
        for name in commands:
            wait_committed(box, f".{name}", b"one\n" + b"edited\n" * count)
    wait_home(box)
    for name in commands:
        assert (box.home / f".{name}").samefile(mirror / f".{name}")
        assert mode_of(box.home / f".{name}") == 0o600
    assert run_git(mirror, "ls-files").count("\n") == len(commands)


@pytest.fixture
def elsewhere(box: Machine) -> Iterator[Path]:
    """A mirror's place on another file system than home."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == box.home.stat().st_dev:
        if os.environ.get("CI"):
            pytest.fail("there is no second file system")
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir=memory) as place:
        yield Path(place)
        if box.process is not None:
            box.stop()


@pytest.fixture
def mounted(box: Machine) -> Iterator[Path]:
    """A place that can be unmounted."""
    place = box.home / "disk"
    place.mkdir()
    needs("mount")
    mount = ["mount", "-t", "tmpfs", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only a root that may mount can unmount")
    yield place
    if box.process is not None:
        box.stop()
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_mirror_on_another_file_system_is_kept_by_copies(box: Machine, elsewhere: Path) -> None:
    box.write_config(QUICK + f'[home]\nrepo = "{elsewhere}/mirror"\nlink = "hard"\n')
    ctl(box, "init")
    box.start()
    mirror = elsewhere / "mirror"
    path = box.home / ".vimrc"
    path.write_bytes(b"one\n")
    path.chmod(0o640)
    ctl(box, "add", str(path))
    for count, style in enumerate(STYLES[:3]):
        style(path, b"%d\n" % count)
        wait_for("the edit", partial(lambda saved: committed(mirror, ".vimrc") == saved, b"%d\n" % count))
    wait_home(box)
    assert not path.samefile(mirror / ".vimrc")
    (mirror / ".vimrc").write_bytes(b"from the mirror\n")
    wait_for("the edit in home", lambda: path.read_bytes() == b"from the mirror\n")
    wait_home(box)
    assert mode_of(path) == 0o640


def test_a_mirror_that_is_unmounted_empties_nothing(box: Machine, mounted: Path) -> None:
    box.write_config(QUICK + f'[home]\nrepo = "{mounted}/mirror"\n')
    ctl(box, "init")
    box.start()
    paths = [box.home / f".file{count}" for count in range(3)]
    for path in paths:
        path.write_text("kept\n")
    ctl(box, "add", *map(str, paths))
    wait_home(box)
    subprocess.run(["umount", "-l", str(mounted)], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", str(mounted)], check=True)
    (mounted / "mirror").mkdir()
    wait_for("the halt", lambda: ctl_state(box) in ("halted", "error"))
    assert [path.read_text() for path in paths] == ["kept\n"] * 3


def ctl_state(box: Machine) -> str:
    box.ctl("sync", "home")
    return str(home_status(box)["state"])
