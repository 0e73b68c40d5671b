"""What the setup asks a person on a machine, and what became of the configuration."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.daemon.harness import Machine
from tests.fakes.person import Person

Ask = Callable[..., Person]
DIRECTORY, ANOTHER = "Which directory is to be watched?", "Another directory?"
REMOTE, HOME, JOB = "The address of its remote?", "What would you like?", "For which directory is there to be a job?"


def config(box: Machine) -> dict[str, Any]:
    """Return the tables of the configuration file, none when there is no file."""
    return tomllib.loads(box.config.read_text()) if box.config.exists() else {}


def make_clones_slow(box: Machine, directory: Path) -> None:
    """Have every `git clone` on the machine begin with a minute of nothing."""
    git = directory / "bin/git"
    git.parent.mkdir()
    git.write_text(f'#!/bin/sh\ncase "$*" in *clone*) sleep 60 ;; esac\nexec {shutil.which("git")} "$@"\n')
    git.chmod(0o755)
    box.env["PATH"] = f"{git.parent}:{box.env['PATH']}"
