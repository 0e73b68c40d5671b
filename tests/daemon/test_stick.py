"""A watched stick: it can be unmounted at any time, comes back by itself, and a foreign one in its place stops."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for
from tests.needs import needs


class Stick:
    """An image with a file system, to be mounted at one place."""

    def __init__(self, image: Path, place: Path) -> None:
        self.image = image
        self.place = place
        subprocess.run(["truncate", "-s", "32M", image], check=True)
        subprocess.run(["mkfs.ext4", "-q", image], check=True)

    def mount(self) -> None:
        """Mount it; skip the test where that is not possible."""
        done = subprocess.run(["mount", "-o", "loop", self.image, self.place], check=False, capture_output=True)
        if done.returncode:
            pytest.skip(f"this machine mounts no images: {os.fsdecode(done.stderr).strip()}")

    def unmount(self) -> None:
        """Unmount it, as a file manager does: once more when a program has just been at work there."""
        wait_for("the stick to be free", self._is_unmounted, 10.0)

    def _is_unmounted(self) -> bool:
        return subprocess.run(["umount", self.place], check=False, capture_output=True).returncode == 0


@pytest.fixture
def stick(box: Machine, tmp_path: Path) -> Iterator[Stick]:
    """A stick that is mounted in the home directory."""
    needs("mount", "mkfs.ext4")
    if os.geteuid():
        pytest.skip("only root can mount an image")
    place = box.home / "stick"
    place.mkdir()
    it = Stick(tmp_path / "image", place)
    it.mount()
    try:
        yield it
    finally:
        if box.process is not None:
            box.stop()
        while subprocess.run(["umount", "--lazy", place], check=False, capture_output=True).returncode == 0:
            pass


def test_it_can_be_unmounted_and_comes_back(box: Machine, hub: Path, stick: Stick, tmp_path: Path) -> None:
    root = stick.place
    run_git(root, "init", "-q")
    (root / ".gitignore").write_text("lost+found\n")
    run_git(root, "remote", "add", "origin", str(hub))
    box.configure(root, extra='name = "notes"\n')
    box.start()
    box.wait_committed(root)
    box.wait_state("ok")
    stick.unmount()
    status = box.wait_state("offline")
    assert status["error"]["code"] == "not-mounted"
    assert "is not mounted" in status["reason"]
    assert box.ctl("status").returncode == 0
    # A daemon that is started meanwhile knows it, too.
    box.stop()
    box.start()
    assert box.wait_state("offline")["error"]["code"] == "not-mounted"
    stick.mount()
    (root / "back.txt").write_text("back\n")
    head = box.wait_committed(root, patience_s=15.0)
    wait_for("the push", lambda: run_git(hub, "rev-parse", "main") == head, 15.0)
    box.wait_state("ok")
    stick.unmount()
    # It has the same device number, and its directories have the same inodes.
    foreign = Stick(tmp_path / "foreign", stick.place)
    foreign.mount()
    run_git(root, "init", "-q")
    (root / "foreign.txt").write_text("foreign\n")
    assert box.wait_state("halted")["error"]["code"] == "root-replaced"
    assert run_git(root, "log", "--oneline", check=False) == ""
    foreign.unmount()
    assert box.wait_state("offline")["questions"] == []
